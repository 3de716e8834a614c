"""Somebody's own service, known from a contract and a spec alone; then one thing broken in it at a time."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from obsctl.checks import CHECKS
from obsctl.checks.base import CheckStatus, Verification
from obsctl.ops.verify import verify
from obsctl.wait import Deadline, until
from tests.decided import Decided, waiting_for
from tests.e2e.conftest import Folder, free_offset
from tests.e2e.shop import answers, start, stopped

pytestmark = pytest.mark.e2e
SHOP = Path(__file__).parent / "shop"
SERVICE = "web-shop"

RED: dict[str, tuple[str, str]] = {
    "status_wrong": ("readiness.driven", "POST /orders was answered 202, not 201"),
    "metric_renamed": ("metrics.present", "shop_open_baskets"),
    "type_changed": ("metrics.types", "shop_open_baskets"),
    "label_missing": ("metrics.labels", "shop_stock_moves_total on stockroom lacks direction"),
    "bucket_changed": ("metrics.buckets", "lacks 0.5 and has 0.6 too"),
    "series_explode": ("metrics.series", "shop_stock_moves_total has "),
    "counted_twice": ("metrics.exact", "rose by 6, not 3"),
    "propagation_cut": ("traces.lost", "stockroom begins a trace of its own"),
    "attribute_missing": ("traces.attributes", "lacks shop.order"),
    "state_lost": ("traces.state", "stockroom"),
    "silent_stockroom": ("logs.present", "no line of stockroom"),
    "log_without_trace_id_stockroom": ("logs.fields", "stockroom: trace_id"),
    "id_lost": ("correlation.request_id", "answers without the request id that was sent"),
    "exemplar_missing": ("correlation.exemplar", "shop_took_seconds"),
    "canary_traced": ("privacy.canary", "shop.note"),
    "canary_logged": ("privacy.canary", "log line of storefront"),
}
"""Breakage -> the check that must turn red, and what its summary must name."""
SECONDS = 10.0
STILL_GOOD = {"metrics.exact", "logs.present"}
"""What does not need a trace."""


@dataclass
class Shop:
    """The running shop beside the stack that observes it."""

    stack: Folder

    @property
    def broken(self) -> Path:
        return self.stack.path / "broken"

    def breaks(self, what: str) -> None:
        self.broken.write_text(what)

    def verify(self, *red: str) -> Verification:
        """What waits for nothing but a broken thing (``red`` are the checks of it) ends when all others have ended."""
        decided = Decided({name for check in red for name in waiting_for(check)})
        done = verify(
            self.stack.path,
            service=SERVICE,
            only=(),
            skip=(),
            timeout=SECONDS,
            emit=decided,
            cancelled=decided.cancelled,
        )
        return done.services[0]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    stack = Folder(tmp_path_factory.mktemp("shop"), free_offset())
    front, stock = 8000 + stack.offset, 8001 + stack.offset
    spec = (SHOP / "obsctl.yaml").read_text().replace("@front@", str(front)).replace("@stock@", str(stock))
    (stack.path / "obsctl.yaml").write_text(spec)
    shutil.copytree(SHOP, stack.path / "contract")
    (stack.path / "logs").mkdir()
    done = stack.up()
    assert done.status == 0, done
    assert "not ready: storefront, stockroom; obsctl observes this" in done.out
    made = Shop(stack)
    made.breaks("")
    with ExitStack() as started:
        started.callback(stack.run, "down", "--volumes")
        for name, port in (("storefront", front), ("stockroom", stock)):
            log = stack.path / (f"logs/{name}.log" if name == "storefront" else "stockroom.out")
            otlp, broken = 4318 + stack.offset, made.broken
            started.callback(stopped, start(name, port, stock, otlp=otlp, broken=broken, output=log))
        assert until(lambda: answers(front) and answers(stock), Deadline.after(30))
        yield made


def test_every_check_passes_on_a_service_nobody_knew(shop: Shop) -> None:
    shop.breaks("")
    done = shop.stack.run("verify", "--service", SERVICE, "--json")
    checks = done.data["checks"]
    assert {c["id"] for c in checks if c["status"] != "pass"} == {"dashboards.provisioned"}
    drawn = next(c["summary"] for c in checks if c["id"] == "dashboards.queries")
    assert "of 3 dashboards have data" in drawn  # its own metrics, SLOs, end to end
    assert done.status == 0
    assert "stockroom 3, storefront" in next(c["summary"] for c in checks if c["id"] == "logs.present")


def test_one_of_its_requests_is_shown_with_the_lines_of_both_sources(shop: Shop) -> None:
    shop.breaks("")
    run = shop.verify().run
    trace_id = next(r.trace_id for r in run.requests if r.request == "POST /orders")
    text = shop.stack.ok("trace", trace_id).out
    assert "answered POST /orders" in text
    assert "answered PUT /items/{sku}" in text


@pytest.mark.parametrize("what", RED)
def test_exactly_that_check_turns_red(shop: Shop, what: str) -> None:
    check, names = RED[what]
    shop.breaks(what)
    done = shop.verify(check)
    red = {o.check: o.verdict for o in done.outcomes if o.verdict.status in (CheckStatus.FAIL, CheckStatus.ERROR)}
    assert set(red) == {check}, {name: verdict.summary for name, verdict in red.items()}
    assert red[check].status is CheckStatus.FAIL
    assert re.search(re.escape(names), red[check].summary)
    assert red[check].evidence
    assert red[check].hint


def test_what_its_contract_forbids_is_stored_nowhere(shop: Shop) -> None:
    """The collector, which knows the contract, drops the attribute: it is not there to be found."""
    shop.breaks("attribute_forbidden")
    assert shop.verify().passed


def test_an_ignored_traceparent_is_no_trace_at_all(shop: Shop) -> None:
    shop.breaks("traceparent_ignored")
    others = {check.id for check in CHECKS} - STILL_GOOD
    verdicts = {o.check: (o.verdict.status, o.verdict.summary) for o in shop.verify(*others).outcomes}
    traces = {name: verdict for name, verdict in verdicts.items() if name.startswith("traces.")}
    status, summary = traces.pop("traces.lost")
    assert (status, "begins a trace of its own" in summary) == (CheckStatus.FAIL, True)
    assert {(status, summary.split(":")[0]) for status, summary in traces.values()} == {
        (CheckStatus.SKIP, "could not be judged because of traces.lost")
    }
    assert {verdicts[name][0] for name in STILL_GOOD} == {CheckStatus.PASS}


def test_rules_of_a_changed_contract_are_missed_until_they_are_loaded(shop: Shop) -> None:
    shop.breaks("")
    objectives = shop.stack.path / "contract" / "slo"
    (objectives / "found.yaml").write_text((objectives / "served.yaml").read_text().replace("served", "found"))
    red = {o.check: o.verdict for o in shop.verify("rules.loaded").outcomes if o.verdict.status is CheckStatus.FAIL}
    assert set(red) == {"rules.loaded"}
    assert "17 of 40 rules not loaded: " in red["rules.loaded"].summary
    assert "obsctl up" in red["rules.loaded"].hint
    assert shop.stack.up().status == 0
    assert shop.verify().passed
