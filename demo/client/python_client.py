"""An upstream service in another language: calls the demo's /external and prints what comes back.

It knows nothing of OpenTelemetry. `opentelemetry-instrument` instruments the requests library from outside,
so that each call becomes a span whose context the C++ service continues. usage: python_client.py [CALLS]
"""

import os
import sys

import requests


def number_of_calls() -> int:
    """The first argument, or else what the user answers."""
    text = sys.argv[1] if len(sys.argv) > 1 else input("Enter max API calls to make: ")
    try:
        calls = int(text)
    except ValueError:
        calls = 0
    if calls < 1:
        sys.exit(f"python_client: {text!r} is not a number of calls: give 1 or more")
    return calls


def main() -> None:
    url = os.environ.get("DEMO_URL", "http://localhost:8085") + "/external"
    for _ in range(number_of_calls()):
        try:
            response = requests.get(url, timeout=15)
        except requests.ConnectionError:
            sys.exit(f"python_client: nothing answers at {url}: start the demo, or set DEMO_URL")
        print(response.json())


if __name__ == "__main__":
    main()
