"""A server that stands still, or whose disk is full, under load: nothing is lost, nothing is doubled."""

import contextlib
import os
import signal
import time
import unittest

from file_system import FileSystem
from ledger import Ledger, check
from stack import Stack, request, wait_until


class StandingStill(unittest.TestCase):
    def test_loses_nothing_and_doubles_nothing_that_senders_repeat_meanwhile(self) -> None:
        with Stack() as stack:
            server = stack.start_server()
            ledger = Ledger(stack.http_port, timeout_s=1)
            self.addCleanup(ledger.stop)
            ledger.start(until_acknowledged=True)
            for seconds in (0.5, 3, 1.5):
                time.sleep(1)
                server.send_signal(signal.SIGSTOP)
                time.sleep(seconds)
                server.send_signal(signal.SIGCONT)
            time.sleep(1)
            ledger.stop()
            self.assertGreater(ledger.statuses[0], 0, "senders gave up waiting")

            ledger.repeat(ledger.unacknowledged)
            self.assertEqual(stack.stop(server), 0)
            check(self, stack, ledger, "after standing still")
            self.assertEqual(ledger.retry_hints[False], 0, ledger.statuses)


class FullDisk(unittest.TestCase):
    def fill(self, disk: FileSystem, all_but_mib: int = 0) -> None:
        """To the last block: others may write meanwhile."""
        with open(disk.root / "filler", "wb") as filler, contextlib.suppress(OSError):
            while (room := os.statvfs(disk.root)).f_bavail * room.f_frsize >= all_but_mib << 20:
                left = room.f_bavail * room.f_frsize - (all_but_mib << 20)
                os.posix_fallocate(filler.fileno(), filler.seek(0, os.SEEK_END), max(left, room.f_frsize))

    def services(self, stack: Stack) -> list[str]:
        answer = stack.api("services", start=1_790_000_000_000_000_000, end=time.time_ns())
        return [service["name"] for service in answer["services"]]

    def readiness(self, stack: Stack) -> tuple[int, str]:
        status, body = request("GET", f"{stack.ui}/readyz")
        return status, body.decode()

    def test_with_room_for_the_log_alone_is_taken_until_the_log_is_full(self) -> None:
        with FileSystem(mib=1024) as disk, Stack() as stack:
            stack.data = disk.root / "data"
            server = stack.start_server("--min-free-disk", "1MiB", "--max-log", "128MiB")
            ledger = Ledger(stack.http_port, padding=200_000)
            self.addCleanup(ledger.stop)
            self.fill(disk, all_but_mib=300)  # ClickHouse takes nothing below 512 MiB.
            ledger.start()
            wait_until(lambda: ledger.statuses[429] > 50, "requests are refused", timeout_s=30)

            wait_until(lambda: "at 128MiB (--max-log) requests are refused" in self.readiness(stack)[1],
                       "the server says why it is not ready")
            self.assertGreater(len(ledger.acknowledged), 300, "as many as the log holds")
            self.assertGreater(sum(file.stat().st_size for file in (stack.data / "log").glob("*.log")), 128 << 20)

            os.unlink(disk.root / "filler")
            taken = len(ledger.acknowledged)
            wait_until(lambda: len(ledger.acknowledged) > taken + 50, "requests are taken again", timeout_s=30)
            ledger.stop()
            self.assertEqual(set(ledger.statuses), {200, 429}, stack.log("signalbox")[-3000:])
            self.assertEqual(ledger.retry_hints[False], 0, ledger.statuses)
            wait_until(lambda: self.readiness(stack)[0] == 200, "the tables take them in")
            self.assertEqual(stack.stop(server), 0)
            check(self, stack, ledger, "after the log was full")

    def test_refuses_with_a_hint_answers_queries_and_goes_on_when_there_is_room(self) -> None:
        with FileSystem(mib=1024) as disk, Stack() as stack:
            stack.data = disk.root / "data"
            server = stack.start_server("--min-free-disk", "1MiB")
            ledger = Ledger(stack.http_port, padding=50_000)  # A segment of the log is soon full.
            self.addCleanup(ledger.stop)
            ledger.start()
            wait_until(lambda: self.services(stack) == ["ledger"], "requests are taken and shown")
            self.fill(disk)
            wait_until(lambda: ledger.statuses[503] > 50, "requests are refused", timeout_s=30)

            self.assertEqual(self.services(stack), ["ledger"])
            wait_until(lambda: self.readiness(stack)[0] == 503, "the server says that it is not ready")

            taken = len(ledger.acknowledged)
            os.unlink(disk.root / "filler")
            wait_until(lambda: len(ledger.acknowledged) > taken + 100, "requests are taken again", timeout_s=30)
            ledger.stop()
            wait_until(lambda: self.readiness(stack)[0] == 200, "the tables take them in")
            self.assertEqual(ledger.retry_hints[False], 0, ledger.statuses)
            self.assertEqual(set(ledger.statuses), {200, 503}, stack.log("signalbox")[-3000:])

            ledger.repeat(ledger.unacknowledged)
            self.assertEqual(stack.stop(server), 0)
            check(self, stack, ledger, "after the disk was full")


if __name__ == "__main__":
    unittest.main(verbosity=2)
