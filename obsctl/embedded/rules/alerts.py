"""What becomes of a rule's alerts from one evaluation to the next. Pure: alerts, series and a time in, alerts out.

The semantics are those of Prometheus 3's alerting rules. Times are milliseconds since the epoch; None is never.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from obsctl.embedded.records import SampleRecord
from obsctl.embedded.rules.model import AlertingRule
from obsctl.languages.labels import Labels

ALERTS = "ALERTS"
FOR_STATE = "ALERTS_FOR_STATE"
RESOLVED_MS = 900_000
"""How long a resolved alert is kept, so that it is told to be resolved more than once."""

State = Literal["inactive", "pending", "firing"]


@dataclass(frozen=True, slots=True)
class ActiveAlert:
    """One alert of a rule. An ``inactive`` one is resolved."""

    labels: Labels
    annotations: Mapping[str, str]
    value: float
    active_at: int
    state: State = "pending"
    fired_at: int | None = None
    resolved_at: int | None = None
    keep_since: int | None = None
    sent_at: int | None = None
    valid_until: int = 0


Active = Mapping[Labels, ActiveAlert]
"""The alerts of one rule, by their labels."""


def advance(active: Active, seen: Active, now: int, rule: AlertingRule) -> dict[Labels, ActiveAlert]:
    """The rule's alerts after an evaluation at ``now`` that gave the alerts ``seen``, all of them new."""
    known = {labels: alert for labels, alert in active.items() if alert.state != "inactive" or labels not in seen}
    fresh = {labels: alert for labels, alert in seen.items() if labels not in known}
    after: dict[Labels, ActiveAlert] = {}
    for labels, alert in {**known, **fresh}.items():
        if found := seen.get(labels):
            current = replace(alert, value=found.value, annotations=found.annotations, keep_since=None)
        else:
            gone = _gone(alert, now, rule.keep_ms)
            if gone is None:
                continue
            current = gone
        if current.state == "pending" and now - current.active_at >= rule.hold_ms:
            current = replace(current, state="firing", fired_at=now)
        after[labels] = current
    return after


def _gone(alert: ActiveAlert, now: int, keep_ms: int) -> ActiveAlert | None:
    """An alert whose series is not there any more; None when it can be forgotten."""
    if alert.state == "pending":
        return None
    if alert.state == "inactive":
        return None if alert.resolved_at is not None and now - alert.resolved_at > RESOLVED_MS else alert
    if keep_ms:
        since = now if alert.keep_since is None else alert.keep_since
        if now - since < keep_ms:
            return replace(alert, keep_since=since)
    return replace(alert, state="inactive", resolved_at=now)


def showing(active: Active) -> list[ActiveAlert]:
    """Alerts that are pending or firing."""
    return [alert for alert in active.values() if alert.state != "inactive"]


def worst(active: Active) -> State:
    """The state of the rule: that of its worst alert."""
    states = {alert.state for alert in active.values()}
    return "firing" if "firing" in states else "pending" if "pending" in states else "inactive"


def series(active: Active, at: int) -> Iterator[SampleRecord]:
    """``ALERTS`` and ``ALERTS_FOR_STATE`` (since when, in seconds) of what is pending or firing."""
    for alert in showing(active):
        labels = dict(alert.labels)
        told = labels | {"__name__": ALERTS, "alertstate": alert.state}
        yield SampleRecord(tuple(sorted(told.items())), at, 1.0)
        since = labels | {"__name__": FOR_STATE}
        yield SampleRecord(tuple(sorted(since.items())), at, float(alert.active_at // 1000))


def due(alert: ActiveAlert, now: int, resend_ms: int) -> bool:
    """Whether somebody has to be told (again)."""
    if alert.state == "pending":
        return False
    if alert.resolved_at is not None and (alert.sent_at is None or alert.resolved_at > alert.sent_at):
        return True
    return alert.sent_at is None or alert.sent_at + resend_ms < now


def sent(alert: ActiveAlert, now: int, interval_ms: int, resend_ms: int) -> ActiveAlert:
    """The alert once it is told. It holds for a while without another word: two evaluations or sendings may fail."""
    return replace(alert, sent_at=now, valid_until=now + 4 * max(interval_ms, resend_ms))


def restored(alert: ActiveAlert, last: tuple[int, float], now: int, hold_ms: int, grace_ms: int) -> ActiveAlert:
    """An alert as it was before the server was down.

    ``last`` is the newest sample of its ``ALERTS_FOR_STATE``: when (ms), and since when it was active (seconds).
    """
    down_at, since = last[0], round(last[1] * 1000)
    left = hold_ms - (down_at - since)
    if left <= 0:  # it was firing, and will again at the next evaluation
        return replace(alert, active_at=since)
    if left < grace_ms:
        return replace(alert, active_at=now + grace_ms - hold_ms)
    return replace(alert, active_at=since + now - down_at)
