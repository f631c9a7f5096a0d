"""Calls a server's gRPC health and reflection services, and methods it does not have, with grpcio.

    python call.py 127.0.0.1:4317

Exits with 1 if any answer differs from what gRPC's own servers give.
"""

import sys
import time

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

FAILURES = []


def check(what, condition, detail=""):
    print(("ok    " if condition else "FAIL  ") + what + (f": {detail}" if not condition else ""))
    if not condition:
        FAILURES.append(what)


def status_of(call):
    try:
        call()
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def main(address: str) -> int:
    channel = grpc.insecure_channel(address)
    health = health_pb2_grpc.HealthStub(channel)
    trace_service = "opentelemetry.proto.collector.trace.v1.TraceService"
    for service in ("", trace_service):
        answer = health.Check(health_pb2.HealthCheckRequest(service=service), timeout=10)
        check(f"health of {service!r}", answer.status == health_pb2.HealthCheckResponse.SERVING, answer)
    code = status_of(lambda: health.Check(health_pb2.HealthCheckRequest(service="no.such"), timeout=10))
    check("health of an unknown service", code == grpc.StatusCode.NOT_FOUND, code)

    watch = health.Watch(health_pb2.HealthCheckRequest(), timeout=10)
    check("first status of a watch", next(watch).status == health_pb2.HealthCheckResponse.SERVING)
    watch.cancel()
    unknown = health.Watch(health_pb2.HealthCheckRequest(service="no.such"), timeout=10)
    check("watch of an unknown service",
          next(unknown).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN)
    unknown.cancel()

    # The requests wait for the answers, as those of interactive clients do: the stream stays open.
    reflection = reflection_pb2_grpc.ServerReflectionStub(channel)
    state = {"answers": 0}

    def questions():
        yield reflection_pb2.ServerReflectionRequest(list_services="")
        while state["answers"] < 1:
            time.sleep(0.01)
        yield reflection_pb2.ServerReflectionRequest(file_containing_symbol=trace_service)
        while state["answers"] < 2:
            time.sleep(0.01)

    answers = []
    for answer in reflection.ServerReflectionInfo(questions(), timeout=10):
        answers.append(answer)
        state["answers"] += 1
    names = {service.name for service in answers[0].list_services_response.service}
    check("reflection lists the services", {trace_service, "grpc.health.v1.Health"} <= names, names)
    check("reflection of a symbol", answers[1].error_response.error_code == 5, answers[1])
    v1 = channel.stream_stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
                               reflection_pb2.ServerReflectionRequest.SerializeToString,
                               reflection_pb2.ServerReflectionResponse.FromString)
    names = {service.name for answer in v1(iter([reflection_pb2.ServerReflectionRequest(list_services="")]), timeout=10)
             for service in answer.list_services_response.service}
    check("reflection v1", trace_service in names, names)

    # A stream that the client leaves open: the answer must not wait for its end.
    def never_ending():
        while not state.get("done"):
            time.sleep(0.01)
        yield b""

    raw = channel.stream_stream("/no.such.Service/Call", lambda message: message, lambda message: message)
    began = time.monotonic()
    code = status_of(lambda: list(raw(never_ending(), timeout=10)))
    state["done"] = True
    took = time.monotonic() - began
    check("an unknown method with an open stream", code == grpc.StatusCode.UNIMPLEMENTED, code)
    check("… is answered at once", took < 5, took)
    return 1 if FAILURES else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
