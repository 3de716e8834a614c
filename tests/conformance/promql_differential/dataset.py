"""The samples that both servers get: counters with resets, gaps and ends, gauges, histograms, and every odd number.

Everything is a function of ``base``, a time in milliseconds at a full hour: two hours of samples follow it.
"""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Iterator

SPAN = 7_200_000
STALE = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]

Series = tuple[dict[str, str], dict[int, float]]
"""Labels (``__name__`` included), and values by time in milliseconds."""


def series(base: int) -> list[Series]:
    """All series, in order of their labels."""
    chance = random.Random(20_261_124)
    found = [
        *_requests(base, chance),
        *_histograms(base, chance),
        *_gauges(base, chance),
        *_facts(base),
        *_odd(base),
        *_sparse(base, chance),
        *_names(base),
    ]
    return sorted(found, key=lambda one: sorted(one[0].items()))


def _times(base: int, step: int, start: int = 0, end: int = SPAN, shift: int = 0) -> Iterator[int]:
    return iter(range(base + start + shift, base + end, step))


def _requests(base: int, chance: random.Random) -> Iterator[Series]:
    """Counters scraped every 15 s, each instance a little later; one restarts often, one ends, one begins late."""
    for number, (job, instance) in enumerate([("api", "a:1"), ("api", "a:2"), ("api", "a:3"), ("worker", "w:1")]):
        for method, status in (("get", "200"), ("get", "500"), ("post", "200"), ("post", "404")):
            if job == "worker" and method == "post":
                continue
            labels = {"__name__": "http_requests_total", "job": job, "instance": instance}
            labels |= {"method": method, "status": status}
            yield labels, dict(_counter(base, chance, number, method))


def _counter(base: int, chance: random.Random, number: int, method: str) -> Iterator[tuple[int, float]]:
    start, end = (2_400_000 if number == 2 else 0), (4_200_000 if number == 1 else SPAN)
    value = 0.0
    for index, time in enumerate(_times(base, 15_000, start, end, shift=number * 1_371)):
        value += chance.choice([0, 1, 2, 5]) if method == "get" else chance.random()
        if (number == 3 and index % 37 == 36) or (number == 0 and index == 200):
            value = chance.choice([0.0, 1.0])
        if not (number == 0 and 300 <= index < 340):
            yield time, value
    if number == 1:
        yield base + end, STALE


def _histograms(base: int, chance: random.Random) -> Iterator[Series]:
    bounds = [0.05, 0.1, 0.25, 0.5, 1, 2, 5, math.inf]
    for route in ("/cvs", "/jobs", "/match"):
        for instance in ("a:1", "a:2"):
            labels = {"route": route, "instance": instance}
            counts = [0.0] * len(bounds)
            rows: list[tuple[int, list[float]]] = []
            for time in _times(base, 30_000):
                for _ in range(chance.randrange(6)):
                    seen = chance.expovariate(2.0)
                    counts = [count + (seen <= bound) for bound, count in zip(bounds, counts, strict=True)]
                rows.append((time, counts))
            for index, bound in enumerate(bounds):
                le = "+Inf" if math.isinf(bound) else f"{bound:g}"
                name = {"__name__": "request_seconds_bucket", "le": le}
                yield labels | name, {time: row[index] for time, row in rows}
            yield labels | {"__name__": "request_seconds_count"}, {time: row[-1] for time, row in rows}
            yield labels | {"__name__": "request_seconds_sum"}, {time: row[-1] * 0.43 for time, row in rows}
    yield from _broken_histograms(base)


def _broken_histograms(base: int) -> Iterator[Series]:
    """Buckets that fall, have no infinite one, no proper bound, bounds below zero, one bound twice, or come and go."""
    shapes = {
        "falling": {"1": 10, "2": 8, "3": 20, "+Inf": 20},
        "close": {"1": 10, "2": 10 - 1e-12, "3": 20, "+Inf": 20},
        "open": {"1": 3, "2": 7},
        "single": {"+Inf": 7},
        "empty": {"1": 0, "2": 0, "+Inf": 0},
        "negative": {"-2": 2, "-1": 6, "0": 7, "+Inf": 9},
        "first_below": {"-1": 5, "1": 6, "+Inf": 9},
        "bad": {"one": 3, "1": 4, "+Inf": 9},
        "twice": {"1": 3, "1.0": 4, "1e0": 2, "2": 12, "+Inf": 12},
        "nan": {"1": math.nan, "2": 4, "+Inf": 8},
    }
    for shape, buckets in shapes.items():
        for le, count in buckets.items():
            labels = {"__name__": "broken_bucket", "shape": shape, "le": le}
            yield labels, {time: float(count) for time in _times(base, 60_000)}
    for le, start, end in (("1", 0, SPAN), ("2", 1_800_000, 3_600_000), ("5", 0, 4_800_000), ("+Inf", 0, SPAN)):
        labels = {"__name__": "broken_bucket", "shape": "partial", "le": le}
        top = {"1": 2.0, "2": 5.0, "5": 8.0, "+Inf": 10.0}[le]
        yield labels, {time: top * ((time - base) // 60_000) for time in _times(base, 60_000, start, end)}


def _gauges(base: int, chance: random.Random) -> Iterator[Series]:
    for room, level in (("attic", 31.5), ("cellar", -4.25), ("hall", 18.0), ("porch", 0.0)):
        for sensor in ("1", "2"):
            labels = {"__name__": "temperature", "room": room, "sensor": sensor, "unit": "c"}
            values = {}
            for time in _times(base, 20_000, shift=137 * int(sensor)):
                wave = math.sin((time - base) / 600_000 + int(sensor))
                values[time] = round(level + 6 * wave + chance.uniform(-1, 1), chance.choice([0, 1, 3]))
            yield labels, values
    for pod, size in (("p-1", 3.2e10), ("p-2", 1.7e9), ("p-3", 64.0)):
        labels = {"__name__": "memory_bytes", "pod": pod}
        yield labels, {time: size + chance.randrange(10_000) for time in _times(base, 60_000)}
    yield {"__name__": "constant", "of": "seven"}, dict.fromkeys(_times(base, 60000), 7.0)
    yield {"__name__": "ramp"}, {time: (time - base) / 1000 for time in _times(base, 10_000)}
    yield {"__name__": "falling"}, {time: 1e6 - (time - base) / 250 for time in _times(base, 10_000)}
    for number in range(12):
        labels = {"__name__": "queue_depth", "queue": f"q{number:02d}", "tier": "low" if number % 3 else "high"}
        yield (
            labels,
            {time: float((number * 7 + (time - base) // 60_000) % 23) + number / 100 for time in _times(base, 60_000)},
        )


def _facts(base: int) -> Iterator[Series]:
    """What other series are joined with."""
    every = list(_times(base, 60_000))
    for instance, version, zone in (("a:1", "1.0", "x"), ("a:2", "1.1", "x"), ("a:3", "1.1", "y"), ("w:1", "2.0", "y")):
        yield (
            {"__name__": "build_info", "instance": instance, "version": version, "zone": zone},
            dict.fromkeys(every, 1.0),
        )
    for job, limit in (("api", 50.0), ("worker", 20.0), ("cron", 5.0)):
        yield {"__name__": "job_limit", "job": job}, dict.fromkeys(every, limit)
    for instance, up in (("a:1", 1.0), ("a:2", 0.0), ("a:3", 1.0), ("w:1", 1.0)):
        job = "worker" if instance == "w:1" else "api"
        yield {"__name__": "up", "job": job, "instance": instance}, dict.fromkeys(every, up)
    for status, share in (("200", 0.9), ("404", 0.05), ("500", 0.01)):
        yield {"__name__": "budget", "status": status}, dict.fromkeys(every, share)
    # A fact that moves from one series to another: at no step are there two.
    half = base + SPAN // 2
    for owner, times in (("red", [t for t in every if t < half]), ("blue", [t for t in every if t >= half + 300_000])):
        yield {"__name__": "owner", "job": "api", "owner": owner}, dict.fromkeys(times, 1.0)


def _odd(base: int) -> Iterator[Series]:
    numbers = {
        "nan": math.nan,
        "inf": math.inf,
        "minus_inf": -math.inf,
        "zero": 0.0,
        "minus_zero": -0.0,
        "tiny": 1e-300,
        "small": 1e-7,
        "huge": 1.7e308,
        "minus_huge": -1.7e308,
        "large": 1e21,
        "third": 1 / 3,
        "integer": 9_007_199_254_740_993.0,
    }
    for case, number in numbers.items():
        yield {"__name__": "odd", "case": case}, dict.fromkeys(_times(base, 60000), number)
    mixed = [1.0, math.nan, 3.0, math.inf, -math.inf, 0.0, 2.5, math.nan]
    values = {time: mixed[index % len(mixed)] for index, time in enumerate(_times(base, 30_000))}
    yield {"__name__": "mixed"}, values
    large = [1.0, 1e100, 1.0, -1e100]
    yield {"__name__": "cancelling"}, {t: large[i % 4] for i, t in enumerate(_times(base, 15_000))}
    overflow = [1.7e308, 1.6e308, -1.7e308]
    yield {"__name__": "overflowing"}, {t: overflow[i % 3] for i, t in enumerate(_times(base, 15_000))}
    for index, value in enumerate([1.0, 1e100, 1.0, -1e100]):
        yield {"__name__": "apart", "n": str(index)}, dict.fromkeys(_times(base, 60000), value)
    moments = {
        "epoch": 0.0,
        "leap": 1_709_209_800.0,
        "century": 951_782_400.0,
        "before": -86_400.5,
        "ancient": -62_135_596_801.0,
        "future": 4_102_444_799.9,
        "now": base / 1000,
        "nan": math.nan,
    }
    for case, moment in moments.items():
        yield {"__name__": "moment", "case": case}, dict.fromkeys(_times(base, 60000), moment)


def _sparse(base: int, chance: random.Random) -> Iterator[Series]:
    times = sorted(chance.sample(range(base, base + SPAN), 40))
    yield {"__name__": "sparse_total", "kind": "irregular"}, {t: float(i * i) for i, t in enumerate(times)}
    yield {"__name__": "sparse_total", "kind": "once"}, {base + 3_333_333: 4.0}
    yield {"__name__": "sparse_total", "kind": "edges"}, {base + 600_000 * i: float(10 * i) for i in range(13)}
    flapping = {}
    for index, time in enumerate(_times(base, 60_000)):
        flapping[time] = STALE if index % 5 == 4 else float(index)
    yield {"__name__": "flapping", "kind": "stale"}, flapping


def _names(base: int) -> Iterator[Series]:
    """Names and values that need quoting, and metrics that differ in nothing but the name."""
    every = list(_times(base, 60_000))
    yield {"__name__": "http.server.duration", "service.name": "cv", "region": "eu"}, dict.fromkeys(every, 2.0)
    yield {"__name__": "quoted", "text": 'a "b" \\ c\nd', "word": "héllo"}, dict.fromkeys(every, 3.0)
    for name in ("twin_a_total", "twin_b_total"):
        yield (
            {"__name__": name, "job": "api"},
            {t: float(i) * (2 if name == "twin_b_total" else 1) for i, t in enumerate(every)},
        )
    yield {"__name__": "twin_early", "job": "api"}, dict.fromkeys([t for t in every if t < base + 1_800_000], 1.0)
    yield {"__name__": "twin_late", "job": "api"}, dict.fromkeys([t for t in every if t > base + 3_600_000], 1.0)
    for a, b in (("x", "1"), ("x", "2"), ("y", "1"), ("y", "")):
        labels = {"__name__": "grid", "a": a, "b": b}
        yield {k: v for k, v in labels.items() if v}, dict.fromkeys(every, float(len(a + b)))
