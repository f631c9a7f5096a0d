"""The gRPC port as other people's programs see it: HTTP/2 by h2spec, health and reflection by grpcio."""

import http.client
import pathlib
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CALLS = pathlib.Path(__file__).resolve().parent / "grpc_services"
H2SPEC = ROOT / "build" / "deps" / "bin" / "h2spec"
sys.path.insert(0, str(ROOT / "tests" / "integration"))
from stack import Stack  # noqa: E402
from tour import UV  # noqa: E402


class GrpcPort(unittest.TestCase):
    stack: Stack

    @classmethod
    def setUpClass(cls) -> None:
        cls.stack = cls.enterClassContext(Stack())
        cls.stack.start_server()

    def test_speaks_http2_as_h2spec_knows_it(self) -> None:
        self.assertTrue(H2SPEC.exists(), "run tools/install.sh test first: it builds h2spec")
        run = subprocess.run([H2SPEC, "--host", "127.0.0.1", "--port", str(self.stack.grpc_port), "--timeout", "10"],
                             capture_output=True, text=True, timeout=120)
        self.assertIn("145 tests, 145 passed, 0 skipped, 0 failed", run.stdout,
                      run.stdout.partition("Failures:")[2] + run.stderr)

    def test_serves_health_and_reflection_and_refuses_unknown_methods_at_once(self) -> None:
        run = subprocess.run(
            [UV, "run", "--no-project", "--quiet", "--with-requirements", CALLS / "requirements.txt", "python",
             CALLS / "call.py", f"127.0.0.1:{self.stack.grpc_port}"], capture_output=True, text=True, timeout=120)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)

    def test_tells_a_client_of_http1_where_to_send(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.stack.grpc_port, timeout=10)
        connection.request("POST", "/v1/traces", b"x" * 100_000)
        answer = connection.getresponse()
        self.assertEqual(answer.status, 400)
        self.assertIn("OTLP/HTTP port", answer.read().decode())


if __name__ == "__main__":
    unittest.main(verbosity=2)
