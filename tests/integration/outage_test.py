"""The demo service while its backend is down or restarting: not slower, not larger, and honest about losses."""

import re
import statistics
import time
import unittest

from stack import Stack, free_port, listening, request, resident_mib, wait_until


def latencies_ms(url: str, calls: int) -> list[float]:
    """How long each of `calls` sequential requests took."""
    times = []
    for _ in range(calls):
        start = time.monotonic()
        status, _ = request("GET", url)
        times.append((time.monotonic() - start) * 1000)
        assert status == 200, status
    return times


class Outage(unittest.TestCase):
    def start_service(self, stack: Stack, **environment: str):
        port = free_port()
        service = stack.start("demo-service", "--port", str(port),
                              env={**stack.otlp_environment(), "OTEL_SERVICE_NAME": "demo-service", **environment})
        wait_until(lambda: listening(port), "the demo service listens")
        return service, f"http://127.0.0.1:{port}/"

    def test_leaves_the_service_quick_and_small_and_delivers_afterwards(self) -> None:
        with Stack() as stack:
            server = stack.start_server()
            service, url = self.start_service(stack)
            with_server = latencies_ms(url, 300)
            self.assertEqual(stack.stop(server), 0)

            before = resident_mib(service.pid)
            without_server = latencies_ms(url, 3000)
            grown = resident_mib(service.pid) - before

            # No request waits for an export: one that did would take until its timeout of 10 s.
            self.assertLess(max(without_server), 2000)
            self.assertLess(statistics.median(without_server), 20 + 5 * statistics.median(with_server))
            self.assertLess(grown, 64, "MiB")

            stack.start_server()
            latencies_ms(url, 10)
            # The outage was shorter than what the queues hold: nothing is lost.
            def arrived() -> bool:
                services = stack.api("services", start=0, end=time.time_ns())["services"]
                return sum(s["span_count"] for s in services if s["name"] == "demo-service") == 3310
            wait_until(arrived, "all 3,310 server spans are stored", timeout_s=30, interval_s=0.3)

    def test_that_outlasts_the_queues_is_reported_with_the_number_lost(self) -> None:
        with Stack() as stack:  # No server at all.
            service, url = self.start_service(stack, OTEL_EXPORTER_OTLP_TIMEOUT="500",
                                              OTEL_BSP_EXPORT_TIMEOUT="500")
            latencies_ms(url, 200)
            self.assertEqual(stack.stop(service), 0, "it still ends in order and in time")
            log = stack.log("demo-service")
            lost = re.search(r"Lost: (\d+) of (\d+) spans", log)
            self.assertIsNotNone(lost, log[-2000:])
            self.assertEqual(lost.groups(), ("200", "200"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
