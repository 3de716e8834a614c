"""Evaluates all groups, each at its own interval, in one thread of its own, so that ingest is not held up.

Times of evaluation are multiples of a group's interval, moved by an amount that follows from its name: they are the
same after a restart, and groups do not all come at once.
"""

from __future__ import annotations

import hashlib
import logging
import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from obsctl.embedded import self_metrics
from obsctl.embedded.rules.group import GroupRun, Tell
from obsctl.embedded.rules.model import AlertOrigin, RuleGroup
from obsctl.embedded.rules.status import GroupStatus
from obsctl.embedded.self_metrics import SelfMetrics
from obsctl.embedded.store.base import SampleReader, Sink

_SHARE = 10
"""Costly groups together take one part in so many of the time, so that other work goes on; the rest is missed."""

_LONGEST_MS = 60_000
"""It is evaluated at least this often all the same."""

_log = logging.getLogger("obsctl.embedded.rules")


@dataclass
class _Scheduled:
    run: GroupRun
    due: int


class RuleManager:
    """All groups and their thread. The first evaluations happen at once."""

    def __init__(
        self,
        groups: Sequence[RuleGroup],
        reader: SampleReader,
        sink: Sink,
        tell: Tell,
        around: AlertOrigin,
        metrics: SelfMetrics,
    ) -> None:
        now = _now()
        self._metrics = metrics
        self._stop = threading.Event()
        runs = [GroupRun(group, reader, sink, tell, around, stopping=self._stop.is_set) for group in groups]
        self._scheduled = [_Scheduled(run, aligned(run.group, now)) for run in runs]
        for run in runs:
            self._announce(run)
        self._thread = threading.Thread(target=self._work, name="rules", daemon=True)
        if runs:
            self._thread.start()

    def statuses(self) -> Sequence[GroupStatus]:
        """How every group is, in the order of the files."""
        return [one.run.status for one in self._scheduled]

    def close(self) -> None:
        """Stop; an evaluation under way is cancelled."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _announce(self, run: GroupRun) -> None:
        key = run.group.key
        for family in self_metrics.RULE_COUNTERS:
            self._metrics.add(family, 0, key)
        self._metrics.gauge(self_metrics.RULE_INTERVAL, lambda: run.group.interval_ms / 1000, key)
        self._metrics.gauge(self_metrics.RULE_RULES, lambda: len(run.group.rules), key)
        self._metrics.gauge(self_metrics.RULE_LAST_SECONDS, lambda: run.status.seconds, key)
        self._metrics.gauge(self_metrics.RULE_LAST_TIME, lambda: run.status.evaluated / 1000, key)

    def _work(self) -> None:
        while True:
            first = min(self._scheduled, key=lambda one: one.due)
            if self._stop.wait(max(0.0, (first.due - _now()) / 1000)):
                return
            self._evaluate(first)

    def _evaluate(self, one: _Scheduled) -> None:
        group = one.run.group
        try:
            one.run.evaluate(one.due)
        except Exception:  # noqa: BLE001 - the boundary of the thread: one group must not take the others along
            _log.exception("group %s could not be evaluated", group.key)
            self._metrics.add(self_metrics.RULE_FAILURES, len(group.rules), group.key)
        else:
            failed = sum(rule.health == "err" for rule in one.run.status.rules)
            self._metrics.add(self_metrics.RULE_FAILURES, failed, group.key)
        self._metrics.add(self_metrics.RULE_EVALUATIONS, len(group.rules), group.key)
        self._metrics.add(self_metrics.RULE_SECONDS, one.run.status.seconds, group.key)
        costly = sum(_cost_ms(each.run.status) > each.run.group.interval_ms for each in self._scheduled)
        rest = _cost_ms(one.run.status) * max(costly, 1)
        one.due, missed = following(group, one.due, _now(), rest)
        self._metrics.add(self_metrics.RULE_MISSED, missed, group.key)


def aligned(group: RuleGroup, now: int) -> int:
    """The newest time of evaluation up to now (ms)."""
    digest = hashlib.sha256(group.key.encode("utf-8", "replace")).digest()
    offset = int.from_bytes(digest[:8], "big") % group.interval_ms
    return (now - offset) // group.interval_ms * group.interval_ms + offset


def _cost_ms(status: GroupStatus) -> float:
    """How long a group has to rest after an evaluation, if it is the only costly one."""
    return status.seconds * 1000 * _SHARE


def following(group: RuleGroup, due: int, now: int, rest_ms: float) -> tuple[int, int]:
    """When to evaluate next after an evaluation that asks for so much rest, and how many times are left out until then.

    A clock that was set back starts anew.
    """
    step = group.interval_ms
    if due > now + step:
        return aligned(group, now) + step, 0
    late = max((now - due) // step, 1)
    resting = math.ceil(min(rest_ms, max(step, _LONGEST_MS)) / step)
    steps = max(late, resting)
    return due + step * steps, steps - 1


def _now() -> int:
    return time.time_ns() // 1_000_000
