"""One thing broken at a time: for each, the check that must turn red, and no other."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from obsctl.clients.telemetry import MetricSample, SpanEvent
from obsctl.spec.slo import SloMatcher, SloSelector
from obsctl.spec.stack import LagBudget, VerifyOptions
from tests.unit.checks.world import BASE, World


@dataclass(frozen=True)
class Break:
    """``says`` must be in the summary of the check that turns red."""

    name: str
    check: str
    apply: Callable[[World], None]
    says: str


BREAKS: list[Break] = []
HOUR = 3600 * 10**9


def of_worker(line, fields):
    return fields["service"] == "worker"


def breaks(check: str, says: str):
    def register(apply: Callable[[World], None]) -> Callable[[World], None]:
        BREAKS.append(Break(apply.__name__, check, apply, says))
        return apply

    return register


def named_as(name: str, apply: Callable[[World], None]) -> Callable[[World], None]:
    """A break that is made of a value, under a name of its own."""
    apply.__name__ = name
    return apply


def named(sample, name):
    return sample.labels["__name__"] == name


def without(sample, label):
    return replace(sample, labels={k: v for k, v in sample.labels.items() if k != label})


# ---- readiness ----


@breaks("readiness.driven", "step result: GET /matches/{job_id} was answered 500")
def wrong_answer(world):
    last = world.run.requests[-1]
    world.change_run(requests=(*world.run.requests[:-1], replace(last, error="was answered 500, not 200: no")))


@breaks("readiness.driven", "not sent because of that: result")
def step_not_sent(world):
    world.change_run(
        requests=tuple(r for r in world.run.requests if r.step != "result"),
        expectations=tuple(e for e in world.run.expectations if e.labels.get("method") != "GET"),
    )


# ---- metrics ----


@breaks("metrics.targets", "worker is down: connection refused")
def target_down(world):
    world.targets[1] = replace(world.targets[1], health="down", last_error="connection refused")
    world.change_series(lambda s: s.labels["job"] == "worker", lambda s: None)


@breaks("metrics.targets", "ai is not a scrape target")
def target_missing(world):
    del world.targets[2]
    world.change_series(lambda s: s.labels["job"] == "ai", lambda s: None)


@breaks("metrics.targets", "ai was last scraped before this run")
def scraping_stopped(world):
    world.targets[2] = replace(world.targets[2], last_scrape=world.run.started_at - 60)


@breaks("metrics.present", "jobs_queue_depth (any component)")
def metric_missing(world):
    world.change_series(lambda s: named(s, "jobs_queue_depth"), lambda s: None)


@breaks("metrics.present", "http_requests_total (api)")
def driven_metric_missing(world):
    world.change_series(lambda s: named(s, "http_requests_total") and s.labels["job"] == "api", lambda s: None)


@breaks("metrics.types", "jobs_queue_depth is stored as counter, not gauge")
def wrong_type(world):
    world.types["jobs_queue_depth"] = "counter"


@breaks("metrics.types", "worker exposes jobs_queue_depth as counter, not gauge")
def wrong_type_behind_the_right_one_of_another_service(world):
    page = "# TYPE jobs_queue_depth counter\n" + world.run.baseline["worker"]
    world.change_run(baseline={**world.run.baseline, "worker": page})


@breaks("metrics.types", "http_requests_total is stored as no known type")
def no_type(world):
    del world.types["http_requests"]


@breaks("metrics.types", "http_request_duration_seconds is stored as summary")
def summary_for_histogram(world):
    world.types["http_request_duration_seconds"] = "summary"
    world.change_series(lambda s: named(s, "http_request_duration_seconds_bucket"), lambda s: None)


@breaks("metrics.labels", "http_requests_total on api lacks method")
def label_missing(world):
    world.change_series(lambda s: named(s, "http_requests_total"), lambda s: without(s, "method"))


@breaks("metrics.labels", "jobs_completed_total on worker has tenant too")
def label_too_many(world):
    world.change_series(
        lambda s: named(s, "jobs_completed_total"), lambda s: replace(s, labels={**s.labels, "tenant": "a"})
    )


@breaks("metrics.buckets", "lacks 0.25 and has 0.3 too")
def bucket_changed(world):
    world.change_series(
        lambda s: named(s, "http_request_duration_seconds_bucket") and s.labels["le"] == "0.25",
        lambda s: replace(s, labels={**s.labels, "le": "0.3"}),
    )


@breaks("metrics.buckets", "lacks 0.05, 0.1, 0.25, 0.5, 1, 2, 5, +Inf")
def buckets_missing(world):
    world.change_series(lambda s: named(s, "http_request_duration_seconds_bucket"), lambda s: None)


def route(world, wanted):
    return lambda s: named(s, "http_requests_total") and s.labels["route"] == wanted


@breaks("metrics.exact", "rose by 3, not 2")
def counted_once_too_often(world):
    world.change_series(route(world, "/matches"), lambda s: replace(s, value=s.value + 1))


@breaks("metrics.exact", "rose by 1, not 2")
def counted_once_too_few(world):
    world.change_series(route(world, "/matches"), lambda s: replace(s, value=s.value - 1))


@breaks("metrics.exact", 'http_requests_total{method="POST",route="/matches",status="202"} rose by -3, not 2')
def route_never_counted(world):
    world.change_series(route(world, "/matches"), lambda s: None)


@breaks("metrics.exact", 'jobs_completed_total{type="match"} rose by 4, not 2')
def job_done_twice(world):
    world.change_series(
        lambda s: named(s, "jobs_completed_total") and s.labels["type"] == "match",
        lambda s: replace(s, value=s.value + 2),
    )


@breaks("metrics.series", "http_requests_total has 201 series on api, its budget is 200: label route has ")
def a_path_in_a_label(world):
    one = next(s for s in world.series if named(s, "http_requests_total") and s.labels["job"] == "api")
    has = sum(named(s, "http_requests_total") and s.labels["job"] == "api" for s in world.series)
    paths = [f"/matches/{number}" for number in range(201 - has)]
    world.series += [replace(one, labels={**one.labels, "route": path}) for path in paths]


def on_api(name):
    return lambda s: named(s, name) and s.labels["job"] == "api"


@breaks("metrics.units", "http_request_duration_seconds on api is recorded in milliseconds, not in seconds")
def seconds_recorded_in_milliseconds(world):
    world.change_series(
        on_api("http_request_duration_seconds_sum"), lambda s: replace(s, value=BASE + (s.value - BASE) * 1000)
    )


@breaks("metrics.units", "http_request_duration_seconds on api is recorded in microseconds, not in seconds")
def seconds_recorded_in_microseconds(world):
    world.change_series(
        on_api("http_request_duration_seconds_sum"), lambda s: replace(s, value=BASE + (s.value - BASE) * 1e6)
    )


@breaks("metrics.units", "http_response_size_bytes on api is recorded in kilobytes, not in bytes")
def bytes_recorded_in_kilobytes(world):
    world.change_run(requests=tuple(replace(r, received_bytes=4000) for r in world.run.requests))
    asked = len(world.requests("POST /cvs"))
    for suffix, value in (("_count", asked), ("_sum", asked * 4.0)):
        one = next(s for s in world.series if on_api(f"http_response_size_bytes{suffix}")(s))
        world.series.append(replace(one, value=value, labels={**one.labels, "route": "/cvs", "method": "POST"}))


@breaks("metrics.units", "process_start_time_seconds on api is a time in milliseconds, not in seconds")
def a_time_in_milliseconds(world):
    world.change_series(on_api("process_start_time_seconds"), lambda s: replace(s, value=world.run.started_at * 1e3))


def values_of_route(world, *values):
    """New series of requests, one for each value of the label route, each of one request."""
    one = next(s for s in world.series if named(s, "http_requests_total") and s.labels["job"] == "api")
    world.series += [replace(one, value=1, labels={**one.labels, "route": value}) for value in values]


@breaks("metrics.cardinality", "holds the raw path '/matches/17' of GET /matches/{job_id}")
def the_raw_path_in_a_label(world):
    asked = [replace(r, url=r.url.replace("{job_id}", "17")) for r in world.run.requests]
    world.change_run(requests=tuple(asked))
    values_of_route(world, "/matches/17")


@breaks("metrics.cardinality", "holds ids of GET /matches/{job_id}: 'a-b-c'")
def a_captured_id_in_a_label(world):
    asked = [replace(r, url=r.url.replace("{job_id}", "a-b-c")) for r in world.run.requests]
    world.change_run(requests=tuple(asked))
    values_of_route(world, "a-b-c")


@breaks("metrics.cardinality", "holds an e-mail address: 'j***@***'")
def an_address_in_a_label(world):
    values_of_route(world, "jane@example.com")


@breaks("metrics.cardinality", "holds 3 UUIDs")
def uuids_in_a_label(world):
    values_of_route(world, *(f"123e4567-e89b-12d3-a456-42661417400{n}" for n in range(3)))


@breaks("metrics.cardinality", "grows with the requests: 3 values are new in this run")
def a_label_that_grows_with_the_requests(world):
    values_of_route(world, "cart 17", "cart 18", "cart 19")


@breaks("metrics.cardinality", "holds what obsctl sent as an id or as data")
def a_trace_id_in_a_label(world):
    values_of_route(world, world.run.requests[0].trace_id)


@breaks("metrics.resets", "on api fell (5, 3, 5): several processes answer in turn")
def counters_of_several_processes(world):
    one = next(s for s in world.series if named(s, "http_requests_total") and s.labels["job"] == "api")
    now = world.run.ended_at
    world.history = [replace(one, value=v, time=now + t) for t, v in ((0.1, 5.0), (0.2, 3.0), (0.3, 5.0))]


@breaks("metrics.resets", "on worker fell (9, 1): it began anew")
def a_restart_during_the_run(world):
    one = next(s for s in world.series if named(s, "jobs_completed_total"))
    now = world.run.ended_at
    world.history = [replace(one, value=v, time=now + t) for t, v in ((0.1, 9.0), (0.2, 1.0))]


# ---- SLOs and rules ----


def counts(name, **labels):
    return lambda s: named(s, name) and labels.items() <= s.labels.items()


@breaks("slo.sanity", "http-latency: 1006 events are good, but there are ")
def more_good_events_than_events(world):
    some = counts("http_request_duration_seconds_bucket", le="0.25", job="api", route="/matches")
    good = sum(s.value for s in world.series if counts("http_request_duration_seconds_bucket", le="0.25")(s))
    last = [s for s in world.series if some(s)][-1]
    world.change_series(lambda s: s is last, lambda s: replace(s, value=s.value + 1006 - good))


@breaks("slo.sanity", "http-errors: an event count is NaN")
def events_are_not_a_number(world):
    quiet = counts("http_requests_total", job="ai", status="quiet")
    world.change_series(quiet, lambda s: replace(s, value=float("nan")))


@breaks("slo.sanity", "http-errors: the error ratio recorded of the last 5 minutes is 1.5, not between 0 and 1")
def recorded_ratio_out_of_range(world):
    labels = {"__name__": "slo:sli_error:ratio_rate5m", "sloth_id": "cv-job-matching-http-errors"}
    world.series.append(MetricSample(labels, 0.0, 1.5))


@breaks("slo.sanity", "http-latency: no series is counted by sum(http_request_duration_seconds_bucket{")
def nothing_is_ever_good(world):
    """The bound is none of the contract's, so no other check misses it."""
    slos = world.service.contract.slos
    matcher = SloMatcher("le", "=", "0.3")
    wrong = [replace(s, part=replace(s.part, matchers=(matcher,))) if s.name == "http-latency" else s for s in slos]
    world.service = replace(world.service, contract=replace(world.service.contract, slos=tuple(wrong)))


@breaks("slo.sanity", "orders: it has seen no event")
def nothing_happens(world):
    total = SloSelector("jobs_failed_total")
    world.change_series(lambda s: named(s, "jobs_failed_total"), lambda s: replace(s, value=s.value - BASE))
    world.change_run(
        expectations=tuple(e for e in world.run.expectations if e.metric != "jobs_failed_total"),
        baseline={n: re.sub(r"(?m)^(jobs_failed_total.*) \S+$", r"\1 0", t) for n, t in world.run.baseline.items()},
    )
    slo = replace(world.service.contract.slos[0], name="orders", part=total, total=total)
    world.service = replace(world.service, contract=replace(world.service.contract, slos=(slo,)))


@breaks("rules.loaded", " not loaded: HttpErrorRateHigh (obsctl/cv-job-matching/http/alerts)")
def rule_not_loaded(world):
    world.rules = [rule for rule in world.rules if rule.name != "HttpErrorRateHigh"]


@breaks("rules.loaded", " not loaded: ErrorBudgetBurn (")
def rule_loaded_only_once(world):
    world.rules.remove(next(rule for rule in world.rules if rule.name == "ErrorBudgetBurn"))


@breaks("rules.loaded", "fails: found duplicate series")
def rule_unhealthy(world):
    world.rules[3] = replace(world.rules[3], health="err", last_error="found duplicate series")


# ---- dashboards ----


def panel(world, board, title, change):
    """Change one panel of one dashboard, on the page too."""

    def changed(b):
        return replace(b, panels=tuple(change(p) if (b.title, p.title) == (board, title) else p for p in b.panels))

    world.dashboards = tuple(map(changed, world.dashboards))


@breaks("dashboards.queries", "queries without data: Jobs: Waiting now")
def a_panel_asks_for_what_is_nowhere(world):
    def typo(p):
        return replace(
            p, queries=tuple(replace(q, expr=q.expr.replace("queue_depth", "queue_deep")) for q in p.queries)
        )

    panel(world, "Jobs", "Waiting now", typo)


@breaks("dashboards.queries", "queries without data: HTTP: Requests by route")
def a_panel_asks_for_a_label_value_that_nothing_has(world):
    def typo(p):
        return replace(
            p,
            queries=tuple(
                replace(q, expr=q.expr.replace('service_namespace=~"', 'service_name=~"')) for q in p.queries
            ),
        )

    panel(world, "HTTP", "Requests by route", typo)


def an_error_is_logged(world):
    """The worker's records come by OTLP, and the last one is an error."""
    world.by_otlp("worker")
    last = [i for i, line in enumerate(world.logs) if line.metadata][-1]
    failed = {"severity_text": "ERROR", "detected_level": "error"}
    world.logs[last] = replace(world.logs[last], metadata={**world.logs[last].metadata, **failed})


@breaks("dashboards.queries", "queries without data: HTTP: Errors in the logs")
def an_error_was_logged_that_the_panel_of_errors_does_not_show(world):
    def labels_alone(p):
        return replace(p, queries=tuple(replace(q, expr=q.expr.partition(" or ")[0]) for q in p.queries))

    an_error_is_logged(world)
    panel(world, "HTTP", "Errors in the logs", labels_alone)


@breaks("dashboards.queries", "queries refused: AI providers: Calls")
def a_query_is_refused(world):
    def odd(p):
        return replace(p, queries=tuple(replace(q, expr="rate(") for q in p.queries))

    world.refused = ("rate(",)
    panel(world, "AI providers", "Calls", odd)


@breaks("dashboards.provisioned", "Jobs (obsctl-jobs) is not on the page")
def dashboard_not_on_the_page(world):
    del world.page["obsctl-jobs"]


@breaks("dashboards.provisioned", "HTTP (obsctl-http) is another version: no panel 'Spread of the duration'")
def dashboard_of_another_version(world):
    world.page["obsctl-http"] = world.page["obsctl-http"].replace("Spread of the duration", "Heat")


@breaks("dashboards.provisioned", "data source logs does not work: 400: connection refused")
def data_source_broken(world):
    world.troubles["logs"] = "400: connection refused"


# ---- traces ----


def trace_of(world, request):
    return world.spans[world.requests(request)[-1].trace_id]


@breaks("traces.complete", "0 spans have the injected span")
def parent_ignored(world):
    spans = trace_of(world, "POST /cvs")
    spans[0] = replace(spans[0], parent_id="")


@breaks("traces.complete", "is an orphan")
def orphan(world):
    spans = trace_of(world, "POST /projects")
    spans[1] = replace(spans[1], parent_id="00000000deadbeef")


@breaks("traces.complete", "is used 2 times")
def span_twice(world):
    spans = trace_of(world, "POST /cvs")
    spans.append(replace(spans[1], name="again"))


@breaks("traces.complete", "2 spans have the injected span")
def two_roots(world):
    spans = trace_of(world, "POST /cvs")
    spans.append(replace(spans[0], span_id="00000000deadbeef"))


@breaks("traces.sampling", "api samples: 4 of 8 driven traces stored")
def every_second_trace_sampled_out(world):
    ids = [r.trace_id for r in world.run.requests]
    dropped = [t for i, t in enumerate(ids) if i % 2 == i // 4]
    world.spans = {t: spans for t, spans in world.spans.items() if t not in dropped}


@breaks("traces.sampling", "spans say sampler.type=probabilistic")
def sampler_named_by_the_spans(world):
    del world.spans[world.run.requests[-1].trace_id]
    named = {"sampler.type": "probabilistic"}
    world.change_spans(lambda s: s.service == "api", lambda s: replace(s, attributes={**s.attributes, **named}))


@breaks("traces.sampling", "worker samples: 1 of 2 driven traces stored")
def one_component_samples_of_its_own(world):
    """Not the last trace: one that is missing at the end may only be late."""
    first = world.requests("POST /matches")[0].trace_id
    world.change_spans(lambda s: s.trace_id == first and s.service != "api", lambda s: None)


@breaks("traces.lost", "api begins a trace of its own with 'send mail', 2 times for 2 requests of POST /cvs")
def context_lost_in_a_pool(world):
    for index, request in enumerate(world.requests("POST /cvs")):
        first = world.spans[request.trace_id][0]
        own = {"span_id": f"{index + 1:016x}", "parent_id": "", "name": "send mail", "kind": "internal"}
        trace_id = f"{index + 1:032x}"
        world.spans[trace_id] = [replace(first, trace_id=trace_id, start_ns=first.start_ns + 1000, **own)]


@breaks("traces.lost", "worker logs 'mail sent for order #' without trace_id, 2 times")
def lines_without_ids(world):
    line = next(line for line in world.logs if line.labels["service_name"] == "worker")
    said = [json.dumps({"level": "info", "message": f"mail sent for order {n}"}) for n in (7, 8)]
    world.logs += [replace(line, line=text) for text in said]


@breaks("traces.lost", "api begins a trace of its own with server span 'api.server'")
def traceparent_ignored(world):
    """Every request is answered in a trace of the server's own."""
    for index, (trace_id, spans) in enumerate(sorted(world.spans.items())):
        fresh = f"{index + 1:032x}"
        own = [replace(s, trace_id=fresh, trace_state="") for s in spans]
        world.spans[fresh] = [replace(own[0], parent_id=""), *own[1:]]
        del world.spans[trace_id]
        world.logs = [replace(line, line=line.line.replace(trace_id, fresh)) for line in world.logs]


@breaks("traces.lost", "worker begins a trace of its own with consumer span")
def propagation_cut_at_the_queue(world):
    """The worker begins a trace of its own; its lines carry that trace's ids, and still the request id."""
    for index, request in enumerate(world.requests("POST /matches")):
        spans = world.spans[request.trace_id]
        fresh = f"{index + 1:032x}"
        apart = [s for s in spans if s.service != "api"]
        world.spans[request.trace_id] = [s for s in spans if s.service == "api"]
        first = apart[0]
        ids = {s.span_id for s in apart}
        world.spans[fresh] = [
            replace(s, trace_id=fresh, trace_state="", parent_id=s.parent_id if s.parent_id in ids else "")
            for s in apart
        ]
        assert first.service == "worker"
        world.change_lines(
            lambda line, fields, r=request: fields["request_id"] == r.request_id and fields["service"] != "api",
            lambda fields, fresh=fresh: {**fields, "trace_id": fresh},
        )


@breaks("traces.shape", "no span like worker.vectors (worker client db.system=Qdrant|qdrant)")
def span_missing(world):
    world.change_spans(lambda s: "db.system" in s.attributes, lambda s: None)


@breaks("traces.shape", "no call api -> worker")
def wrong_edge(world):
    for request in world.requests("POST /matches"):
        spans = world.spans[request.trace_id]
        entry = next(s for s in spans if s.service == "ai")
        world.change_spans(
            lambda s, r=request: s.trace_id == r.trace_id and s.service == "worker" and s.kind == "consumer",
            lambda s, e=entry: replace(s, parent_id=e.span_id),
        )
        world.change_spans(
            lambda s, r=request: s.trace_id == r.trace_id and s.service == "ai",
            lambda s, r=request: replace(
                s, parent_id=next(x.span_id for x in world.spans[r.trace_id] if x.service == "api")
            ),
        )


@breaks("traces.attributes", "api.server (api: api.server) lacks route")
def attribute_missing(world):
    world.change_spans(
        lambda s: s.kind == "server" and s.service == "api",
        lambda s: replace(s, attributes={k: v for k, v in s.attributes.items() if k != "route"}),
    )


@breaks("traces.attributes", "lacks retry_count")
def attribute_empty(world):
    world.change_spans(
        lambda s: s.kind == "consumer", lambda s: replace(s, attributes={**s.attributes, "retry_count": ""})
    )


@breaks("traces.attributes", "has user.email, which the contract forbids")
def forbidden_attribute(world):
    world.change_spans(
        lambda s: s.kind == "producer", lambda s: replace(s, attributes={**s.attributes, "user.email": "hidden"})
    )


@breaks("traces.state", "has lost obsctl=")
def state_lost(world):
    world.change_spans(lambda s: s.service == "ai", lambda s: replace(s, trace_state="other=1"))


def moved(seconds):
    return lambda s: replace(s, start_ns=s.start_ns + int(seconds * 1e9), end_ns=s.end_ns + int(seconds * 1e9))


@breaks("time.skew", "worker is at least")
def clock_ahead(world):
    world.change_spans(lambda s: s.service == "worker", moved(300))


@breaks("time.skew", "worker is 10800.0 s behind")
def local_time_for_utc(world):
    world.change_spans(lambda s: s.service == "worker", moved(-3 * 3600))


@breaks("time.skew", "api is at least")
def clock_of_the_first_component_a_little_ahead(world):
    world.change_spans(lambda s: s.service == "api", moved(2.5))


@breaks("time.skew", "ai exports span times in milliseconds")
def times_in_milliseconds(world):
    world.change_spans(
        lambda s: s.service == "ai", lambda s: replace(s, start_ns=s.start_ns // 10**6, end_ns=s.end_ns // 10**6)
    )


@breaks("time.skew", "ends before it begins")
def a_span_runs_backwards(world):
    world.change_spans(lambda s: s.service == "ai", lambda s: replace(s, end_ns=s.start_ns, backwards_ns=1))


@breaks("time.skew", "log lines of worker say that they were written 3h00m before their request was sent")
def lines_that_state_another_time(world):
    def late(fields):
        moment = datetime.fromisoformat(fields["timestamp"]) - timedelta(hours=3)
        return {**fields, "timestamp": moment.isoformat()}

    world.change_lines(of_worker, late)


@breaks("time.lag", "until a query found them, longer than 0.5 s")
def traces_late(world):
    world.service = replace(world.service, verify=VerifyOptions(LagBudget(traces=0.5)))
    world.hidden = 1  # requests were sent a second before


# ---- logs ----


@breaks("logs.present", "no line of ai for POST /matches")
def logs_of_one_component_missing(world):
    world.logs = [line for line in world.logs if line.labels["service_name"] != "ai"]


@breaks("time.skew", "log lines of ai are stored 2h00m from now")
def logs_of_one_component_in_another_time_zone(world):
    world.logs = [
        replace(line, time_ns=line.time_ns + 2 * HOUR) if line.labels["service_name"] == "ai" else line
        for line in world.logs
    ]


@breaks("logs.fields", "worker: trace_id missing or empty")
def line_without_trace_id(world):
    world.change_lines(of_worker, lambda f: {**f, "trace_id": ""})


@breaks("logs.fields", "worker: request_id missing or empty")
def line_without_request_id(world):
    world.change_lines(of_worker, lambda f: {k: v for k, v in f.items() if k != "request_id"})


@breaks("logs.fields", "timestamp 'yesterday' is not RFC 3339")
def bad_timestamp(world):
    world.change_lines(of_worker, lambda f: {**f, "timestamp": "yesterday"})


@breaks("logs.fields", "is of no stored trace")
def foreign_trace_id(world):
    world.change_lines(of_worker, lambda f: {**f, "trace_id": "ab" * 16})


@breaks("logs.fields", "is of no span of trace")
def foreign_span_id(world):
    world.change_lines(of_worker, lambda f: {**f, "span_id": "ab" * 8})


@breaks("logs.fields", "is not lower-case hex")
def malformed_trace_id(world):
    world.change_lines(of_worker, lambda f: {**f, "trace_id": "12345"})


@breaks("logs.fields", "the line is not a JSON object")
def plain_text(world):
    line = next(line for line in world.logs if line.labels["service_name"] == "worker")
    fields = json.loads(line.line)
    said = f"did it for {fields['trace_id']}, asked as {fields['request_id']}"
    world.logs.append(replace(line, line=json.dumps(said)))


@breaks("logs.fields", "not under their trace_id: the shipper did not extract it")
def not_extracted(world):
    world.extracted = ("request_id",)


@breaks("logs.present", "no line of worker for POST /matches")
def records_that_were_never_sent(world):
    world.by_otlp("worker")
    world.logs = [line for line in world.logs if not line.metadata]


@breaks("logs.fields", "worker: trace_id missing or empty")
def record_without_trace_id(world):
    world.by_otlp("worker")
    world.change_records(lambda m: {k: v for k, v in m.items() if k != "trace_id"})


@breaks("logs.fields", "worker: level missing or empty")
def record_without_severity(world):
    world.by_otlp("worker")
    world.logs = [replace(li, labels={"service_name": li.labels["service_name"]}) for li in world.logs]
    world.change_records(lambda m: {k: v for k, v in m.items() if k != "severity_text"})


@breaks("correlation.request_id", "worker: request_id 'fresh-one' instead of the one that was sent")
def request_id_of_a_record_made_anew(world):
    world.by_otlp("worker")
    world.change_records(lambda m: {**m, "request_id": "fresh-one"})


@breaks("privacy.canary", "log line of worker holds canary-")
def canary_in_an_attribute_of_a_record(world):
    world.by_otlp("worker")
    world.change_records(lambda m: {**m, "candidate": world.run.canary})


# ---- correlation and privacy ----


@breaks("correlation.request_id", "1 of 8 answers without the request id that was sent")
def header_not_echoed(world):
    first = replace(world.run.requests[0], answer_headers={"X-Request-Id": "another"})
    world.change_run(requests=(first, *world.run.requests[1:]))


@breaks("correlation.request_id", "worker: request_id 'fresh-one' instead of the one that was sent")
def request_id_made_anew(world):
    world.change_lines(of_worker, lambda f: {**f, "request_id": "fresh-one"})


@breaks("correlation.exemplar", "http_request_duration_seconds has 0 exemplars from this run")
def exemplars_absent(world):
    world.exemplars.clear()


@breaks("correlation.exemplar", "none with a driven trace id")
def exemplars_of_others(world):
    world.exemplars = [replace(e, labels={"trace_id": "ab" * 16}) for e in world.exemplars]


@breaks("privacy.canary", "holds the marker in its attribute candidate (trace ")
def canary_in_an_attribute(world):
    world.change_spans(
        lambda s: s.kind == "consumer",
        lambda s: replace(s, attributes={**s.attributes, "candidate": f"Robin {world.run.canary}"}),
    )


@breaks("privacy.canary", "holds the marker in its event attribute exception.message")
def canary_in_an_exception(world):
    event = SpanEvent("exception", 1, {"exception.message": f"bad row {world.run.canary.upper()}"})
    world.change_spans(lambda s: s.kind == "consumer", lambda s: replace(s, events=(event,)))


@breaks("privacy.patterns", "span worker: worker.consumer holds an e-mail address in its attribute note")
def address_in_an_attribute(world):
    world.change_spans(
        lambda s: s.kind == "consumer",
        lambda s: replace(s, attributes={**s.attributes, "note": "to jane@example.com"}),
    )


def noted(value):
    """A span attribute of the worker's own."""
    return lambda world: world.change_spans(
        lambda s: s.kind == "consumer", lambda s: replace(s, attributes={**s.attributes, "note": value})
    )


breaks("privacy.patterns", "holds a card number in its attribute note")(
    named_as("card_number_in_an_attribute", noted("paid by 4111 1111 1111 1111"))
)
breaks("privacy.patterns", "holds a bearer token in its attribute note")(
    named_as("bearer_token_in_an_attribute", noted("Authorization: Bearer abcdefghijklmnopqrst"))
)
breaks("privacy.patterns", "holds a private key in its attribute note")(
    named_as("private_key_in_an_attribute", noted("-----BEGIN RSA PRIVATE KEY-----"))
)


@breaks("privacy.patterns", "log line of worker holds a password or secret in its field message")
def password_in_a_line(world):
    world.change_lines(of_worker, lambda f: {**f, "message": "connecting with password=hunter22"})


@breaks("privacy.patterns", "metric http_requests_total of api holds an API key in its label route")
def api_key_in_a_label(world):
    values_of_route(world, "/hook/ghp_" + "a1B2" * 9)


@breaks("privacy.canary", "log line of worker holds canary-")
def canary_in_a_line(world):
    world.change_lines(of_worker, lambda f: {**f, "message": f"matched {world.run.canary}"})


@breaks("privacy.canary", "log line of api holds canary-")
def canary_in_a_line_of_no_request(world):
    line = world.logs[0]
    said = json.dumps({"message": f"startup dump {world.run.canary}"})
    world.logs.append(replace(line, line=said, labels={"service_name": "api"}))
