"""What was acknowledged outlasts a power cut, once, whatever its senders repeat."""

import os
import signal
import time
import unittest
from unittest import mock

from file_system import FileSystem
from ledger import Ledger, check
from stack import Stack


class WithoutAFileSystem(unittest.TestCase):
    def test_a_test_is_skipped_with_the_reason_but_fails_where_ci_is_root(self) -> None:
        for ci, user, expected in (("", 0, unittest.SkipTest), ("true", 1000, unittest.SkipTest),
                                   ("true", 0, RuntimeError)):
            with (mock.patch.dict(os.environ, {"CI": ci, "PATH": ""}), mock.patch("os.geteuid", return_value=user),
                  self.assertRaisesRegex(expected, "needs root and mkfs.ext4")):
                FileSystem(mib=1)


class PowerCut(unittest.TestCase):
    def test_loses_nothing_that_was_acknowledged_and_doubles_nothing_that_is_repeated(self) -> None:
        with FileSystem(mib=1024) as disk, Stack() as stack:
            stack.data = disk.root / "data"
            ledger = Ledger(stack.http_port)
            self.addCleanup(ledger.stop)
            for seconds in (8, 3, 1.5):
                server = stack.start_server()
                ledger.start()
                time.sleep(seconds)
                stack.stop(server, signal.SIGKILL)
                ledger.stop()
                disk.cut_power()
                self.assertGreater(len(ledger.acknowledged), 100)

                self.assertEqual(stack.stop(stack.start_server()), 0)
                check(self, stack, ledger, f"after {seconds} s of load")

                server = stack.start_server()
                latest = sorted(ledger.acknowledged)[-300:]
                ledger.repeat(ledger.unacknowledged + latest)
                self.assertEqual(stack.stop(server), 0)
                check(self, stack, ledger, f"after {seconds} s of load and repetitions")
                self.assertEqual(ledger.unacknowledged, [])
            self.assertNotIn("damage", stack.log("signalbox"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
