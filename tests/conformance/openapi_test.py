"""Every answer of the API is what openapi.yaml says it is: the document's schemas check real answers.

Run by `uv run --with jsonschema --with pyyaml`; starts a server, sends all three signals, asks every path.
"""

import json
import os
import pathlib
import sys
import time
import unittest
import urllib.parse

import jsonschema
import referencing
import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "integration"))
from sse import Tail  # noqa: E402
from stack import Stack, request  # noqa: E402

DOCUMENT = yaml.safe_load((ROOT / "server" / "api" / "openapi.yaml").read_text())
BASE = "urn:openapi"


def closed(schema: object) -> object:
    """`schema` with undocumented properties forbidden, so that an answer cannot say more than the document."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: closed(value) for key, value in schema.items()}
    if schema.get("type") == "object" and "properties" in schema:
        result.setdefault("additionalProperties", False)
    return result


def send(stack: Stack) -> str:
    """Sends a trace, two log records and three metrics as OTLP/JSON; returns the trace's id."""
    trace_id, span_id, now = os.urandom(16).hex(), os.urandom(8).hex(), time.time_ns() - 5_000_000_000
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}},
                               {"key": "service.version", "value": {"stringValue": "1.0"}}]}
    values = [{"stringValue": "text"}, {"intValue": "9223372036854775807"}, {"doubleValue": 0.5}, {"boolValue": True},
              {"bytesValue": "AAE="}, {"arrayValue": {"values": [{"intValue": "1"}]}},
              {"kvlistValue": {"values": [{"key": "k", "value": {"stringValue": "v"}}]}}, {}]
    attributes = [{"key": f"attribute.{i}", "value": value} for i, value in enumerate(values)]
    span = {"traceId": trace_id, "spanId": span_id, "name": "checkout", "kind": 2, "startTimeUnixNano": str(now),
            "endTimeUnixNano": str(now + 20_000_000), "attributes": attributes, "traceState": "a=b", "flags": 257,
            "status": {"code": 2, "message": "no"}, "droppedAttributesCount": 1,
            "events": [{"timeUnixNano": str(now), "name": "exception", "attributes": attributes}],
            "links": [{"traceId": os.urandom(16).hex(), "spanId": os.urandom(8).hex(), "attributes": attributes}]}
    child = {"traceId": trace_id, "spanId": os.urandom(8).hex(), "parentSpanId": span_id, "name": "SELECT", "kind": 3,
             "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in (
                 ("db.system.name", "postgresql"), ("db.namespace", "orders"), ("db.query.summary", "SELECT items"))],
             "startTimeUnixNano": str(now + 1), "endTimeUnixNano": str(now + 1_000_000)}
    log = {"timeUnixNano": str(now), "observedTimeUnixNano": str(now), "severityNumber": 17, "severityText": "ERROR",
           "body": {"stringValue": "it failed"}, "attributes": attributes, "traceId": trace_id, "spanId": span_id}
    bare_log = {"observedTimeUnixNano": str(now), "body": {"kvlistValue": {"values": attributes}}}
    point = {"startTimeUnixNano": str(now - 1_000_000_000), "timeUnixNano": str(now), "attributes": attributes[:1]}
    metrics = [
        {"name": "orders", "unit": "{order}", "sum": {"aggregationTemporality": 2, "isMonotonic": True,
                                                      "dataPoints": [{**point, "asInt": "7"}]}},
        {"name": "queue", "sum": {"aggregationTemporality": 2, "dataPoints": [{**point, "asInt": "3"}]}},
        {"name": "temperature", "gauge": {"dataPoints": [{**point, "asDouble": 20.5}]}},
        {"name": "duration", "unit": "s", "histogram": {"aggregationTemporality": 2, "dataPoints": [
            {**point, "count": "3", "sum": 0.6, "min": 0.1, "max": 0.3, "bucketCounts": ["1", "2", "0"],
             "explicitBounds": [0.15, 1], "exemplars": [{"timeUnixNano": str(now), "asDouble": 0.3,
                                                          "traceId": trace_id, "spanId": span_id}]}]}},
        {"name": "size", "exponentialHistogram": {"aggregationTemporality": 1, "dataPoints": [
            {**point, "count": "3", "sum": 6, "scale": 0, "zeroCount": "1",
             "positive": {"offset": 0, "bucketCounts": ["1", "1"]}}]}},
        {"name": "latency", "summary": {"dataPoints": [
            {**point, "count": "3", "sum": 6, "quantileValues": [{"quantile": 0.5, "value": 2}]}]}},
    ]
    scope = {"scope": {"name": "test", "version": "1"}}
    for path, body in (
            ("traces", {"resourceSpans": [{"resource": resource, "scopeSpans": [{**scope, "spans": [span, child]}]}]}),
            ("logs", {"resourceLogs": [{"resource": resource, "scopeLogs": [{**scope, "logRecords": [log, bare_log]}]}]}),
            ("metrics", {"resourceMetrics": [{"resource": resource, "scopeMetrics": [{**scope, "metrics": metrics}]}]})):
        status, answer = request("POST", f"http://127.0.0.1:{stack.http_port}/v1/{path}", json.dumps(body).encode(),
                                 {"content-type": "application/json"})
        assert status == 200, (path, status, answer)
    return trace_id


class Answers(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.stack = Stack()
        cls.addClassCleanup(cls.stack.__exit__)
        cls.stack.start_server()
        cls.trace_id = send(cls.stack)
        cls.stack.wait_for_rows(span_rows=2, log_rows=2, metric_number_rows=3, metric_histogram_rows=1,
                                metric_exponential_histogram_rows=1, metric_summary_rows=1)
        registry = referencing.Registry().with_resource(BASE, referencing.Resource.from_contents(
            closed(DOCUMENT), default_specification=referencing.jsonschema.DRAFT202012))
        cls.registry = registry

    def check(self, path: str, target: str, expected: int = 200, post: dict | None = None) -> dict:
        """GETs `target`, or POSTs to it, and checks status and body against the document's `path`."""
        method = "get" if post is None else "post"
        sent = None if post is None else json.dumps(post).encode()
        status, body = request(method.upper(), self.stack.ui + target, sent, {"content-type": "application/json"})
        self.assertEqual(status, expected, (target, body))
        responses = DOCUMENT["paths"][path][method]["responses"]
        pointer = f"/paths/{path.replace('~', '~0').replace('/', '~1')}/{method}/responses"
        if str(status) in responses:
            schema = {"$ref": f"{BASE}#{pointer}/{status}/content/application~1json/schema"}
        else:
            schema = {"$ref": f"{BASE}#/components/schemas/Error"}
        answer = json.loads(body)
        errors = list(jsonschema.Draft202012Validator(schema, registry=self.registry).iter_errors(answer))
        self.assertEqual([f"{target}: {error.json_path}: {error.message}" for error in errors], [])
        return answer

    def test_of_lists_and_searches(self) -> None:
        self.assertEqual([s["name"] for s in self.check("/api/v1/services", "/api/v1/services")["services"]], ["shop"])
        service = self.check("/api/v1/service", "/api/v1/service?name=shop&apdex=20ms")
        self.assertEqual((service["service"]["span_count"], service["service"]["apdex"]), (1, 0))  # It failed.
        self.assertEqual(service["apdex_threshold_ns"], "20000000")
        self.assertEqual(self.check("/api/v1/service", "/api/v1/service?name=shop&apdex=soon", 400)["parameter"], "apdex")
        versions = self.check("/api/v1/service/versions", "/api/v1/service/versions?name=shop")["versions"]
        self.assertEqual([(each["version"], each["span_count"]) for each in versions], [("1.0", 1)])
        self.assertEqual(len(self.check("/api/v1/traces", "/api/v1/traces")["traces"]), 1)
        self.assertEqual(len(self.check("/api/v1/logs", "/api/v1/logs")["logs"]), 2)
        status = self.check("/api/v1/status", "/api/v1/status")
        self.assertEqual((status["otlp_grpc_port"], status["otlp_http_port"]),
                         (self.stack.grpc_port, self.stack.http_port))
        for signal in ("traces", "logs", "metrics"):
            fields = self.check("/api/v1/fields", f"/api/v1/fields?signal={signal}")["fields"]
            # The attribute's own name begins as a place does.
            self.assertIn("attribute.attribute.0", [field["name"] for field in fields])
            values = self.check("/api/v1/field_values",
                                f"/api/v1/field_values?signal={signal}&field=attribute.attribute.0")["values"]
            self.assertEqual([value["value"] for value in values], ["text"])
            values = self.check("/api/v1/complete",
                                f"/api/v1/complete?signal={signal}&q=AND+attribute.attribute.0+%3D")["suggestions"]
            self.assertEqual([value["text"] for value in values], ["'text'"])
            self.assertIn({"text": "attribute.attribute.0", "kind": "field", "detail": "Attribute"},
                          self.check("/api/v1/complete", f"/api/v1/complete?signal={signal}&q=bute.0")["suggestions"])

    def test_of_a_trace_keep_every_value_and_its_type(self) -> None:
        trace = self.check("/api/v1/traces/{trace_id}", f"/api/v1/traces/{self.trace_id}")
        span = next(span for span in trace["spans"] if span["name"] == "checkout")
        by_key = {a["key"]: (a["type"], a["value"]) for a in span["attributes"]}
        self.assertEqual(by_key["attribute.0"], ("string", "text"))
        self.assertEqual(by_key["attribute.1"], ("int", "9223372036854775807"))
        self.assertEqual(by_key["attribute.2"], ("double", "0.5"))
        self.assertEqual(by_key["attribute.3"], ("bool", "true"))
        self.assertEqual(by_key["attribute.4"], ("bytes", "AAE="))
        self.assertEqual(json.loads(by_key["attribute.5"][1]), {"arrayValue": {"values": [{"intValue": "1"}]}})
        self.assertEqual(by_key["attribute.6"][0], "kvlist")
        self.assertEqual(by_key["attribute.7"][0], "empty")
        self.assertEqual(span["status"]["message"], "no")
        self.assertEqual(len(span["events"]), 1)
        self.assertEqual(len(span["links"]), 1)

    def test_of_a_trace_as_columns_and_of_its_spans(self) -> None:
        skeleton = self.check("/api/v1/traces/{trace_id}/skeleton", f"/api/v1/traces/{self.trace_id}/skeleton")
        columns = skeleton["columns"]
        self.assertEqual({len(column) for column in columns.values()}, {2})
        self.assertEqual([skeleton["names"][name] for name in columns["name"]], ["checkout", "SELECT"])
        self.assertEqual((columns["parent"], columns["flags"]), ([-1, 0], [3, 0]))
        trace = self.check("/api/v1/traces/{trace_id}", f"/api/v1/traces/{self.trace_id}")
        path = f"/api/v1/traces/{self.trace_id}/spans"
        spans = self.check("/api/v1/traces/{trace_id}/spans", f"{path}?span_id={'&span_id='.join(columns['span_id'])}")
        self.assertEqual(spans["spans"], trace["spans"])
        self.check("/api/v1/traces/{trace_id}/spans", path, 400)
        self.check("/api/v1/traces/{trace_id}/spans", f"{path}?span_id=xyz", 400)

    def test_of_two_traces_compared(self) -> None:
        path = "/api/v1/traces/compare"
        answer = self.check(path, f"{path}?a={self.trace_id}&b={self.trace_id}")
        self.assertEqual([[step["name"] for step in each["path"]] for each in answer["paths"]],
                         [["checkout"], ["checkout", "SELECT"]])
        self.assertEqual({each["self_difference_ns"] for each in answer["paths"]}, {"0"})
        self.check(path, f"{path}?a={self.trace_id}", 400)
        self.check(path, f"{path}?a={self.trace_id}&b={'0' * 31}1", 404)

    def test_of_the_patterns_of_log_records(self) -> None:
        path = "/api/v1/logs/patterns"
        answer = self.check(path, path)
        self.assertEqual(sum(pattern["count"] for pattern in answer["patterns"]), answer["record_count"])
        first = urllib.parse.urlencode({"q": answer["patterns"][0]["filter"]})
        self.assertEqual(self.check(path, f"{path}?{first}")["patterns"][0]["pattern"], answer["patterns"][0]["pattern"])
        self.assertEqual(len(self.check(path, f"{path}?limit=1")["patterns"]), 1)
        self.check(path, f"{path}?limit=0", 400)

    def test_of_a_log_record_and_those_around_it(self) -> None:
        records = self.check("/api/v1/logs", "/api/v1/logs")["logs"]
        one = records[-1]
        for time_of in ("", f"?time={one['time']}"):
            self.assertEqual(self.check("/api/v1/logs/{id}", f"/api/v1/logs/{one['id']}{time_of}")["log"], one)
        path = "/api/v1/logs/{id}/context"
        context = self.check(path, f"/api/v1/logs/{one['id']}/context?scope=all&after=100")
        self.assertEqual(context["after"], records[-2::-1])
        self.assertEqual(self.check(path, f"/api/v1/logs/{one['id']}/context?q=nmae+%3D+1")["warnings"][0]["field"], "nmae")
        self.check("/api/v1/logs/{id}", "/api/v1/logs/1-1", 404)
        for bad in ("x/context", "1-1-1/context", f"{one['id']}/context?scope=some", f"{one['id']}/context?before=501"):
            self.check(path, f"/api/v1/logs/{bad}", 400)

    def test_of_the_profile_of_traces(self) -> None:
        path = "/api/v1/traces/profile"
        answer = self.check(path, f"{path}?q=name+%3D+SELECT")
        self.assertEqual(answer["totals"]["span_count"], 2)
        self.assertEqual({each["name"] for each in answer["operations"]}, {"checkout", "SELECT"})
        self.assertEqual(self.check(path, f"{path}?q=nmae+%3D+1")["warnings"][0]["field"], "nmae")
        self.check(path, f"{path}?q=kind+%3D", 400)
        self.check(path, f"{path}?cursor=1", 400)

    def test_of_where_a_span_lies_among_those_of_its_operation(self) -> None:
        path = "/api/v1/traces/{trace_id}/spans/{span_id}/distribution"
        trace = self.check("/api/v1/traces/{trace_id}", f"/api/v1/traces/{self.trace_id}")
        span = trace["spans"][0]
        answer = self.check(path, path.format(trace_id=self.trace_id, span_id=span["span_id"]))
        self.assertEqual((answer["name"], answer["duration_ns"], answer["span_count"]), (span["name"], span["duration_ns"], 1))
        self.assertEqual((answer["percentile"], answer["histogram"][0]["count"]), (50, 1))
        self.check(path, path.format(trace_id=self.trace_id, span_id="f" * 16), 404)
        self.check(path, path.format(trace_id=self.trace_id, span_id="f" * 15), 400)
        self.check(path, path.format(trace_id=self.trace_id, span_id=span["span_id"]) + "?start=5&end=4", 400)

    def test_of_traces_by_structure(self) -> None:
        def search(structure: str, expected: int = 200, **others: str) -> dict:
            query = urllib.parse.urlencode({"structure": structure, **others})
            return self.check("/api/v1/traces", f"/api/v1/traces?{query}", expected)
        answer = search("{kind = server} > {name LIKE 'SEL%'} | trace.span_count = 2")
        self.assertEqual([trace["matched_span"]["name"] for trace in answer["traces"]], ["SELECT"])
        self.assertEqual(answer["structure"], {"is_complete": True, "examined_trace_count": 1, "too_large_trace_count": 0})
        self.assertEqual(search("{kind = server} !>> {kind = client}")["traces"], [])
        self.assertEqual([warning["field"] for warning in search("{nmae = 'x'}")["warnings"]], ["nmae"])
        error = search("{kind = server} >> {kind = }", 400)
        self.assertEqual((error["parameter"], error["position"]), ("structure", 27))
        self.assertEqual(search("{}", 400, include="facets")["parameter"], "include")

    def test_of_calls_and_the_graph(self) -> None:
        answer = self.check("/api/v1/service/calls", "/api/v1/service/calls?name=shop")
        call, = answer["calls"]
        self.assertEqual([call[name] for name in ("type", "system", "target", "operation", "summary", "call_count")],
                         ["database", "postgresql", "orders", "SELECT", "SELECT items", 1])
        query = urllib.parse.urlencode({"q": call["filter"], "include": "rows"})
        self.assertEqual(len(self.check("/api/v1/traces", f"/api/v1/traces?{query}")["traces"]), 1)
        graph = self.check("/api/v1/service_graph", "/api/v1/service_graph")
        self.assertEqual([node["id"] for node in graph["nodes"]], ["database:postgresql:orders", "service:shop"])
        self.assertEqual([(edge["client"], edge["server"]) for edge in graph["edges"]],
                         [("service:shop", "database:postgresql:orders")])
        for parameters in ("environment=none", "namespace=none"):
            self.assertEqual(self.check("/api/v1/service_graph", f"/api/v1/service_graph?{parameters}")["nodes"], [])
        self.assertEqual(self.check("/api/v1/service_graph", "/api/v1/service_graph?inferred=false")["edges"], [])
        self.check("/api/v1/service_graph", "/api/v1/service_graph?inferred=maybe", 400)

    def test_of_errors(self) -> None:
        errors = self.check("/api/v1/errors", "/api/v1/errors?service=shop")["errors"]
        found = {(each["signal"], each["message"]): each for each in errors}
        self.assertEqual(set(found), {("traces", ""), ("logs", "it failed")})  # The exception says nothing.
        for (signal, _), each in found.items():
            self.assertEqual((each["count"], each["trace_id"]), (1, self.trace_id))
            query = urllib.parse.urlencode({"q": each["filter"], "include": "rows"})
            self.assertEqual(len(self.check(f"/api/v1/{signal}", f"/api/v1/{signal}?{query}")[signal]), 1)
        self.assertEqual(self.check("/api/v1/errors", "/api/v1/errors?contains=FAILED&signal=logs")["group_count"], 1)
        page = self.check("/api/v1/errors", "/api/v1/errors?limit=1&order=new")
        rest = self.check("/api/v1/errors", f"/api/v1/errors?limit=1&order=new&cursor={page['next_cursor']}")
        self.assertEqual({each["id"] for each in page["errors"] + rest["errors"]}, {each["id"] for each in errors})
        self.assertIsNone(rest["next_cursor"])
        self.assertEqual(self.check("/api/v1/errors", "/api/v1/errors?cursor=1", 400)["parameter"], "cursor")

    def test_of_metrics(self) -> None:
        names = [m["name"] for m in self.check("/api/v1/metrics", "/api/v1/metrics")["metrics"]]
        self.assertEqual(names, ["duration", "latency", "orders", "queue", "size", "temperature"])
        for name in names:
            self.check("/api/v1/metrics/query", f"/api/v1/metrics/query?name={name}&group_by=attribute.attribute.0&exemplars=true")

    def test_of_aggregates(self) -> None:
        def ask(post: dict, expected: int = 200) -> dict:
            return self.check("/api/v1/query", "/api/v1/query", expected, post)
        count = {"op": "count"}
        answer = ask({"queries": {
            "spans": {"signal": "traces", "aggregations": [count, {"op": "p99", "field": "duration"}], "step": "auto",
                      "group_by": ["kind", "attribute.attribute.0"], "limit": 1, "rest": True},
            "logs": {"signal": "logs", "aggregations": [count], "group_by": ["severity"]},
            "durations": {"signal": "traces", "filter": "nmae = 'x' OR root = true",
                          "aggregations": [{"op": "histogram", "field": "duration"}], "step": "auto"},
            "orders": {"signal": "metrics", "metric": "orders", "aggregations": [{"op": "increase"}]}},
            "formulas": {"share": "logs / orders"}})
        results = answer["results"]
        self.assertEqual([group["labels"] for group in results["spans"]["groups"]], [["server", "text"], ["", ""]])
        self.assertEqual([group["is_rest"] for group in results["spans"]["groups"]], [False, True])
        self.assertEqual({group["labels"][0]: group["values"] for group in results["logs"]["groups"]},
                         {"unspecified": [1], "error": [1]})
        (low, high, spans), = results["durations"]["groups"][0]["values"][0]
        self.assertEqual((low <= 20e6 < high, spans), (True, 1))
        self.assertEqual(results["orders"]["groups"][0]["values"], [7])
        self.assertEqual([warning["field"] for warning in answer["warnings"]], ["nmae"])
        error = ask({"queries": {"a": {"signal": "traces", "aggregations": [{"op": "median"}]}}}, 400)
        self.assertEqual(error["parameter"], "queries.a.aggregations[0].op")

    def test_of_changes(self) -> None:
        def ask(post: dict, expected: int = 200) -> dict:
            return self.check("/api/v1/changes", "/api/v1/changes", expected, post)
        answer = ask({"selection": {"filter": "status = error"}, "baseline": {"filter": "kind = server"}})
        self.assertEqual((answer["selection"]["records"], answer["baseline"]["records"]), ("1", "1"))
        self.assertEqual(answer["fields"], [])
        self.assertEqual(ask({"selection": {"filter": "a ="}}, 400)["parameter"], "selection.filter")

    def test_of_sql(self) -> None:
        def ask(post: dict, expected: int = 200) -> dict:
            return self.check("/api/v1/sql", "/api/v1/sql", expected, post)
        answer = ask({"sql": "SELECT name, attributes['attribute.1'] AS value, duration_ns, trace_id "
                             "FROM spans WHERE name = 'checkout'"})
        self.assertEqual([column["name"] for column in answer["columns"]], ["name", "value", "duration_ns", "trace_id"])
        self.assertEqual(answer["rows"], [["checkout", "9223372036854775807", "20000000", self.trace_id]])
        self.assertEqual(ask({"sql": "DROP TABLE spans"}, 400)["parameter"], "sql")
        tables = self.check("/api/v1/sql/tables", "/api/v1/sql/tables")["tables"]
        self.assertIn("spans", [table["name"] for table in tables])

    def test_of_bad_requests(self) -> None:
        self.check("/api/v1/traces", "/api/v1/traces?start=yesterday", 400)
        self.check("/api/v1/traces", "/api/v1/traces?limit=0", 400)
        error = self.check("/api/v1/logs", "/api/v1/logs?q=service.name%20%3D", 400)
        self.assertEqual(error["parameter"], "q")
        self.check("/api/v1/traces/{trace_id}", f"/api/v1/traces/{'0' * 31}1", 404)
        self.check("/api/v1/traces/{trace_id}", "/api/v1/traces/xyz", 400)
        self.check("/api/v1/metrics/query", "/api/v1/metrics/query?name=none", 404)


class Tails(unittest.TestCase):
    """Of a server of their own, for what is shown is sent a second time."""

    def test_events_are_what_the_document_says(self) -> None:
        registry = referencing.Registry().with_resource(BASE, referencing.Resource.from_contents(
            closed(DOCUMENT), default_specification=referencing.jsonschema.DRAFT202012))
        stack = self.enterContext(Stack())
        stack.start_server()
        tails = {signal: self.enterContext(Tail(stack.ui, signal=signal)) for signal in ("traces", "logs", "metrics")}
        send(stack)
        for signal, count, name in (("traces", 2, "TailSpan"), ("logs", 2, "TailLogRecord"), ("metrics", 6, "TailPoint")):
            validator = jsonschema.Draft202012Validator({"$ref": f"{BASE}#/components/schemas/{name}"}, registry=registry)
            for record in tails[signal].records(count):
                self.assertEqual([f"{error.json_path}: {error.message}" for error in validator.iter_errors(record)], [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
