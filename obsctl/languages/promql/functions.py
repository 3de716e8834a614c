"""The signatures of PromQL's functions, as Prometheus 3.14 has them: what each takes, and what it gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from obsctl.languages.promql.tree import Kind


@dataclass(frozen=True)
class Signature:
    """What a function takes and gives.

    ``variadic`` is how many times the last argument may be repeated, in addition to being optional: 0 for exactly the
    listed arguments, -1 for any number. ``reads_time`` is true of functions whose result depends on the evaluation time
    even when no argument does (Prometheus' ``AtModifierUnsafeFunctions``).
    """

    args: tuple[Kind, ...]
    returns: Kind = "vector"
    variadic: int = 0
    reads_time: bool = False
    experimental: bool = False


def _same(names: str, signature: Signature) -> Mapping[str, Signature]:
    return dict.fromkeys(names.split(), signature)


FUNCTIONS: Mapping[str, Signature] = {
    **_same(
        """absent_over_time avg_over_time changes count_over_time delta deriv first_over_time idelta increase irate
        last_over_time max_over_time min_over_time present_over_time rate resets stddev_over_time stdvar_over_time
        sum_over_time""",
        Signature(("matrix",)),
    ),
    "predict_linear": Signature(("matrix", "scalar"), reads_time=True),
    "quantile_over_time": Signature(("scalar", "matrix")),
    **_same(
        """abs absent acos acosh asin asinh atan atanh ceil cos cosh deg exp floor histogram_avg histogram_count
        histogram_stddev histogram_stdvar histogram_sum ln log10 log2 rad sgn sin sinh sort sort_desc sqrt tan tanh""",
        Signature(("vector",)),
    ),
    "clamp": Signature(("vector", "scalar", "scalar")),
    **_same("clamp_max clamp_min", Signature(("vector", "scalar"))),
    "round": Signature(("vector", "scalar"), variadic=1),
    "histogram_fraction": Signature(("scalar", "scalar", "vector")),
    "histogram_quantile": Signature(("scalar", "vector")),
    "label_replace": Signature(("vector", "string", "string", "string", "string")),
    "label_join": Signature(("vector", "string", "string", "string"), variadic=-1),
    **_same(
        "days_in_month day_of_month day_of_week day_of_year hour minute month year",
        Signature(("vector",), variadic=1, reads_time=True),
    ),
    "timestamp": Signature(("vector",), reads_time=True),
    "time": Signature((), "scalar", reads_time=True),
    "pi": Signature((), "scalar"),
    "scalar": Signature(("vector",), "scalar"),
    "vector": Signature(("scalar",)),
    **_same("start end step range", Signature((), "scalar", experimental=True)),
    **_same("max_of min_of", Signature(("scalar", "scalar"), "scalar", experimental=True)),
    **_same(
        """mad_over_time ts_of_first_over_time ts_of_last_over_time ts_of_max_over_time ts_of_min_over_time""",
        Signature(("matrix",), experimental=True),
    ),
    "double_exponential_smoothing": Signature(("matrix", "scalar", "scalar"), experimental=True),
    "histogram_quantiles": Signature(("vector", "string", "scalar", "scalar"), variadic=9, experimental=True),
    "info": Signature(("vector", "vector"), variadic=1, experimental=True),
    **_same("sort_by_label sort_by_label_desc", Signature(("vector", "string"), variadic=-1, experimental=True)),
    "start_timestamp": Signature(("vector",), experimental=True),
}
