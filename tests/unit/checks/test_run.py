from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from obsctl.checks import CHECKS
from obsctl.checks.base import CheckStatus, Context, Signal, Verdict
from obsctl.checks.run import run_checks, select
from obsctl.errors import BackendError, UsageError
from obsctl.events import Event
from obsctl.wait import Deadline
from tests.unit.checks.world import World, healthy

PASSED = Verdict(CheckStatus.PASS, "fine")


@dataclass
class Little:
    """A check that does what it is told."""

    id: str
    act: Callable[[Context], Verdict] = lambda _: PASSED
    title: str = "a little check"

    @property
    def signal(self) -> Signal:
        return Signal(self.id.partition(".")[0])

    def run(self, context: Context) -> Verdict:
        return self.act(context)


def raising(error: BaseException) -> Callable[[Context], Verdict]:
    def act(_: Context) -> Verdict:
        raise error

    return act


@pytest.fixture(scope="module")
def world() -> World:
    return healthy()


def test_outcomes_come_in_the_order_of_the_checks_whoever_ends_first(world: World) -> None:
    ended = threading.Event()

    def last(context: Context) -> Verdict:
        ended.wait(context.deadline.left)
        return PASSED

    def first(_: Context) -> Verdict:
        ended.set()
        return PASSED

    events: list[Event] = []
    checks = (Little("logs.late", last), Little("traces.early", first))
    outcomes = run_checks(checks, lambda _: world.context(10.0), events.append)
    assert [o.check for o in outcomes] == ["logs.late", "traces.early"]
    assert {e.subject for e in events} == {"logs.late", "traces.early"}
    assert {e.kind for e in events} == {"checked"}


def test_a_check_that_breaks_is_an_error_and_harms_no_other(world: World) -> None:
    checks = (
        Little("logs.broken", raising(KeyError("x"))),
        Little("logs.unreachable", raising(BackendError("Loki refused the connection", hint="obsctl status"))),
        Little("logs.fine"),
    )
    broken, unreachable, fine = (o.verdict for o in run_checks(checks, lambda _: world.context(10.0)))
    assert broken.status is CheckStatus.ERROR
    assert broken.summary == "the check broke: KeyError: 'x'"
    assert (unreachable.status, unreachable.summary) == (CheckStatus.ERROR, "Loki refused the connection")
    assert unreachable.hint == "obsctl status"
    assert fine is PASSED


def test_a_check_that_never_ends_is_an_error_at_its_own_deadline(world: World) -> None:
    release = threading.Event()

    def stuck(_: Context) -> Verdict:
        release.wait()
        return PASSED

    def context(signal: Signal) -> Context:
        return world.context(0.05 if signal is Signal.LOGS else 20.0)

    def slower(_: Context) -> Verdict:
        release.wait(20.0)  # released once the stuck one was given up
        return PASSED

    def emit(event: Event) -> None:
        assert event.subject == "logs.stuck" or release.is_set()
        release.set()

    stuck_outcome, fine = run_checks(
        (Little("logs.stuck", stuck), Little("traces.slow", slower)), context, emit, grace=0.05
    )
    assert (stuck_outcome.verdict.status, stuck_outcome.verdict.summary) == (
        CheckStatus.ERROR,
        "not finished by its deadline",
    )
    assert fine.verdict is PASSED


def test_a_context_is_made_once_for_each_signal_and_all_share_what_is_fetched(world: World) -> None:
    made: list[Signal] = []
    seen: list[object] = []

    def context(signal: Signal) -> Context:
        made.append(signal)
        return world.context(10.0)

    def look(context: Context) -> Verdict:
        seen.append(context.cache)
        return PASSED

    run_checks((Little("logs.a", look), Little("logs.b", look), Little("traces.c", look)), context)
    assert made == [Signal.LOGS, Signal.TRACES]
    assert len(set(map(id, seen))) == 1


def test_an_interrupt_cancels_what_the_checks_wait_for(world: World) -> None:
    cancelled = threading.Event()
    waiting = threading.Event()

    def wait(context: Context) -> Verdict:
        waiting.set()
        context.deadline.cancelled.wait(20.0)
        return PASSED

    def interrupt(_: Event) -> None:
        waiting.wait(20.0)
        raise KeyboardInterrupt

    context = replace(world.context(20.0), deadline=Deadline.after(20.0, cancelled))
    with pytest.raises(KeyboardInterrupt):
        run_checks((Little("logs.wait", wait), Little("logs.fine")), lambda _: context, interrupt)
    assert cancelled.is_set()


def chosen(only: tuple[str, ...] = (), skip: tuple[str, ...] = ()) -> list[str]:
    return [s.check.id for s in select(CHECKS, only, skip) if not s.left_out]


def test_checks_are_chosen_by_id_signal_and_glob() -> None:
    assert chosen() == [c.id for c in CHECKS]
    assert chosen(only=("metrics.exact",)) == ["metrics.exact"]
    assert chosen(only=("readiness", "*.exemplar")) == ["readiness.roles", "readiness.driven", "correlation.exemplar"]
    assert chosen(only=("logs",), skip=("*.fields",)) == ["logs.present"]


def test_what_is_left_out_is_skipped_with_the_reason(world: World) -> None:
    checks = (Little("logs.a"), Little("logs.b"), Little("traces.c"))
    a, b, c = run_checks(checks, lambda _: world.context(1.0), only=("logs",), skip=("logs.b",))
    assert a.verdict is PASSED
    assert (b.verdict.status, b.verdict.summary) == (CheckStatus.SKIP, "left out by --skip logs.b")
    assert (c.verdict.status, c.verdict.summary) == (CheckStatus.SKIP, "not among --only logs")


@pytest.mark.parametrize(
    ("only", "skip", "message", "hint"),
    [
        (("metrics.exat",), (), "--only metrics.exat: no check", 'did you mean "metrics.exact"?'),
        ((), ("trace",), "--skip trace: no check", 'did you mean "traces"?'),
        (("grafana.*",), (), "--only grafana.*: no check", ""),
        (("zzz",), (), "--only zzz: no check", "checks: readiness, "),
        (("logs",), ("logs",), "leave no check to run", ""),
    ],
)
def test_a_name_that_fits_nothing_is_a_usage_error(only, skip, message, hint) -> None:
    with pytest.raises(UsageError) as caught:
        select(CHECKS, only, skip)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_several_checks_may_be_named_at_once(world: World) -> None:
    outcomes = run_checks(CHECKS, lambda _: world.context(10.0), only=["metrics.types,traces.*"])
    chosen = {o.check for o in outcomes if o.chosen}
    assert chosen == {"metrics.types", *(c.id for c in CHECKS if c.signal is Signal.TRACES)}
    with pytest.raises(UsageError, match="--skip nonsense: no check"):
        select(CHECKS, skip=["traces.state,nonsense"])
