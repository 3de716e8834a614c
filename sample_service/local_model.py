"""The local AI provider's models: word counts in place of weights, so that answers are instant and repeatable."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Sequence

DIMENSIONS = 64
_WORD = re.compile(r"[a-z0-9+#]{2,40}")


def words(text: str) -> list[str]:
    """The words of a text, in lower case."""
    return _WORD.findall(text.lower())


def tokens(text: str) -> int:
    """How many tokens a text is worth: about four characters each, as with the big providers."""
    return math.ceil(len(text) / 4)


def embedding(text: str) -> list[float]:
    """A vector of length 1 with ``DIMENSIONS`` components: each word adds to the component that its hash names."""
    components = [0.0] * DIMENSIONS
    for word in words(text):
        digest = hashlib.blake2b(word.encode(), digest_size=4).digest()
        components[digest[0] % DIMENSIONS] += 1.0 if digest[1] % 2 else -1.0
    length = math.sqrt(sum(c * c for c in components))
    return [c / length for c in components] if length else [1.0] + [0.0] * (DIMENSIONS - 1)


def chat(contents: Sequence[str]) -> str:
    """A score for the CV and the project in the last message: the share of the project's words that the CV has."""
    cv, _, project = (contents[-1] if contents else "").partition("\n\nProject:\n")
    wanted, offered = set(words(project)), set(words(cv))
    common = len(wanted & offered)
    score = round(100 * common / len(wanted)) if wanted else 0
    return json.dumps({"score": score, "reason": f"{common} of {len(wanted)} terms of the project are in the CV."})
