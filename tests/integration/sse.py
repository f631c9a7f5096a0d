"""A client of Server-Sent Events for tests and benchmarks. Standard library only."""

import contextlib
import http.client
import json
import queue
import socket
import threading
import time
import urllib.parse


class Refused(Exception):
    """The server answered with another status than 200."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(f"{status} {body!r}")
        self.status, self.body = status, body


class Tail(contextlib.AbstractContextManager):
    """A live tail of a server, open when the constructor returns. Raises Refused.

    With `reads` events are read as they come, on a thread; without, nothing is read before `start_reading`.
    """

    def __init__(self, ui: str, reads: bool = True, receive_bytes: int | None = None, **parameters: str) -> None:
        address = urllib.parse.urlparse(ui)
        self._events: queue.Queue[tuple[float, str, dict]] = queue.Queue()
        self._connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
        sock = socket.socket()
        if receive_bytes is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        sock.settimeout(30)
        sock.connect((address.hostname, address.port))
        self._connection.sock = sock
        self._connection.request("GET", f"/api/v1/tail?{urllib.parse.urlencode(parameters)}")
        self._response = self._connection.getresponse()
        if self._response.status != 200:
            with contextlib.closing(self._connection):
                raise Refused(self._response.status, self._response.read())
        self._response.readline()  # The comment that tells that it has begun.
        self._response.readline()
        self._thread: threading.Thread | None = None
        self.ended = threading.Event()  # The server has closed.
        if reads:
            self.start_reading()

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._connection.sock.shutdown(socket.SHUT_RDWR)
        if self._thread is not None:
            self._thread.join()
        self._connection.close()

    def start_reading(self) -> None:
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        event = ""
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
            for line in self._response:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name == "event":
                    event = value
                elif name == "data":
                    self._events.put((time.monotonic(), event, json.loads(value)))
        self.ended.set()

    def next(self, timeout_s: float = 20.0) -> tuple[float, str, dict]:
        """When the next event came (time.monotonic), its name and its data."""
        return self._events.get(timeout=timeout_s)

    def records(self, count: int) -> list[dict]:
        """The next `count` events, which are records."""
        events = [self.next() for _ in range(count)]
        assert all(name == "record" for _, name, _ in events), events
        return [data for _, _, data in events]

    def is_silent_for(self, time_s: float) -> bool:
        try:
            self._events.put(self.next(time_s))
            return False
        except queue.Empty:
            return True
