"""The metrics backend has loaded every rule that is derived from the contract, and each can be evaluated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from obsctl.checks._metrics import NO_BACKEND
from obsctl.checks._poller import Poller
from obsctl.checks._verdicts import could_not_look, count, failed, few, noted, passed, short, skipped, summed
from obsctl.checks.base import Context, Evidence, ExpectedRule, Signal, Verdict
from obsctl.clients.promql import LoadedRule, PromqlClient
from obsctl.errors import UnsupportedError

QUERY = "GET /api/v1/rules"


class RulesLoaded:
    """See ``docs/checks/rules-loaded.md``."""

    id = "rules.loaded"
    signal = Signal.RULES
    title = "every rule of the contract is loaded and healthy"

    def run(self, context: Context) -> Verdict:
        """Compare what is loaded with what was rendered, once each of them has been evaluated."""
        if context.metrics is None:
            return skipped(NO_BACKEND)
        if not context.metrics.rules:
            return skipped("this stack uses no rule of the contract")
        poller = _RulesPoller(context.metrics.client, context.metrics.rules)
        try:
            poller.settle(context.deadline)
        except UnsupportedError as error:
            return skipped(f"this metrics backend evaluates no rules: {error.message}")
        return _verdict(context.metrics.rules, poller.mine, poller.total)


class _RulesPoller(Poller):
    """Polls until each expected rule has been evaluated: a server that has just started takes an interval for it."""

    def __init__(self, client: PromqlClient, expected: Sequence[ExpectedRule]) -> None:
        super().__init__()
        self._client = client
        self._groups = {rule.group for rule in expected}
        self._expected = Counter(expected)
        self.mine: tuple[LoadedRule, ...] = ()
        self.total = 0

    def look(self) -> bool:
        loaded = self._client.rules()
        self.total = len(loaded)
        self.mine = tuple(rule for rule in loaded if rule.group in self._groups)
        return not self._expected - _names(self.mine) and all(rule.health != "unknown" for rule in self.mine)


def _names(rules: Sequence[LoadedRule]) -> Counter[ExpectedRule]:
    return Counter(ExpectedRule(rule.group, rule.kind, rule.name) for rule in rules)


def _verdict(expected: Sequence[ExpectedRule], mine: Sequence[LoadedRule], total: int) -> Verdict:
    loaded = Evidence(QUERY, f"{count(total, 'rule')}, {len(mine)} of them in groups of this contract")
    if missing := list((Counter(expected) - _names(mine)).elements()):
        looked = [loaded, *(Evidence(f"group {m.group}", f"no {m.kind} rule {m.name}") for m in missing)]
        hint = (
            "`obsctl render` writes the rules and `obsctl up` loads them; elsewhere, name their files in `rule_files` "
            "of the server's configuration and have it read that anew"
        )
        summary = f"{len(missing)} of {count(len(expected), 'rule')} not loaded: {few(_shown(m) for m in missing)}"
        return failed(summary, looked, hint=hint)
    if bad := [rule for rule in mine if rule.health not in ("ok", "unknown")]:
        looked = [
            loaded,
            *(Evidence(f"{r.kind} rule {r.name} of {r.group}", short(r.last_error)) for r in bad),
        ]
        hint = "run the rule's expression against the server yourself: it says where it goes wrong"
        return failed(summed([f"{r.name} fails: {short(r.last_error)}" for r in bad]), looked, hint=hint)
    waiting = [rule for rule in mine if rule.health == "unknown"]
    if len(waiting) == len(mine):
        hint = "a server that has just started evaluates a group after one interval; run verify again, or see its log"
        return could_not_look("every rule is loaded, but none has been evaluated yet", [loaded], hint=hint)
    note = f"{count(len(waiting), 'rule')} not evaluated yet, such as {waiting[0].name}" if waiting else ""
    groups = Counter(rule.group for rule in mine)
    looked = [
        loaded,
        *(Evidence(f"group {name}", f"{count(n, 'rule')}, healthy") for name, n in groups.items()),
    ]
    alerts = sum(rule.kind == "alerting" for rule in mine)
    summary = (
        f"{count(len(mine), 'rule')} in {count(len(groups), 'group')} loaded and healthy, {count(alerts, 'alert')}"
    )
    return passed(summary + noted([note]), looked)


def _shown(rule: ExpectedRule) -> str:
    return f"{rule.name} ({rule.group})"
