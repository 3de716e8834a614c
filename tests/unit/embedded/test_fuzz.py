"""A short fuzz campaign: decoders, applications and sockets. ``python -m tests.fuzz`` is the long one."""

from __future__ import annotations

import pytest

from tests.fuzz.campaign import PARTS, Findings, Parts, campaign, decode_all
from tests.fuzz.mutate import Mutator
from tests.fuzz.sockets import send_all

SHARES: Parts = {**PARTS, "sockets": (0.1, send_all)}
SEED = 20_260_801


@pytest.mark.parametrize(("part", "inputs"), [("decoders", 6000), ("calls", 1500), ("sockets", 600)])
def test_no_input_breaks_anything(starts_programs: None, part: str, inputs: int) -> None:
    findings = campaign(SEED, inputs, {part: SHARES[part]})
    assert findings.kinds == {}
    assert findings.inputs == inputs
    assert sum(findings.outcomes.values()) == inputs


def test_a_decoder_that_breaks_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_text: str) -> object:
        raise RecursionError

    monkeypatch.setattr("tests.fuzz.decoders.parse_promql", broken)
    findings = Findings()
    decode_all(Mutator(SEED), 100, findings)
    assert list(findings.kinds) == ["PromQL: RecursionError"]
