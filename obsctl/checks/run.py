"""Runs checks at the same time, each by itself: one deadline a signal, no check can harm another, stable order."""

from __future__ import annotations

import difflib
import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from obsctl.checks._passive import cannot_judge
from obsctl.checks._poller import RunCache
from obsctl.checks._verdicts import could_not_look, skipped
from obsctl.checks.base import Check, CheckStatus, Context, Outcome, Signal
from obsctl.errors import BackendError, UsageError
from obsctl.events import Emit, Event, silent

GRACE = 10.0
"""Seconds after its deadline that a check may take for its last look: maybe a hundred queries on a busy machine."""


@dataclass(frozen=True)
class Selected:
    """A check, and why it is left out ("" when it is not)."""

    check: Check
    left_out: str = ""


def select(checks: Sequence[Check], only: Sequence[str] = (), skip: Sequence[str] = ()) -> tuple[Selected, ...]:
    """Which checks to run. ``only`` and ``skip`` hold ids, signals or globs (``metrics.*``), also several with commas.

    Raises UsageError for a name that fits no check, and when nothing would be left.
    """
    only, skip = _parts(only), _parts(skip)
    for option, names in (("--only", only), ("--skip", skip)):
        for name in names:
            _require_known(option, name, checks)
    selected = tuple(Selected(check, _reason(check, only, skip)) for check in checks)
    if all(s.left_out for s in selected):
        raise UsageError("--only and --skip together leave no check to run", hint="drop one of them")
    return selected


def _parts(names: Sequence[str]) -> list[str]:
    return [part.strip() for name in names for part in name.split(",")]


def _fits(check: Check, name: str) -> bool:
    return check.signal == name or fnmatchcase(check.id, name)


def _require_known(option: str, name: str, checks: Sequence[Check]) -> None:
    if any(_fits(check, name) for check in checks):
        return
    known = [*dict.fromkeys(check.signal.value for check in checks), *(check.id for check in checks)]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f'did you mean "{near[0]}"?' if near else f"checks: {', '.join(known)}"
    raise UsageError(f"{option} {name}: no check has this id or signal", hint=hint)


def _reason(check: Check, only: Sequence[str], skip: Sequence[str]) -> str:
    if only and not any(_fits(check, name) for name in only):
        return f"not among --only {', '.join(only)}"
    return next((f"left out by --skip {name}" for name in skip if _fits(check, name)), "")


def run_checks(
    checks: Sequence[Check],
    make_context: Callable[[Signal], Context],
    emit: Emit = silent,
    *,
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
    grace: float = GRACE,
    cache: RunCache | None = None,
    judged: Callable[[Outcome], None] = lambda _outcome: None,
) -> tuple[Outcome, ...]:
    """Run the selected checks concurrently; one outcome for each of ``checks``, in their order.

    ``make_context`` is asked once for each signal that is looked at, all before the first check starts; its deadline
    is that signal's. A check that raises, or has not ended ``grace`` seconds after its deadline, is an error. ``emit``
    and ``judged`` are called from this thread, once for each check that ran, as they end. ``cache`` keeps
    what was fetched for the run. Raises UsageError as ``select`` does.
    """
    selected = select(checks, only, skip)
    chosen = [s.check for s in selected if not s.left_out]
    shared = cache or RunCache()
    contexts = {
        signal: replace(make_context(signal), cache=shared) for signal in dict.fromkeys(c.signal for c in chosen)
    }

    def ended(outcome: Outcome) -> None:
        emit(_event(outcome))
        judged(outcome)

    ran = _run(chosen, contexts, ended, grace)
    return tuple(
        Outcome(s.check.id, s.check.signal, skipped(s.left_out), chosen=False) if s.left_out else ran[s.check.id]
        for s in selected
    )


def fold(outcomes: Sequence[Outcome]) -> tuple[Outcome, ...]:
    """The outcomes, with one finding for each cause.

    A red check that names another red one as its cause could not be judged: it is skipped, with that reason, and keeps
    its evidence. A chain of causes ends at the first one. Where two name each other, the earlier one is the cause.
    """
    red = {o.check: o.verdict.because for o in outcomes if o.verdict.is_red}
    order = list(red)

    def cause_of(check: str) -> str:
        found = (name for name in red[check] if name in red and name != check)
        return next((n for n in found if order.index(n) < order.index(check) or check not in _causes(n, red)), "")

    causes = {check: cause_of(check) for check in red}
    return tuple(_folded(outcome, _first(outcome.check, causes)) for outcome in outcomes)


def _causes(check: str, red: Mapping[str, Sequence[str]]) -> set[str]:
    """Every red check that a red one names as a cause, over any number of steps."""
    todo, found = [check], set[str]()
    while todo:
        more = {name for name in red[todo.pop()] if name in red} - found
        found |= more
        todo += more
    return found


def _first(check: str, causes: Mapping[str, str]) -> str:
    """The end of the chain of causes, "" for a check that stands for itself."""
    cause = causes.get(check, "")
    return (_first(cause, causes) or cause) if cause else ""


def _folded(outcome: Outcome, cause: str) -> Outcome:
    if not cause:
        return outcome
    said = f"could not be judged because of {cause}: {outcome.verdict.summary}"
    verdict = replace(outcome.verdict, status=CheckStatus.SKIP, summary=said, hint="")
    return replace(outcome, cause=cause, verdict=verdict)


def _run(
    checks: Sequence[Check], contexts: Mapping[Signal, Context], ended: Callable[[Outcome], None], grace: float
) -> Mapping[str, Outcome]:
    began = time.monotonic()
    done: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    for check in checks:
        # daemons: one that hangs must not keep the command from ending
        threading.Thread(target=_one, args=(check, contexts[check.signal], done), name=check.id, daemon=True).start()
    outcomes: dict[str, Outcome] = {}
    ends = {check.id: contexts[check.signal].deadline.at + grace for check in checks}
    try:
        while waiting := [check for check in checks if check.id not in outcomes]:
            for outcome in _next(done, waiting, ends, began):
                if outcome.check not in outcomes:
                    outcomes[outcome.check] = outcome
                    ended(outcome)
    except BaseException:
        for context in contexts.values():
            context.deadline.cancelled.set()
        raise
    return outcomes


def _next(
    done: queue.SimpleQueue[Outcome], waiting: Sequence[Check], ends: Mapping[str, float], began: float
) -> Iterable[Outcome]:
    """The next check that ends, or those that should have ended by now."""
    try:
        return [done.get(timeout=max(0.0, min(ends[c.id] for c in waiting) - time.monotonic()))]
    except queue.Empty:
        now = time.monotonic()
        return [_late(check, now - began) for check in waiting if ends[check.id] <= now]


def _one(check: Check, context: Context, done: queue.SimpleQueue[Outcome]) -> None:
    """The boundary around one check: whatever happens in it becomes its verdict."""
    began = time.monotonic()
    try:
        reason = cannot_judge(check.id, context)
        verdict = skipped(reason) if reason else check.run(context)
    except BackendError as error:
        hint = error.hint or "see that the backend runs: obsctl status"
        verdict = could_not_look(error.message, hint=hint, because=["readiness.roles"])
    except Exception as error:  # noqa: BLE001 - one broken check must not take the others with it
        hint = "this is a fault of the check itself; please report it with this output"
        verdict = could_not_look(f"the check broke: {type(error).__name__}: {error}", hint=hint)
    done.put(Outcome(check.id, check.signal, verdict, time.monotonic() - began))


def _late(check: Check, seconds: float) -> Outcome:
    hint = "a backend answers too slowly; allow more time (--timeout), or see `obsctl status`"
    return Outcome(check.id, check.signal, could_not_look("not finished by its deadline", hint=hint), seconds)


def _event(outcome: Outcome) -> Event:
    verdict = outcome.verdict
    said = f"{verdict.status.value}: {verdict.summary}"
    return Event("failed" if verdict.is_red else "checked", outcome.check, said, outcome.seconds)
