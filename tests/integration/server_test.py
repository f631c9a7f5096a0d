"""The server's unhappy paths, with the real program: malformed input, kill -9, two servers, taken ports."""

import concurrent.futures
import gzip
import json
import signal
import unittest

from stack import Stack, listening, request, resident_mib, wait_until


def spans_of(stack: Stack, trace_id: str) -> list:
    """The spans of a trace, once some are visible."""
    return wait_until(lambda: (stack.trace(trace_id) or {}).get("spans"), "spans of the trace are visible")


class MalformedInput(unittest.TestCase):
    def test_is_refused_with_a_reason_and_harms_nothing(self) -> None:
        with Stack() as stack:
            stack.start_server()
            url = f"http://127.0.0.1:{stack.http_port}/v1/traces"
            cases = [
                (b"\x0a\xff\xff\xff\xff\x0f", "application/x-protobuf", 400),
                (b"{", "application/json", 400),
                (b'{"resourceSpans": 7}', "application/json", 400),
                (b"{}", "text/plain", 415),
            ]
            for body, content_type, expected in cases:
                status, answer = request("POST", url, body, {"content-type": content_type})
                self.assertEqual(status, expected, (body, answer))
                self.assertTrue(answer, "the answer says why")
            status, _ = request("POST", url, b"not gzip", {"content-type": "application/x-protobuf",
                                                          "content-encoding": "gzip"})
            self.assertEqual(status, 400)
            self.assertEqual(request("GET", f"http://127.0.0.1:{stack.http_port}/nothing")[0], 404)

            self.assertIsNone(stack.server.poll(), "the server still runs")
            trace_id = stack.send_spans(3)
            self.assertEqual(len(spans_of(stack, trace_id)), 3)

    def test_a_bad_record_is_counted_and_its_neighbours_are_kept(self) -> None:
        with Stack() as stack:
            stack.start_server()
            good, now = "0af7651916cd43dd8448eb211c80319c", "1763820000000000000"
            spans = [
                {"traceId": good, "spanId": "b7ad6b7169203331", "name": "good", "startTimeUnixNano": now,
                 "endTimeUnixNano": now},
                {"traceId": "0af765", "spanId": "b7ad6b7169203332", "name": "bad", "startTimeUnixNano": now,
                 "endTimeUnixNano": now},
            ]
            body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).encode()
            status, answer = request("POST", f"http://127.0.0.1:{stack.http_port}/v1/traces", body,
                                     {"content-type": "application/json"})
            self.assertEqual(status, 200)
            partial = json.loads(answer)["partialSuccess"]
            self.assertEqual(int(partial["rejectedSpans"]), 1)
            self.assertIn("trace_id", partial["errorMessage"])
            self.assertEqual([span["name"] for span in spans_of(stack, good)], ["good"])


    def test_what_is_altered_or_rejected_is_told_and_the_rest_is_kept_as_sent(self) -> None:
        with Stack() as stack:
            stack.start_server()
            trace, now = "1af7651916cd43dd8448eb211c80319c", "1763820000000000000"
            attributes = [{"key": "twice", "value": {"stringValue": value}} for value in ("first", "second")]
            spans = [
                {"traceId": trace, "spanId": "b7ad6b7169203331", "name": "cut \ud83d", "kind": "SPAN_KIND_NEW",
                 "startTimeUnixNano": now, "endTimeUnixNano": now, "attributes": attributes},
                {"traceId": trace, "spanId": "b7ad6b7169203332", "name": "endless", "startTimeUnixNano": now,
                 "endTimeUnixNano": str(2**63 - 1)},
            ]
            body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).encode()
            self.assertIn(b"\\ud83d", body, "half a surrogate pair, as JavaScript writes it")
            status, answer = request("POST", f"http://127.0.0.1:{stack.http_port}/v1/traces", body,
                                     {"content-type": "application/json"})
            self.assertEqual(status, 200, answer)
            partial = json.loads(answer)["partialSuccess"]
            self.assertEqual(partial["rejectedSpans"], "1")
            for part in ("a span's time", "1 strings were not Unicode", "1 names of enumerators"):
                self.assertIn(part, partial["errorMessage"])

            spans = spans_of(stack, trace)
            self.assertEqual([span["name"] for span in spans], ["cut \ufffd"])
            values = [a["value"] for a in spans[0]["attributes"] if a["key"] == "twice"]
            self.assertEqual(values, ["first", "second"], "attributes of one key, in the order they were sent")

    def test_a_request_of_millions_of_empty_records_is_refused_for_good_and_leaves_no_memory_behind(self) -> None:
        def field(number: int, content: bytes) -> bytes:
            size, length = bytearray(), len(content)
            while length > 127:
                size.append(length & 127 | 128)
                length >>= 7
            return bytes([number << 3 | 2, *size, length]) + content
        with Stack() as stack:
            server = stack.start_server()
            before = resident_mib(server.pid)
            records = field(1, field(2, b"\x12\x00" * 30_000_000))
            plain = field(1, field(2, b"\x12\x00" * 3_000_000))
            for body, encoding in ((gzip.compress(records, 1), "gzip"), (plain, "identity")):
                status, answer = request("POST", f"http://127.0.0.1:{stack.http_port}/v1/logs", body,
                                         {"content-type": "application/x-protobuf", "content-encoding": encoding})
                self.assertEqual(status, 413, answer)
                self.assertIn(b"send smaller batches", answer)
            self.assertLess(resident_mib(server.pid) - before, 512)
            trace_id = stack.send_spans(1)
            wait_until(lambda: stack.trace(trace_id), "the server goes on")


class KillNine(unittest.TestCase):
    def test_loses_nothing_that_was_acknowledged(self) -> None:
        with Stack() as stack:
            server = stack.start_server()
            acknowledged: list[str] = []

            def send() -> None:
                while True:
                    try:
                        acknowledged.append(stack.send_spans(20))
                    except (OSError, AssertionError):
                        return  # The server is gone.

            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                senders = [pool.submit(send) for _ in range(8)]
                wait_until(lambda: len(acknowledged) >= 100, "100 requests are acknowledged")
                stack.stop(server, signal.SIGKILL)
                concurrent.futures.wait(senders)

            stack.start_server()
            # What the tables did not have yet comes from the log, behind the start.
            for trace_id in acknowledged:
                wait_until(lambda trace_id=trace_id: len((stack.trace(trace_id) or {"spans": []})["spans"]) == 20,
                           f"the acknowledged trace {trace_id} is found, whole")


class SecondServer(unittest.TestCase):
    def test_on_the_same_folder_is_refused_saying_why(self) -> None:
        with Stack() as stack:
            stack.start_server()
            second = stack.start("signalbox", "serve", "--data", str(stack.data), "--grpc-address",
                                 "127.0.0.1:0", "--http-address", "127.0.0.1:0", "--ui-address", "127.0.0.1:0")
            self.assertNotEqual(second.wait(20), 0)
            complaint = stack.log("signalbox").strip().splitlines()[-1]
            self.assertIn(str(stack.data), complaint)
            self.assertIn(str(stack.server.pid), complaint, "it names the process that has the folder")
            self.assertTrue(stack.answers(), "the first one is unharmed")

    def test_on_the_same_port_is_refused_naming_the_option(self) -> None:
        with Stack() as stack:
            stack.start_server()
            second = stack.start("signalbox", "serve", "--data", str(stack.folder / "other"), "--grpc-address",
                                 "127.0.0.1:0", "--http-address", "127.0.0.1:0", "--ui-address",
                                 f"127.0.0.1:{stack.ui_port}")
            self.assertEqual(second.wait(20), 1, "in order, the engine's threads joined")
            complaint = stack.log("signalbox").strip().splitlines()[-1]
            self.assertIn(str(stack.ui_port), complaint)
            self.assertIn("--ui-address", complaint)


class Restart(unittest.TestCase):
    def test_keeps_what_was_stored_and_ends_in_order(self) -> None:
        with Stack() as stack:
            server = stack.start_server()
            trace_id = stack.send_spans(5)
            self.assertEqual(stack.stop(server), 0)
            self.assertFalse(listening(stack.ui_port))
            stack.start_server()
            self.assertEqual(len(stack.trace(trace_id)["spans"]), 5)


if __name__ == "__main__":
    unittest.main(verbosity=2)
