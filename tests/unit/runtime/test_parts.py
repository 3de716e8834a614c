"""Which parts of obsctl an installation lacks, by its own metadata."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from obsctl.errors import MissingPartError
from obsctl.runtime.parts import require_parts

REQUIREMENTS = (
    "typer<0.29,>=0.27",
    "numpy>=2.0; extra == 'embedded'",
    'uvloop>=0.21; (sys_platform != "win32") and extra == "embedded"',
    "fastapi>=0.115; extra == 'sample'",
    "uvicorn[standard]>=0.34; extra == 'sample'",
    "obsctl[embedded,sample]; extra == 'all'",
)


def require(modules: Collection[str], *, without: Collection[str]) -> None:
    require_parts(modules, requirements=lambda: REQUIREMENTS, installed=lambda name: name not in without)


@pytest.mark.parametrize(
    ("modules", "without", "message"),
    [
        (
            ["obsctl.embedded"],
            ["uvloop"],
            "the embedded runtime is not installed (no uvloop): ",
        ),
        (["sample_service"], ["uvicorn"], "the sample service is not installed (no uvicorn): "),
        (
            ["sample_service", "obsctl.embedded"],
            ["numpy", "fastapi"],
            "the embedded runtime and the sample service are not installed (no numpy): ",
        ),
    ],
)
def test_one_line_says_what_is_missing_and_how_to_get_it(modules: list[str], without: list[str], message: str) -> None:
    with pytest.raises(MissingPartError) as caught:
        require(modules, without=without)
    extras = {"obsctl.embedded": "embedded", "sample_service": "sample"}
    asked = ",".join(sorted(extras[module] for module in modules))
    assert caught.value.message == f"{message}pip install 'obsctl[{asked}]'"
    assert (caught.value.hint, caught.value.exit_status) == ("", 3)


def test_a_part_is_asked_for_only_by_the_processes_that_need_it() -> None:
    require(["obsctl.embedded"], without=["fastapi", "typer"])
    require(["tests.conformance.runtimes.server"], without=["fastapi", "numpy"])
    require([], without=["fastapi", "numpy"])


def test_what_developers_have_lacks_nothing() -> None:
    require_parts(["obsctl.embedded", "sample_service"])
