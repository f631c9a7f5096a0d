"""The server's unhappy paths, with the real program: malformed input, kill -9, two servers, taken ports."""

import concurrent.futures
import json
import signal
import unittest

from stack import Stack, listening, request, wait_until


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
            self.assertEqual(len(stack.trace(trace_id)["spans"]), 3)

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
            self.assertEqual([span["name"] for span in stack.trace(good)["spans"]], ["good"])


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
            lost = [trace_id for trace_id in acknowledged
                    if len((stack.trace(trace_id) or {"spans": []})["spans"]) != 20]
            self.assertEqual(lost, [], f"of {len(acknowledged)} acknowledged requests")


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
            self.assertNotEqual(second.wait(20), 0)
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
