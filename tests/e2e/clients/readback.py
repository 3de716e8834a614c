"""What arrived of a case, counted through the query APIs of the stack."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from obsctl.wait import Deadline, until
from tests.e2e.clients.catalogue import Case
from tests.e2e.clients.stack import Stack

PATIENCE = 15.0
_MOST = 5000
_LOOKBACK = 3600


@dataclass(frozen=True)
class Count:
    """Records of one signal: sent, stored, and what is wrong, "" for nothing."""

    sent: int
    stored: int
    fault: str = ""


@dataclass(frozen=True)
class Stored:
    """What arrived of a case: signal -> count, and the SDK's version as it says it, "" where it says none."""

    counts: Mapping[str, Count]
    version: str = ""


def read_back(stack: Stack, case: Case, sent: int) -> Stored:
    """Count until everything is there, or nothing has changed that for ``PATIENCE`` seconds."""
    readers = {"traces": _traces, "metrics": _metrics, "logs": _logs}
    with httpx.Client(timeout=30, trust_env=False) as http:
        counts = {
            signal: _settled(lambda signal=signal: readers[signal](http, stack, case, sent)) for signal in case.signals
        }
        return Stored(counts, _version(http, stack, case) if "traces" in case.signals else "")


def _settled(look: Callable[[], Count]) -> Count:
    last = look()

    def right() -> bool:
        nonlocal last
        last = look()
        return not last.fault

    until(right, Deadline.after(PATIENCE), interval=0.2)
    return last


def _traces(http: httpx.Client, stack: Stack, case: Case, sent: int) -> Count:
    spans = [span for trace in _search(http, stack, case, _MOST) for span in trace["spans"]]
    stored = [_tags(span["tags"]).get("matrix.seq") for span in spans]
    return compare(list(range(sent)), stored)


def _logs(http: httpx.Client, stack: Stack, case: Case, sent: int) -> Count:
    params = {"query": f'{{service_name="{case.service}"}}', "limit": _MOST, "since": f"{_LOOKBACK}s"}
    streams = _get(http, f"{stack.url(3100)}/loki/api/v1/query_range", params)["data"]["result"]
    lines = [value[1] for stream in streams for value in stream["values"]]
    return compare([f"line {seq}" for seq in range(sent)], lines)


def _metrics(http: httpx.Client, stack: Stack, case: Case, sent: int) -> Count:
    """The counter's value counts; the histogram must have as many, and the sum of what it recorded."""

    def value(query: str) -> float:
        found = _get(http, f"{stack.url(9090)}/api/v1/query", {"query": query})["data"]["result"]
        return float(found[0]["value"][1]) if len(found) == 1 else float(-len(found))

    job = f'{{job="{case.service}"}}'
    names = {"matrix_units_total": sent, "matrix_size_count": sent, "matrix_size_sum": sum(n % 10 for n in range(sent))}
    values = {name: value(name + job) for name in names}
    wrong = [f"{name} is {values[name]:g}, not {wanted}" for name, wanted in names.items() if values[name] != wanted]
    return Count(sent, max(round(values["matrix_units_total"]), 0), "; ".join(wrong))


def compare(sent: list[Any], stored: list[Any]) -> Count:
    """Every record once, and no other."""
    there, wanted = Counter[Hashable](stored), Counter[Hashable](sent)
    missing, surplus = list((wanted - there).elements()), list((there - wanted).elements())
    faults = [f"{len(missing)} missing, as {missing[0]!r}"] if missing else []
    faults += [f"{len(surplus)} too many, as {surplus[0]!r}"] if surplus else []
    return Count(len(sent), len(stored), "; ".join(faults))


def _version(http: httpx.Client, stack: Stack, case: Case) -> str:
    processes = [process for trace in _search(http, stack, case, 1) for process in trace["processes"].values()]
    tags = _tags(processes[0]["tags"]) if processes else {}
    return str(tags.get("telemetry.sdk.version", ""))


def _search(http: httpx.Client, stack: Stack, case: Case, limit: int) -> list[dict[str, Any]]:
    now = round(time.time() * 1e6)
    params = {"service": case.service, "limit": limit, "start": now - _LOOKBACK * 10**6, "end": now + 10**7}
    found: list[dict[str, Any]] = _get(http, f"{stack.url(16686)}/api/traces", params)["data"] or []
    return found


def _tags(tags: list[dict[str, Any]]) -> dict[str, Any]:
    return {tag["key"]: tag["value"] for tag in tags}


def _get(http: httpx.Client, url: str, params: Mapping[str, str | int]) -> Any:
    answer = http.get(url, params=params)
    assert answer.status_code == 200, f"{answer.url}: {answer.status_code} {answer.text[:300]}"
    return answer.json()
