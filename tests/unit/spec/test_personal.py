"""What has the form of personal data, and what only looks like it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from obsctl.spec.personal import PERSONAL, holds, passes_luhn


def is_card(text: str) -> bool:
    return holds("card", PERSONAL["card"].regex, text)


@given(st.integers(4 * 10**14, 5 * 10**14 - 1), st.integers(0, 10**6))
def test_digits_after_a_point_are_no_card_number(begin: int, whole: int) -> None:
    number = next(f"{begin}{digit}" for digit in range(10) if passes_luhn(f"{begin}{digit}"))
    assert is_card(f"paid with {number}")
    assert is_card(f"v{whole}. {number}")
    assert not is_card(f"took {whole}.{number} ms")
