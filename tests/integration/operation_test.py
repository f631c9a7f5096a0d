"""What an operator does with the real program: configures it, and is kept from leaving it open to others."""

import subprocess
import unittest

from stack import BIN, Stack, wait_until


def signalbox(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the program to its end."""
    return subprocess.run([BIN / "signalbox", *arguments], capture_output=True, text=True, timeout=60,
                          env={**environment}, stdin=subprocess.DEVNULL)


class Configuration(unittest.TestCase):
    def test_comes_from_the_file_and_is_shown_with_its_origin(self) -> None:
        with Stack() as stack:
            file = stack.folder / "box.yaml"
            file.write_text(f"data: {stack.data}\nhttp-address: 127.0.0.1:{stack.http_port}\n"
                            f"grpc-address: 127.0.0.1:{stack.grpc_port}\nui-address: 127.0.0.1:{stack.ui_port}\n")
            check = signalbox("config", "check", str(file), SIGNALBOX_QUEUE_MIB="9")
            self.assertEqual(check.returncode, 0, check.stderr)
            self.assertRegex(check.stdout, rf"data +{stack.data} +{file}:1\n")
            self.assertRegex(check.stdout, r"queue-mib +9 +SIGNALBOX_QUEUE_MIB\n")

            stack.start("signalbox", "serve", "--config", str(file))
            wait_until(stack.answers, "the server answers where the file says")
            self.assertTrue(stack.data.is_dir())

    def test_that_is_wrong_names_the_line(self) -> None:
        with Stack() as stack:
            file = stack.folder / "box.yaml"
            file.write_text("# The queue.\nqueue-mib: many\n")
            for arguments in (("config", "check", str(file)), ("serve", "--config", str(file))):
                run = signalbox(*arguments)
                self.assertEqual(run.returncode, 2)
                self.assertIn(f"{file}:2: queue-mib:", run.stderr)


class Exposure(unittest.TestCase):
    def test_to_other_machines_is_refused_unless_allowed(self) -> None:
        for option in ("--grpc-address", "--http-address", "--ui-address"):
            with Stack() as stack:
                ports = ["--grpc-address", "127.0.0.1:0", "--http-address", "127.0.0.1:0", "--ui-address", "127.0.0.1:0"]
                ports[ports.index(option) + 1] = "0.0.0.0:0"
                run = signalbox("serve", "--data", str(stack.data), *ports)
                self.assertEqual(run.returncode, 1, option)
                self.assertIn(f"{option} 0.0.0.0:0", run.stderr)
                self.assertIn("--insecure", run.stderr)
                self.assertFalse(stack.data.exists(), "nothing was begun")

                stack.start("signalbox", "serve", "--data", str(stack.data), *ports, env={"SIGNALBOX_INSECURE": "true"})
                wait_until(lambda s=stack: "is ready" in s.log("signalbox"), "the server starts")
                self.assertIn(f"--insecure: whoever reaches {option} 0.0.0.0:0", stack.log("signalbox"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
