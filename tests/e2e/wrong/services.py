"""Many small services in one process, each with one thing wrong with its telemetry, written by hand to the last byte.

``python services.py WAYS.json OTLP_URL FOLDER``: WAYS.json lists [name, port]. Each service answers POST /orders,
GET /orders and GET /orders/{id} on its port, serves /metrics, sends spans as OTLP/JSON, and appends log lines to
FOLDER/NAME.log. What is wrong with it is its name, with _ for -.
"""

from __future__ import annotations

import contextlib
import json
import random
import sys
import threading
import time
import urllib.request
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

BUCKETS = (0.01, 0.1, 1.0)
KINDS = {"internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}
SECOND = 10**9


def fresh(digits: int) -> str:
    return f"{random.getrandbits(digits * 4) or 1:0{digits}x}"


class Wrong:
    """One service. ``is_wrong("x")`` tells whether x is what is wrong with it."""

    def __init__(self, name: str, otlp: str, folder: Path) -> None:
        self.name, self.otlp, self.log_file = name, otlp, folder / f"{name}.log"
        self.log_file.touch()
        self.lock, self.spans = threading.Lock(), []
        self.orders = random.randrange(1000, 9000)
        self.counts, self.sums, self.sizes = {}, {}, {}
        self.placed = self.scrapes = self.seen = 0
        self.extra: list[str] = []
        self.began = time.time()

    def is_wrong(self, *ways: str) -> bool:
        return self.name.replace("-", "_") in ways

    # ---- spans ----

    def span(self, trace: str, parent: str, name: str, kind: str = "internal", **more) -> str:
        now = time.time_ns()
        start, end = more.get("start", now), more.get("end", now)
        if self.is_wrong("clock_ahead"):
            start, end = start + 300 * SECOND, end + 300 * SECOND
        if self.is_wrong("span_times_in_milliseconds"):
            start, end = start // 10**6, end // 10**6
        if self.is_wrong("span_ends_before_it_begins"):
            end = start - SECOND // 100
        own = fresh(16)
        attributes = [{"key": k, "value": {"stringValue": v}} for k, v in more.get("attributes", {}).items()]
        events = [{"name": e, "timeUnixNano": str(now)} for e in more.get("events", ())]
        links = [{"traceId": t, "spanId": s} for t, s in more.get("links", ())]
        state = "" if self.is_wrong("trace_state_dropped") else more.get("state", "")
        made = {"traceId": trace, "spanId": own, "parentSpanId": parent, "name": name, "kind": KINDS[kind]}
        made |= {"startTimeUnixNano": str(start), "endTimeUnixNano": str(end), "attributes": attributes}
        made |= {"events": events, "links": links, "traceState": state}
        with self.lock:
            self.spans.append((more.get("service", self.name), made))
        return own

    def flush(self) -> None:
        with self.lock:
            spans, self.spans = self.spans, []
        if not spans or self.is_wrong("no_traces"):
            return
        resources = [
            {
                "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]},
                "scopeSpans": [{"spans": [s for owner, s in spans if owner == service]}],
            }
            for service in {owner for owner, _ in spans}
        ]
        body = json.dumps({"resourceSpans": resources}).encode()
        request = urllib.request.Request(f"{self.otlp}/v1/traces", body, {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=10).read()

    # ---- log lines ----

    def log(self, message: str, trace: str = "", span: str = "", **more: str) -> None:
        now = datetime.now(UTC)
        if self.is_wrong("clock_ahead"):
            now = datetime.fromtimestamp(time.time() + 300, UTC)
        if self.is_wrong("log_times_three_hours_early"):
            now = datetime.fromtimestamp(time.time() - 3 * 3600, UTC)
        stamp = now.isoformat()
        if self.is_wrong("log_time_without_zone"):
            stamp = stamp.removesuffix("+00:00")
        ids = {"trace_id": trace, "span_id": span} if trace else {}
        if self.is_wrong("no_line_has_ids"):
            ids = {}
        if self.is_wrong("upper_case_trace_id") and ids:
            ids["trace_id"] = "0x" + trace
        line = {"timestamp": stamp, "level": "INFO", "message": message, **ids, **more}
        if self.is_wrong("line_without_level"):
            del line["level"]
        if not self.is_wrong("no_logs"):
            with self.lock, self.log_file.open("a") as out:
                out.write(json.dumps(line) + "\n")

    # ---- metrics ----

    def page(self) -> str:
        self.scrapes += 1
        with self.lock:
            return "\n".join(self._lines()) + "\n"

    def _lines(self):
        down = 5 if self.is_wrong("counters_of_two_processes") and self.scrapes % 2 else 0
        if not self.is_wrong("metric_missing"):
            declared = "gauge" if self.is_wrong("counter_declared_as_gauge") else "counter"
            yield f"# TYPE app_requests_total {declared}"
            for (route, method, status), n in self.counts.items():
                labels = f'route="{route}",method="{method}",status="{status}"'
                labels += ',pod="a"' if self.is_wrong("label_too_many") else ""
                labels = labels.replace(f',method="{method}"', "") if self.is_wrong("label_missing") else labels
                yield f"app_requests_total{{{labels}}} {max(0, n - down)}"
        yield "# TYPE app_request_duration_seconds histogram"
        factor = {"seconds_in_milliseconds": 1e3, "seconds_in_microseconds": 1e6}.get(self.name.replace("-", "_"), 1)
        bounds = (0.01, 0.2, 1.0) if self.is_wrong("other_buckets") else BUCKETS
        for (route, method), took in self.sums.items():
            labels = f'route="{route}",method="{method}"'
            for bound in (*bounds, float("inf")):
                le = "+Inf" if bound == float("inf") else f"{bound:g}"
                n = sum(t * factor <= bound for t in took)
                yield f'app_request_duration_seconds_bucket{{{labels},le="{le}"}} {n}'
            yield f"app_request_duration_seconds_count{{{labels}}} {len(took)}"
            yield f"app_request_duration_seconds_sum{{{labels}}} {sum(took) * factor}"
        yield "# TYPE app_response_size_bytes summary"
        kilo = 1024 if self.is_wrong("bytes_in_kibibytes") else 1
        for (route, method), sizes in self.sizes.items():
            labels = f'route="{route}",method="{method}"'
            yield f"app_response_size_bytes_count{{{labels}}} {len(sizes)}"
            yield f"app_response_size_bytes_sum{{{labels}}} {sum(sizes) / kilo}"
        yield "# TYPE orders_placed_total counter"
        yield f"orders_placed_total {self.placed}"
        yield "# TYPE cache_hit_ratio gauge"
        yield f"cache_hit_ratio {87.5 if self.is_wrong('ratio_as_percentage') else 0.875}"
        yield "# TYPE process_start_time_seconds gauge"
        yield f"process_start_time_seconds {self.began * (1000 if self.is_wrong('time_in_milliseconds') else 1)}"
        if self.extra:
            yield "# TYPE orders_by_customer_total counter"
            yield from self.extra
        if self.is_wrong("too_many_series"):
            yield "# TYPE orders_open gauge"
            yield from (f'orders_open{{shard="{n}"}} 1' for n in range(60))
        if self.is_wrong("constants_that_look_like_ids"):
            yield "# TYPE build_info gauge"
            yield f'build_info{{commit="{"ab12" * 10}",instance_id="123e4567-e89b-12d3-a456-426614174000"}} 1'
        if self.is_wrong("broken_page"):
            yield "this is { no metric"

    def count(self, route: str, path: str, method: str, status: int, took: float, size: int) -> None:
        shown = path if self.is_wrong("raw_path_in_a_label") else route
        key = (shown, method, str(status))
        self.seen += 1
        times = 2 if self.is_wrong("counted_twice") and method == "POST" else 1
        times = 0 if self.is_wrong("not_counted") and self.seen % 3 == 0 else times
        with self.lock:
            self.counts[key] = self.counts.get(key, 0) + times
            self.sums.setdefault((shown, method), []).append(took)
            self.sizes.setdefault((shown, method), []).append(size)

    def customer(self, label: str, value: str) -> None:
        with self.lock:
            self.extra.append(f'orders_by_customer_total{{{label}="{value}"}} 1')

    # ---- requests ----

    def answer(self, method: str, path: str, headers, body: dict) -> tuple[int, object]:
        began, start = time.perf_counter(), time.time_ns()
        route = "/orders" if path == "/orders" else "/orders/{order_id}"
        parts = headers.get("traceparent", "").split("-")
        trace, parent = (parts[1], parts[2]) if len(parts) == 4 else (fresh(32), "")
        if self.is_wrong("traceparent_ignored"):
            trace, parent = fresh(32), ""
        status, said = self._work(method, path, body)
        attributes = {"http.route": route, "http.request.method": method, "url.path": path}
        if self.is_wrong("attribute_missing"):
            del attributes["http.route"]
        attributes |= self._personal(body)
        name = "handle" if self.is_wrong("span_of_another_name") else f"{method} {route}"
        kept = not (self.is_wrong("sampled_by_ratio") and int(trace[16:], 16) > 2**63)
        own = fresh(16)
        if kept:
            span = {"state": headers.get("tracestate", ""), "start": start, "attributes": attributes}
            events = ("-----BEGIN PRIVATE KEY-----",) if self.is_wrong("private_key_in_an_event") else ()
            service = "other" if self.is_wrong("other_service_name") else self.name
            own = self.span(trace, parent, name, "server", events=events, service=service, **span)
            if self.is_wrong("orphan"):
                self.span(trace, fresh(16), "stray", state=span["state"])
            if self.is_wrong("second_root_in_the_trace"):
                self.span(trace, "", "again", state=span["state"])
        self._aside(method, trace, own, body)
        took = time.perf_counter() - began
        self.count(route, path, method, status, took, len(json.dumps(said).encode()))
        return status, said

    def _work(self, method: str, path: str, body: dict) -> tuple[int, object]:
        time.sleep(0.002)
        if method == "POST":
            self.orders += 1
            self.placed += 1
            if self.is_wrong("errors"):
                return 500, {}
            return 201, {"id": str(self.orders), "note": "x" * 200}
        return 200, {"path": path, "note": "x" * 200}

    def _personal(self, body: dict) -> dict[str, str]:
        found = {
            "canary_in_a_span": str(body),
            "bearer_token_in_a_span": "Authorization: Bearer abcdef0123456789abcdef",
            "url_with_password_in_a_span": "postgresql://app:hunter22@db/orders",
            "email_in_a_span": "ask jane@example.com",
        }.get(self.name.replace("-", "_"))
        return {"note": found} if found else {}

    def _aside(self, method: str, trace: str, own: str, body: dict) -> None:
        """What happens beside the answer: lines, work of another thread, a consumer."""
        line = {
            "canary_in_a_line": str(body),
            "card_in_a_line": "paid by 4111-1111-1111-1111",
            "password_in_a_line": "login with password=hunter22",
            "email_in_a_line": "mailed jane@example.com",
            "jwt_in_a_line": "token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTYifQ.c2lnbmF0dXJlLW9mLWl0",
            "number_that_is_no_card": "order 4111111111111112 stored",
            "phone_in_a_line": "called +49 30 1234567",
            "secret_taken_out": "login with password=[REDACTED]",
        }.get(self.name.replace("-", "_"), "done")
        if self.is_wrong("line_of_plain_text"):
            with self.lock, self.log_file.open("a") as out:
                out.write(f"INFO done trace_id={trace}\n")
        elif self.is_wrong("foreign_trace_id_in_lines"):
            self.log("done", fresh(32), own, request=trace)
        else:
            self.log(line, trace, own)
        if self.is_wrong("access_log_lines"):
            with self.lock, self.log_file.open("a") as out:
                out.write(f'127.0.0.1 "{method} /orders HTTP/1.1" 200\n')
        if method != "POST":
            return
        n = self.orders
        labels = {
            "order_id_in_a_label": ("order", str(n)),
            "uuid_in_a_label": ("customer", f"{fresh(8)}-0000-4000-8000-{fresh(12)}"),
            "email_in_a_label": ("customer", "jane@example.com"),
            "trace_id_in_a_label": ("trace", trace),
            "a_name_for_each_request": ("cart", f"cart-{n}"),
        }
        if pair := labels.get(self.name.replace("-", "_")):
            self.customer(*pair)
        if self.is_wrong("context_lost_in_a_pool"):
            self.span(fresh(32), "", "send mail")
            self.log(f"mail sent for order {n}")
        if self.is_wrong("line_of_a_pool_without_ids"):
            self.log(f"mail sent for order {n}")
        if self.is_wrong("client_span_without_parent"):
            self.span(fresh(32), "", "POST", "client")
        if self.is_wrong("late_work_lost"):
            threading.Timer(0.8, lambda: self.span(fresh(32), "", "bill order")).start()
        if self.is_wrong("consumer_begins_a_trace"):
            self.span(fresh(32), "", "process orders", "consumer")
        if self.is_wrong("consumer_links", "consumer_links_as_agreed", "consumer_links_where_one_trace_is_agreed"):
            sent = self.span(trace, own, "send orders", "producer")
            service = self.name if self.is_wrong("consumer_links") else f"{self.name}-worker"
            self.span(fresh(32), "", "process orders", "consumer", links=[(trace, sent)], service=service)


def handler(service: Wrong) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def send(self, status: int, text: str, kind: str = "application/json") -> None:
            data = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self) -> None:
            self.go("GET")

        def do_POST(self) -> None:
            self.go("POST")

        def go(self, method: str) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
            if self.path == "/healthz":
                if service.is_wrong("health_probes_are_traced"):
                    service.span(fresh(32), "", "GET /healthz", "server", attributes={"url.path": "/healthz"})
                return self.send(200, "{}")
            if self.path == "/metrics":
                status = 500 if service.is_wrong("metrics_page_fails") else 200
                return self.send(status, service.page(), "text/plain; version=0.0.4")
            status, said = service.answer(method, self.path, self.headers, body)
            return self.send(status, json.dumps(said))

    return Handler


def background(services: list[Wrong]) -> None:
    """Sends spans, and does what services do by themselves."""
    for tick in range(10**9):
        time.sleep(0.1)
        for service in services:
            if service.is_wrong("loop_of_its_own") and tick % 4 == 0:
                service.span(fresh(32), "", "clean up")
                service.log(f"cleaned {tick} rows")
            if service.is_wrong("polls_for_messages"):
                service.span(fresh(32), "", "BLPOP", "client")
            if service.is_wrong("health_probes_are_traced") and tick % 3 == 0:
                service.span(fresh(32), "", "GET /healthz", "server", attributes={"url.path": "/healthz"})
            with contextlib.suppress(OSError):
                service.flush()


def main() -> None:
    ways, otlp, folder = json.loads(Path(sys.argv[1]).read_text()), sys.argv[2], Path(sys.argv[3])
    services = []
    for name, port in ways:
        service = Wrong(name, otlp, folder)
        services.append(service)
        if service.is_wrong("does_not_run"):
            continue
        server = ThreadingHTTPServer(("127.0.0.1", port), handler(service))
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print("ready", flush=True)
    background(services)


if __name__ == "__main__":
    main()
