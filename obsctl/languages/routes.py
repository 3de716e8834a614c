"""Route templates as frameworks write them: ``/orders/<int:id>``, ``/orders/:id``, ``/orders/{id:int}`` are one route.

Pure. Everything that compares a route of the spec with one that a service wrote asks here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_NAME = r"[A-Za-z_][\w-]*"
_PARAMETERS = (
    rf"\(\?P<({_NAME})>(?:[^()]|\([^()]*\))*\)",  # Django's regular expressions
    rf"<(?:[^<>:]*:)?({_NAME})>",  # Flask, Django: <int:id>
    rf"\{{\*{{0,2}}({_NAME})(?:[:=?.][^{{}}]*(?:\{{[^{{}}]*\}}[^{{}}]*)*)?\}}",  # FastAPI, chi, ASP.NET, Laravel, axum
    rf"\[(?:\.\.\.)?({_NAME})\]",  # Next, Nuxt: [id], [...slug]
    rf"(?<=/)[:$]({_NAME})(?:\([^()]*\))?[?+*]?(?![\w-])",  # Express, Rails, gin: :id; Remix: $id
)
_ANCHORS = re.compile(r"^\^|\$$|\(\.:?format\)$|\(/?\)$|\\[AZ]")
_PLACEHOLDER = re.compile(r"\{[A-Za-z_]\w*\}|(?<=/)\*\w*(?=/|$)")


def with_placeholders(route: str) -> str:
    """A route in the notation of a spec, with ``{name}`` for each of its parameters, from the root.

    What is no parameter in any notation stays as it is; so does ``*``, which has no name.
    """
    plain = _ANCHORS.sub("", _ANCHORS.sub("", route.strip()))
    plain = f"/{plain.lstrip('/')}"
    for pattern in _PARAMETERS:
        plain = re.sub(pattern, lambda match: "{" + match[1].replace("-", "_") + "}", plain)
    return plain


def same_route(one: str, other: str) -> bool:
    """Whether two templates are of the same route, whatever their parameters are called and however they are written.

    ``*`` stands for a parameter; a slash at the end, and another case of letters, are no difference.
    """
    return one == other or route_key(one) == route_key(other)


def route_key(route: str) -> str:
    """The same text for all notations of a route."""
    return _PLACEHOLDER.sub("{}", with_placeholders(route)).rstrip("/").lower() or "/"


def fits_property(what: str, wanted: str, label: str) -> bool:
    """Whether a label's value says the same of a request as the spec does: its route, method or status.

    A method may be written in small letters, and a status as its class (``2xx``).
    """
    if what == "route":
        return same_route(wanted, label)
    if what == "method":
        return wanted.lower() == label.lower()
    return label in (wanted, f"{wanted[:1]}xx", f"{wanted[:1]}XX")


def fits_labels(wanted: Mapping[str, str], labels: Mapping[str, str], driven: Mapping[str, str]) -> bool:
    """Whether a series has all wanted labels.

    ``driven`` maps a label to the property of a request that it tells: such a value may be in another notation.
    """
    return all(
        label in labels
        and (labels[label] == value or (label in driven and fits_property(driven[label], value, labels[label])))
        for label, value in wanted.items()
    )
