"""The parts of a campaign, what each of them finds, and how much memory it took."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import psutil

from tests.fuzz.calls import applications, asked, call, fault, posted
from tests.fuzz.decoders import REFUSALS, decoders
from tests.fuzz.mutate import Mutator

SLOW_SECONDS = 5.0
"""One input that takes longer is a finding."""

MOST_GROWTH = 400 << 20
"""Bytes that this process may grow by."""


@dataclass
class Findings:
    """What went wrong, each kind once, with an input that shows it."""

    inputs: int = 0
    kinds: dict[str, str] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)

    def add(self, kind: str, shown: object) -> None:
        """Note a finding."""
        self.kinds.setdefault(kind, repr(shown)[:2000])
        self.outcomes[f"FOUND {kind}"] += 1


def decode_all(mutator: Mutator, inputs: int, findings: Findings) -> None:
    """Decoders and parsers, in turn."""
    table = list(decoders())
    for number in range(inputs):
        decoder = table[number % len(table)]
        data = decoder.input(mutator)
        began = time.perf_counter()
        try:
            decoder.decode(data)
            findings.outcomes[f"{decoder.name}: taken"] += 1
        except REFUSALS:
            findings.outcomes[f"{decoder.name}: refused"] += 1
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            findings.add(f"{decoder.name}: {_where(error)}", data)
        if time.perf_counter() - began > SLOW_SECONDS:
            findings.add(f"{decoder.name}: slower than {SLOW_SECONDS:g} s", data)
        findings.inputs += 1


def call_all(mutator: Mutator, inputs: int, findings: Findings) -> None:
    """Requests to the applications: a third writes, the others read."""

    async def run() -> None:
        with applications() as apps:
            for number in range(inputs):
                request = posted(mutator) if number % 3 == 0 else asked(mutator)
                began = time.perf_counter()
                try:
                    answer = await call(apps, request)
                    wrong = fault(request, answer)
                    findings.outcomes[f"{request.role}: {answer.status}"] += 1
                except Exception as error:  # noqa: BLE001 - that is what is looked for
                    wrong = _where(error)
                if time.perf_counter() - began > SLOW_SECONDS:
                    wrong = wrong or f"slower than {SLOW_SECONDS:g} s"
                if wrong:
                    findings.add(f"{request.method} {request.path[:60]}: {wrong}", request)
                findings.inputs += 1

    asyncio.run(run())


Parts = Mapping[str, tuple[float, Callable[[Mutator, int, Findings], None]]]

PARTS: Parts = {
    "decoders": (0.8, decode_all),
    "calls": (0.17, call_all),
}
"""Name -> the share of the inputs, and what tries them."""


def campaign(
    seed: int, inputs: int, parts: dict[str, tuple[float, Callable[[Mutator, int, Findings], None]]]
) -> Findings:
    """All parts; bounded memory is one of the findings."""
    findings, process = Findings(), psutil.Process()
    before = process.memory_info().rss
    total = sum(share for share, _ in parts.values())
    for share, run in parts.values():
        run(Mutator(seed), round(inputs * share / total), findings)
    grown = process.memory_info().rss - before
    if grown > MOST_GROWTH:
        findings.add(f"memory grew by more than {MOST_GROWTH >> 20} MiB", grown)
    return findings


def summary(findings: Findings) -> Iterator[str]:
    """What the campaign did and found."""
    yield f"{findings.inputs:,} inputs, {len(findings.kinds)} kinds of findings"
    yield from (f"  {count:>9,}  {outcome}" for outcome, count in sorted(findings.outcomes.items()))
    yield from (f"FOUND {kind}\n      {shown}" for kind, shown in findings.kinds.items())


def _where(error: Exception) -> str:
    """The kind of an error, and the line of ours that it comes from: one finding for each."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/obsctl/" in frame.filename]
    place = f" at {frames[-1].filename.rpartition('/obsctl/')[2]}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"
