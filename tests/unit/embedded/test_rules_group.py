"""A group from one evaluation to the next: what it writes, what it tells, what it remembers over a restart."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import pytest

from obsctl.embedded.records import Batch
from obsctl.embedded.rules.functions import TemplateContext
from obsctl.embedded.rules.group import GroupRun
from obsctl.embedded.rules.load import groups
from obsctl.embedded.rules.manager import RuleManager, aligned, following
from obsctl.embedded.rules.model import AlertOrigin, RuleGroup
from obsctl.embedded.rules.status import Notice
from obsctl.embedded.rules.templates import AlertTextTemplate
from obsctl.embedded.self_metrics import RULE_EVALUATIONS, RULE_FAILURES, SelfMetrics
from obsctl.embedded.store.base import StoreFullError, Written
from obsctl.languages.gotemplate.syntax import TemplateError
from obsctl.languages.labels import Labels
from obsctl.wait import Deadline, until
from tests.unit.embedded.promql_script import labels_of
from tests.unit.embedded.rule_tests import GrowingStore

MINUTE = 60_000


def group(*rules: dict[str, Any], **more: Any) -> RuleGroup:
    return groups({"groups": [{"name": "g", "rules": list(rules)} | more]}, "r.json", MINUTE)[0]


def run(made: RuleGroup, store: GrowingStore, *, restores: bool = False, tell: Callable[..., None] = print) -> GroupRun:
    return GroupRun(made, store, store, tell, AlertOrigin(external_url="http://x"), restores=restores)


def labels(text: str) -> Labels:
    name, _, rest = text.partition("{")
    return labels_of(name, rest.rstrip("}"))


def written(store: GrowingStore, text: str) -> list[tuple[int, float | str]]:
    """Samples of a series in seconds; a staleness marker is ``stale``."""
    times, values = store.stored[store.numbers[labels(text)]]
    return [(t // 1000, "stale" if v != v else v) for t, v in zip(times, values, strict=True)]


def load(store: GrowingStore, text: str, values: Sequence[float], start: int = 0) -> None:
    for i, value in enumerate(values):
        store.put(labels(text), start + i * MINUTE, value)


@pytest.fixture
def store() -> GrowingStore:
    return GrowingStore()


def test_an_offset_moves_what_is_asked_and_what_is_written(store: GrowingStore) -> None:
    load(store, 'x{a="b"}', [1, 2, 3])
    made = run(group({"record": "y", "expr": "x * 10"}, query_offset="1m"), store)
    for now in (MINUTE, 2 * MINUTE):
        made.evaluate(now)
    assert written(store, 'y{a="b"}') == [(0, 10), (60, 20)]


def test_what_is_gone_is_marked_once(store: GrowingStore) -> None:
    load(store, 'x{a="b"}', [1, 9, 1, 1])
    made = run(group({"record": "high", "expr": "x > 5"}), store)
    for i in range(4):
        made.evaluate(i * MINUTE)
    assert written(store, 'high{a="b"}') == [(60, 9), (120, "stale")]


def test_a_rule_that_fails_leaves_everything_as_it_was(store: GrowingStore) -> None:
    load(store, 'x{a="1"}', [1, 1, 1])
    load(store, 'x{a="2"}', [1, 1], start=MINUTE)
    rules = (
        {"record": "one", "expr": "x", "labels": {"a": "same"}},
        {"alert": "A", "expr": "x", "labels": {"a": "same"}},
        {"record": "other", "expr": "sum(x)"},
    )
    made = run(group(*rules), store)
    made.evaluate(0)
    made.evaluate(MINUTE)
    recorded, alerting, other = made.status.rules
    assert (recorded.health, recorded.last_error) == (
        "err",
        "vector contains metrics with the same labelset after applying rule labels",
    )
    assert (alerting.health, alerting.last_error) == (
        "err",
        "vector contains metrics with the same labelset after applying alert labels",
    )
    assert [alert.state for alert in alerting.active.values()] == ["firing"]
    assert (other.health, other.last_error, other.evaluated) == ("ok", "", MINUTE)
    assert written(store, 'one{a="same"}') == [(0, 1)]
    assert written(store, "other") == [(0, 1), (60, 2)]


def test_a_limit_holds_for_series_and_for_alerts(store: GrowingStore) -> None:
    for i in range(3):
        load(store, f'x{{a="{i}"}}', [1, 1] if i < 2 else [])
    load(store, 'x{a="2"}', [1], start=MINUTE)
    made = run(group({"record": "y", "expr": "x"}, {"alert": "A", "expr": "x"}, limit=2), store)
    made.evaluate(0)
    assert [rule.health for rule in made.status.rules] == ["ok", "ok"]
    assert len(made.status.rules[1].active) == 2
    made.evaluate(MINUTE)
    assert [rule.last_error for rule in made.status.rules] == [
        "exceeded limit of 2 with 3 series",
        "exceeded limit of 2 with 3 alerts",
    ]
    assert not made.status.rules[1].active


class Counting(GrowingStore):
    """Counts what is written together; ``full`` refuses it."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []
        self.full = False
        self.room = 1_000

    def submit(self, batch: Batch) -> Future[Written]:
        if self.full:
            raise StoreFullError("the write queue is full")
        self.batches.append(len(batch.samples))
        done: Future[Written] = Future()
        super().submit(batch)
        done.set_result(Written(min(self.room, len(batch.samples))))
        return done


def test_samples_are_written_together_until_a_rule_may_read_them() -> None:
    store = Counting()
    rules = [{"record": name, "expr": expr} for name, expr in (("a", "1"), ("b", "2"), ("c", "a + b"), ("d", "5"))]
    run(group(*rules), store).evaluate(0)
    assert store.batches == [2, 2]
    assert written(store, "c") == [(0, 3)]
    asking = {"alert": "A", "expr": "vector(1)", "annotations": {"n": '{{ query "a" | len }}'}}
    made = run(group(rules[0], asking), store)
    made.evaluate(MINUTE)
    assert [dict(alert.annotations) for alert in made.status.rules[1].active.values()] == [{"n": "1"}]
    store.batches.clear()
    run(group(rules[0], {"record": "all", "expr": 'count({zone=~".*", a!="b", __name__=~"a|b"})'}), store).evaluate(0)
    assert store.batches == [1, 1]


@pytest.mark.parametrize(
    ("change", "says"),
    [({"full": True}, "the write queue is full"), ({"room": 1}, "1 samples dropped: too many series")],
)
def test_what_cannot_be_stored_is_an_error_of_its_rules(change: dict[str, Any], says: str) -> None:
    store = Counting()
    vars(store).update(change)
    made = run(group({"record": "a", "expr": "1"}, {"record": "b", "expr": "2"}), store)
    made.evaluate(0)
    assert [(rule.health, rule.last_error) for rule in made.status.rules] == [("err", says)] * 2


def test_people_are_told_when_it_starts_again_and_again_and_when_it_ends(store: GrowingStore) -> None:
    load(store, 'x{a="b"}', [9, 9, 9, 9, 1])
    rule = {"alert": "A", "expr": "x > 5", "for": "1m", "annotations": {"s": "{{ $value }}"}}
    told: list[list[Notice]] = []
    made = run(group(rule), store, tell=lambda notices: told.append(list(notices)))
    heard = {}
    for i in range(24):
        told.clear()
        made.evaluate(i * MINUTE)
        if told:
            [[notice]] = told
            heard[i] = (notice.starts_at // MINUTE, notice.ends_at // MINUTE)
    assert heard[1] == (1, 5)
    assert heard[3] == (1, 7)  # a minute has not quite passed at 2
    ends = {ends for i, (_, ends) in heard.items() if i >= 4}
    assert ends == {4}
    assert max(heard) in (18, 19)  # a quarter of an hour
    assert 2 not in heard


def test_a_notice_says_where_it_comes_from(store: GrowingStore) -> None:
    told: list[Notice] = []
    run(group({"alert": "A", "expr": "up==0 or vector( 1 )"}), store, tell=told.extend).evaluate(0)
    [notice] = told
    assert notice.generator_url == "http://x/graph?g0.expr=up+%3D%3D+0+or+vector%281%29&g0.tab=1"
    assert notice.labels == {"alertname": "A"}


RESTORED = [
    # hold, since, down at, up again at, seconds until it fires counted from then on
    (60, 0, 70, 72, 2, "it fired before, and fires at the next evaluation"),
    (60, 0, 55, 60, 11, "less was left than the time of grace, which it gets"),
    (60, 0, 20, 50, 41, "what was left of the wait is what it waits"),
    (5, 0, 3, 6, 5, "a short wait starts anew"),
]  # fmt: skip


@pytest.mark.parametrize(("hold", "since", "down", "again", "fires", "because"), RESTORED)
def test_a_wait_goes_on_after_a_restart(
    store: GrowingStore, hold: int, since: int, down: int, again: int, fires: int, because: str
) -> None:
    load(store, 'x{a="b"}', [1] * 300)
    made = group({"alert": "A", "expr": "x", "for": f"{hold}m"})
    first = run(made, store)
    for i in range(since, down + 1):
        first.evaluate(i * MINUTE)
    second = run(made, store, restores=True)
    for i in range(again, again + 100):
        second.evaluate(i * MINUTE)
        [alert] = second.status.rules[0].active.values()
        if alert.state == "firing":
            break
    assert i - again == fires, because


def test_after_a_long_outage_and_after_it_had_ended_a_wait_starts_anew(store: GrowingStore) -> None:
    load(store, 'x{a="b"}', [1] * 20 + [0] * 10 + [1] * 300)
    made = group({"alert": "A", "expr": "x > 0", "for": "30m"})
    first = run(made, store)
    for i in range(25):
        first.evaluate(i * MINUTE)
    assert written(store, 'ALERTS_FOR_STATE{alertname="A", a="b"}')[-1] == (1200, "stale")
    second = run(made, store, restores=True)
    for i in range(40, 43):
        second.evaluate(i * MINUTE)
    assert [alert.active_at for alert in second.status.rules[0].active.values()] == [40 * MINUTE]
    third = run(made, store, restores=True)
    for i in range(110, 113):
        third.evaluate(i * MINUTE)
    assert [alert.active_at for alert in third.status.rules[0].active.values()] == [110 * MINUTE]


CONTEXT = TemplateContext({"job": "api"}, 0.5, lambda _: [], external_url="http://x/prefix")


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ('{{ query "nothing" | first }}', "error calling first: first() called on vector with no elements"),
        ("{{ humanize $labels }}", "error calling humanize: can't convert map[string]string to float"),
        ('{{ humanize "x" }}', 'error calling humanize: strconv.ParseFloat: parsing "x": invalid syntax'),
        ("{{ gt $value 1 }}", "error calling gt: incompatible types for comparison"),
        ("{{ eq $labels $labels }}", "error calling eq: non-comparable type"),
        *(("{{ $x = 2 }}", "undefined variable: $x"), ("{{ $x := $x }}", "undefined variable: $x")),
        ("{{ .None }}", "can't evaluate field None in type the template"),
        ("{{ $value.x }}", "can't evaluate field x in type float64"),
        ("{{ $value 1 }}", "can't give argument to non-function $value"),
        ("{{ nil }}", "nil is not a command"),
        ("{{ title }}", "wrong number of args for title: want 1 got 0"),
        ("{{ title 1 }}", "error calling title: wrong type of argument: int"),
        ("{{ index $labels.job 9 }}", "error calling index: index out of range: 9"),
        ("{{ len 1 }}", "error calling len: len of type int"),
        ("{{ range 5 }}{{ end }}", "range can't iterate over 5"),
        ('{{ match "(" "x" }}', "error calling match: error parsing regexp: missing )"),
        ('{{ parseDuration "x" }}', "error calling parseDuration: not a valid duration string"),
        ("{{ toTime 1e300 }}", "error calling toTime: 1e+300 cannot be represented as a timestamp"),
        ('{{ printf "%999d%999d%999d" 1 1 1 }}' * 30, "the text is longer than 65536 characters"),
    ],
)
def test_a_template_that_cannot_be_expanded_says_why(template: str, says: str) -> None:
    with pytest.raises(TemplateError) as caught:
        AlertTextTemplate(template).expand(CONTEXT)
    assert says in str(caught.value)


@pytest.mark.parametrize("template", ["{{ if 1 }}" * 60 + "{{ end }}" * 60, "{{ " + "(" * 60 + "1" + ")" * 60 + " }}"])
def test_nesting_has_an_end(template: str) -> None:
    with pytest.raises(TemplateError, match="nested too deeply"):
        AlertTextTemplate(template)


def test_links_know_the_address_of_the_server() -> None:
    assert AlertTextTemplate("{{ externalURL }} {{ pathPrefix }} {{ $externalURL }}").expand(CONTEXT) == (
        "http://x/prefix /prefix http://x/prefix"
    )


def test_a_template_that_fails_is_told_in_its_place(store: GrowingStore) -> None:
    made = run(group({"alert": "A", "expr": "vector(1)", "annotations": {"s": "{{ gt $value 1 }}"}}), store)
    made.evaluate(0)
    [alert] = made.status.rules[0].active.values()
    assert alert.annotations["s"].startswith("<error expanding template: error calling gt")
    assert made.status.rules[0].health == "ok"


def test_times_are_the_same_after_a_restart() -> None:
    made = group({"record": "a", "expr": "1"}, interval="10s")
    times = {aligned(made, now) for now in range(1_000_000, 1_030_000, 1_000)}
    assert len(times) in (3, 4)
    assert len({time % 10_000 for time in times}) == 1
    assert all(aligned(made, time) == time for time in times)


@pytest.mark.parametrize(
    ("now", "rest", "due", "missed"),
    [
        (100_500, 10, 110_000, 0),
        (109_999, 10, 110_000, 0),
        (112_000, 10, 110_000, 0),
        (121_000, 10, 120_000, 1),
        (145_000, 10, 140_000, 3),
        (102_000, 20_000, 120_000, 1),
        (100_500, 1e9, 160_000, 5),
    ],
)
def test_evaluations_that_come_too_late_or_cost_too_much_are_left_out(
    now: int, rest: float, due: int, missed: int
) -> None:
    made = group({"record": "a", "expr": "1"}, interval="10s")
    assert following(made, 100_000, now, rest) == (due, missed)


def test_a_clock_that_was_set_back_starts_anew() -> None:
    made = group({"record": "a", "expr": "1"}, interval="10s")
    due, missed = following(made, 1_000_000, 500_000, 0.1)
    assert 500_000 < due <= 510_000
    assert missed == 0


def test_costly_groups_share_a_part_of_the_time(store: GrowingStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two groups that take 0.3 s each come every 6 s, so that both take a tenth of the time."""
    clock = [1_000_000_000]
    monkeypatch.setattr("obsctl.embedded.rules.manager._now", lambda: clock[0])
    monkeypatch.setattr(RuleManager, "_work", lambda _: None)
    made = [group({"record": name, "expr": "1"}, interval="1s", name=name) for name in ("a", "b")]
    manager = RuleManager(made, store, store, print, AlertOrigin(), SelfMetrics())
    manager.close()
    for one in manager._scheduled:
        one.run.evaluate = lambda now, one=one: setattr(one.run, "status", replace(one.run.status, seconds=0.3))
    gaps = []
    for _ in range(8):
        one = min(manager._scheduled, key=lambda each: each.due)
        due = one.due
        clock[0] = max(clock[0], due) + 300
        manager._evaluate(one)
        gaps.append(one.due - due)
    assert gaps[2:] == [6_000] * 6


def test_all_groups_are_evaluated_in_the_background(store: GrowingStore) -> None:
    metrics = SelfMetrics()
    made = [group({"record": "a", "expr": "1"}, interval="100ms"), group({"record": "b", "expr": "2"})]
    manager = RuleManager(made, store, store, print, AlertOrigin(), metrics)
    try:
        assert until(
            lambda: len(store.stored) == 2 and max(len(times) for times, _ in store.stored) > 2, Deadline.after(10)
        )
    finally:
        manager.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "rules"]
    assert [status.rules[0].health for status in manager.statuses()] == ["ok", "ok"]
    assert metrics.value(RULE_EVALUATIONS, "r.json;g") >= 4
    assert metrics.value(RULE_FAILURES, "r.json;g") == 0


def test_a_server_that_stops_does_not_wait_for_the_rest_of_a_group(store: GrowingStore) -> None:
    stop = threading.Event()
    made = group({"alert": "A", "expr": "vector(1)"}, {"record": "b", "expr": "2"})
    run = GroupRun(made, store, store, lambda _: stop.set(), AlertOrigin(), restores=False, stopping=stop.is_set)
    run.evaluate(MINUTE)
    assert [rule.health for rule in run.status.rules] == ["ok", "unknown"]


def test_a_group_that_breaks_does_not_take_the_others_along(
    store: GrowingStore, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: Sequence[Notice]) -> None:
        raise RuntimeError("no")

    metrics = SelfMetrics()
    rules = {"alert": "A", "expr": "vector(1)"}, {"record": "b", "expr": "2"}
    made = [group(rules[0], interval="100ms"), group(rules[1], interval="100ms")]
    manager = RuleManager(made, store, store, broken, AlertOrigin(), metrics)
    try:
        assert until(lambda: store.stored and len(store.stored[0][0]) > 2, Deadline.after(10))
    finally:
        manager.close()
    assert metrics.value(RULE_FAILURES, "r.json;g") >= 2
    assert "group r.json;g could not be evaluated" in caplog.text
