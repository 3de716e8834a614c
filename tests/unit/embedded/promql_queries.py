"""Hypothesis strategies for PromQL: well-typed queries over the series of the differential suite's dataset."""

from __future__ import annotations

from hypothesis import strategies as st


def _words(text: str) -> list[str]:
    return text.split()


METRICS = _words(
    """http_requests_total temperature request_seconds_bucket broken_bucket up build_info job_limit budget owner odd
    mixed ramp falling constant queue_depth sparse_total flapping moment grid twin_a_total twin_b_total twin_early
    twin_late nothing memory_bytes"""
)
LABELS = _words("job instance status method room sensor case route le queue tier a nope")
MATCHERS = _words(
    """{job="api"} {instance=~"a:.*"} {status!="200"} {room=~"hall|attic"} {case!~"nan|.*inf"} {le="1"} {tier="low"}
    {sensor="1"} {instance!=""} {} {job=~".+",instance!="a:2"}"""
)
OF_VECTOR = _words(
    """abs ceil floor exp sqrt ln log2 log10 round sgn sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh deg
    rad absent sort sort_desc timestamp histogram_sum"""
)
DATES = _words("minute hour day_of_week day_of_month day_of_year days_in_month month year")
OF_RANGE = _words(
    """rate increase delta irate idelta deriv resets changes avg_over_time min_over_time max_over_time sum_over_time
    count_over_time stddev_over_time stdvar_over_time last_over_time first_over_time present_over_time
    absent_over_time"""
)
AGGREGATIONS = ("sum", "avg", "min", "max", "count", "group", "stddev", "stdvar")
OPERATORS = ("+", "-", "*", "/", "%", "^", "atan2", "==", "!=", ">", "<", ">=", "<=")
SETS = ("and", "or", "unless")
DURATIONS = ("30s", "1m", "90s", "5m", "10m", "30m")


def names() -> st.SearchStrategy[str]:
    """A list of labels in parentheses."""
    return st.lists(st.sampled_from(LABELS), max_size=3, unique=True).map(lambda found: f"({', '.join(found)})")


@st.composite
def modifiers(draw: st.DrawFn) -> str:
    """``offset`` and ``@``, mostly neither."""
    offset = draw(st.sampled_from(["", "", "", " offset 5m", " offset -2m", " offset 33s"]))
    at = draw(st.sampled_from(["", "", "", "", " @ $T+1800", " @ start()", " @ end()", " @ $T+3601.5"]))
    return offset + at


@st.composite
def selectors(draw: st.DrawFn) -> str:
    """An instant selector without modifiers."""
    matchers = draw(st.sampled_from(["", "", *MATCHERS]))
    return draw(st.sampled_from(METRICS)) + matchers


@st.composite
def matrices(draw: st.DrawFn, depth: int) -> str:
    """A range vector."""
    width = draw(st.sampled_from(DURATIONS))
    if depth <= 0 or draw(st.integers(0, 3)):
        return f"{draw(selectors())}[{width}]{draw(modifiers())}"
    step, offset = draw(st.sampled_from(["", "30s", "1m", "77s"])), draw(st.sampled_from(["", " offset 3m"]))
    return f"({draw(vectors(depth - 1))})[{width}:{step}]{offset}"


@st.composite
def scalars(draw: st.DrawFn, depth: int) -> str:
    """A scalar."""
    choices = ["0", "1", "2.5", "-3", "0.5", "time()", "pi()", "Inf", "NaN", "1e-7"]
    if depth > 0 and not draw(st.integers(0, 4)):
        return f"scalar({draw(vectors(depth - 1))})"
    return draw(st.sampled_from(choices))


@st.composite
def vectors(draw: st.DrawFn, depth: int = 3) -> str:
    """An instant vector."""
    if depth <= 0:
        return draw(selectors()) + draw(modifiers())
    kind = draw(st.sampled_from(["selector", "call", "ranged", "aggregate", "operator", "operator", "special"]))
    return draw(_KINDS[kind](depth - 1))


@st.composite
def _selected(draw: st.DrawFn, _depth: int) -> str:
    return draw(selectors()) + draw(modifiers())


@st.composite
def _called(draw: st.DrawFn, depth: int) -> str:
    return f"{draw(st.sampled_from(OF_VECTOR))}({draw(vectors(depth))})"


@st.composite
def _ranged(draw: st.DrawFn, depth: int) -> str:
    matrix = draw(matrices(depth))
    special = draw(st.integers(0, 8))
    if special == 0:
        return f"quantile_over_time({draw(scalars(depth))}, {matrix})"
    if special == 1:
        return f"predict_linear({matrix}, {draw(scalars(depth))})"
    return f"{draw(st.sampled_from(OF_RANGE))}({matrix})"


@st.composite
def _aggregated(draw: st.DrawFn, depth: int) -> str:
    vector = draw(vectors(depth))
    grouping = draw(st.sampled_from(["", " by ", " without "]))
    clause = f"{grouping}{draw(names())} " if grouping else ""
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return f"quantile{clause}({draw(scalars(depth))}, {vector})"
    if kind == 1:
        return f'count_values{clause}("value", round({vector}))'
    if kind == 2:
        return f"count{clause}({draw(st.sampled_from(['topk', 'bottomk', 'limitk']))}(3, {vector}))"
    return f"{draw(st.sampled_from(AGGREGATIONS))}{clause}({vector})"


@st.composite
def _operated(draw: st.DrawFn, depth: int) -> str:
    left = draw(vectors(depth))
    if not draw(st.integers(0, 3)):
        op, number = draw(st.sampled_from(OPERATORS)), draw(scalars(depth))
        text = op + (" bool" if op[0] in "=!<>" and draw(st.booleans()) else "")
        return f"({left} {text} {number})" if draw(st.booleans()) else f"({number} {text} {left})"
    right = draw(st.one_of(vectors(depth), st.just(left)))
    on = draw(st.sampled_from(["", "", f"on{draw(names())} ", f"ignoring{draw(names())} "]))
    if not draw(st.integers(0, 2)):
        return f"({left} {draw(st.sampled_from(SETS))} {on}{right})"
    op = draw(st.sampled_from(OPERATORS))
    text = op + (" bool" if op[0] in "=!<>" and draw(st.booleans()) else "")
    group = draw(
        st.sampled_from(
            ["", "", "group_left() ", "group_right() ", "group_left(version) ", "group_right(zone, owner) "]
        )
    )
    return f"({left} {text} {on}{group if on else ''}{right})"


@st.composite
def _special(draw: st.DrawFn, depth: int) -> str:
    vector = draw(vectors(depth))
    return draw(
        st.sampled_from(
            [
                f"{draw(st.sampled_from(DATES))}(moment{draw(modifiers())})",
                f"histogram_quantile({draw(scalars(depth))}, {vector})",
                f"histogram_fraction(0, {draw(scalars(depth))}, {vector})",
                f"clamp({vector}, {draw(scalars(depth))}, 20)",
                f"clamp_min({vector}, 1)",
                f"clamp_max({vector}, {draw(scalars(depth))})",
                f"round({vector}, 0.5)",
                f'label_replace({vector}, "job", "$1", "instance", "(.):.*")',
                f'label_join({vector}, "both", "-", "job", "status")',
                f"vector({draw(scalars(depth))})",
                f"-{vector}",
            ]
        )
    )


_KINDS = {
    "selector": _selected,
    "call": _called,
    "ranged": _ranged,
    "aggregate": _aggregated,
    "operator": _operated,
    "special": _special,
}
