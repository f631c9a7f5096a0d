#include "server/receive/otlp_receiver.h"

#include <optional>
#include <protozero/pbf_writer.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "otlp/text.h"
#include "server/ascii.h"
#include "server/receive/decompress.h"
#include "server/receive/grpc_frame.h"
#include "server/receive/otlp_decoder.h"
#include "server/receive/status.h"

namespace signalbox::server::receive {

struct OtlpReceiver::Shared {
  Shared(store::Ingest& into, const Options& with) : ingest(into), options(with) {}
  store::Ingest& ingest;
  const Options options;
  ReceiveCounters counters;
};

namespace {

using store::Signal;
using store::WriteOutcome;

/// "application/json" of "Application/JSON; charset=utf-8".
std::string media_type(std::string_view content_type) {
  std::string type = to_lower(content_type.substr(0, content_type.find(';')));
  while (type.ends_with(' ') || type.ends_with('\t')) type.pop_back();
  return type;
}

std::optional<BodyFormat> body_format(const net::Request& request) {
  const std::string type = media_type(request.headers.get("content-type"));
  if (type == "application/x-protobuf" || type == "application/protobuf") {
    return BodyFormat::kProtobuf;
  }
  if (type == "application/json") return BodyFormat::kJson;
  return std::nullopt;
}

std::optional<Signal> signal_of_http_path(std::string_view target) {
  const std::string_view path = target.substr(0, target.find('?'));
  if (path == "/v1/traces") return Signal::kTraces;
  if (path == "/v1/metrics") return Signal::kMetrics;
  if (path == "/v1/logs") return Signal::kLogs;
  return std::nullopt;
}

std::optional<Signal> signal_of_grpc_path(std::string_view path) {
  if (path == "/opentelemetry.proto.collector.trace.v1.TraceService/Export") {
    return Signal::kTraces;
  }
  if (path == "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export") {
    return Signal::kMetrics;
  }
  if (path == "/opentelemetry.proto.collector.logs.v1.LogsService/Export") return Signal::kLogs;
  return std::nullopt;
}

std::string_view rejected_field(Signal signal) {
  switch (signal) {
    case Signal::kTraces:
      return "rejectedSpans";
    case Signal::kMetrics:
      return "rejectedDataPoints";
    case Signal::kLogs:
      break;
  }
  return "rejectedLogRecords";
}

/// Export…ServiceResponse: empty, or with partial_success. With nothing rejected that is a warning,
/// of what was altered.
std::string export_response(Signal signal, BodyFormat format, const otlp::DecodeResult& decoded) {
  const bool is_json = format == BodyFormat::kJson;
  const std::string message = otlp::partial_success_message(decoded);
  if (message.empty()) return is_json ? "{}" : "";
  if (is_json) {
    std::string json = R"({"partialSuccess":{")" + std::string(rejected_field(signal)) + R"(":")" +
                       std::to_string(decoded.rejected) + R"(","errorMessage":)";
    otlp::append_json_string(message, json);
    return json + "}}";
  }
  std::string partial_success;
  protozero::pbf_writer writer(partial_success);
  if (decoded.rejected > 0) writer.add_int64(1, static_cast<std::int64_t>(decoded.rejected));
  writer.add_string(2, message);
  std::string response;
  protozero::pbf_writer(response).add_message(1, partial_success);
  return response;
}

/// One request on its way through the store.
struct Job {
  net::Request request;
  std::string_view payload;  ///< A part of the request's body.
  Compression compression = Compression::kNone;
  Signal signal = Signal::kTraces;
  BodyFormat format = BodyFormat::kProtobuf;
  net::Responder respond;
  bool is_grpc = false;
};

net::Response success(const Job& job, const otlp::DecodeResult& decoded) {
  net::Response response;
  std::string message = export_response(job.signal, job.format, decoded);
  if (job.is_grpc) {
    response.headers.add("content-type", "application/grpc");
    response.body = make_grpc_frame(message);
    response.trailers.add("grpc-status", "0");
  } else {
    response.headers.add("content-type", job.format == BodyFormat::kJson
                                             ? "application/json"
                                             : "application/x-protobuf");
    response.body = std::move(message);
  }
  return response;
}

Error error_of(WriteOutcome outcome) {
  if (outcome.status == WriteOutcome::Status::kMalformed) {
    std::string message =
        outcome.decoded.error.empty() ? std::move(outcome.message) : outcome.decoded.error;
    const auto kind = outcome.decoded.too_large ? ErrorKind::kTooLarge : ErrorKind::kMalformed;
    return {.kind = kind, .message = std::move(message), .retry_after = {}};
  }
  return {.kind = outcome.status == WriteOutcome::Status::kOverloaded ? ErrorKind::kOverloaded
                                                                      : ErrorKind::kUnavailable,
          .message = outcome.message.empty() ? "The server cannot store now; try again."
                                             : std::move(outcome.message),
          .retry_after = outcome.retry_after};
}

void count(ReceiveCounters::OfSignal& counters, const WriteOutcome& outcome) {
  switch (outcome.status) {
    case WriteOutcome::Status::kCommitted:
      counters.accepted_records += outcome.decoded.accepted;
      counters.rejected_records += outcome.decoded.rejected;
      if (outcome.decoded.altered != otlp::Alterations{}) ++counters.altered_requests;
      break;
    case WriteOutcome::Status::kMalformed:
      ++counters.malformed_requests;
      break;
    case WriteOutcome::Status::kOverloaded:
    case WriteOutcome::Status::kFailed:
    case WriteOutcome::Status::kAbandoned:
      ++counters.unavailable_requests;
      break;
  }
}

}  // namespace

OtlpReceiver::OtlpReceiver(store::Ingest& ingest, Options options)
    : shared_(std::make_shared<Shared>(ingest, options)) {}

const ReceiveCounters& OtlpReceiver::counters() const {
  return shared_->counters;
}

namespace {

/// Hands a job to the store, and answers it when the store is done. `Shared` is the receiver's.
template <typename Shared>
void store_and_answer(const std::shared_ptr<Shared>& shared, const std::shared_ptr<Job>& job) {
  ReceiveCounters::OfSignal& counters = shared->counters[job->signal];
  counters.request_bytes += job->request.body.size();
  store::IngestRequest request;
  request.signal = job->signal;
  request.content = content_code(job->format, job->compression);
  request.payload = job->payload;
  request.owner = job;
  request.deadline = job->request.deadline;
  request.is_abandoned = [responder = &job->respond] { return responder->abandoned(); };
  shared->ingest.write(std::move(request), [shared, job](WriteOutcome outcome) {
    count(shared->counters[job->signal], outcome);
    if (outcome.status == WriteOutcome::Status::kCommitted) {
      job->respond(success(*job, outcome.decoded));
      return;
    }
    const Error error = error_of(std::move(outcome));
    job->respond(job->is_grpc ? grpc_error(error) : http_error(error, job->format));
  });
}

Error unsupported(std::string_view encoding) {
  return {ErrorKind::kUnsupportedEncoding,
          "The compression " + std::string(encoding.substr(0, 50)) +
              " is not supported; use one of " + std::string(kAcceptedCompressions) + ".",
          {}};
}

std::optional<Error> check_http(const net::Request& request, bool known_path) {
  if (!known_path) {
    return Error{ErrorKind::kNoSuchPath,
                 "There is nothing at " + request.target.substr(0, 200) +
                     "; send to /v1/traces, /v1/metrics or /v1/logs.",
                 {}};
  }
  if (request.method != "POST") {
    return Error{ErrorKind::kMethodNotAllowed, "Send telemetry with POST.", {}};
  }
  if (!body_format(request)) {
    return Error{ErrorKind::kUnsupportedMediaType,
                 "Send content-type application/x-protobuf or application/json.",
                 {}};
  }
  const std::string_view encoding = request.headers.get("content-encoding");
  if (!compression_named(encoding)) return unsupported(encoding);
  return std::nullopt;
}

std::optional<Error> refusal_of(Authorizer::Verdict verdict, ReceiveCounters::OfSignal& counters) {
  switch (verdict.status) {
    case Authorizer::Verdict::Status::kAllowed:
      return std::nullopt;
    case Authorizer::Verdict::Status::kUnauthenticated:
      ++counters.unauthenticated_requests;
      return Error{ErrorKind::kUnauthenticated, std::move(verdict.message), {}};
    case Authorizer::Verdict::Status::kRateLimited:
      break;
  }
  ++counters.rate_limited_requests;
  return Error{ErrorKind::kRateLimited, std::move(verdict.message), verdict.retry_after};
}

/// Why the sender may not send, if it may not.
std::optional<Error> check_authorized(Authorizer* authorizer, const net::Request& request,
                                      ReceiveCounters::OfSignal& counters) {
  if (authorizer == nullptr) return std::nullopt;
  return refusal_of(authorizer->authorize(request.headers, request.body.size()), counters);
}

/// The same by the head of its request, which is counted here if it goes no further.
std::optional<Error> check_authenticated(Authorizer* authorizer, const net::Request& head,
                                         ReceiveCounters::OfSignal& counters) {
  if (authorizer == nullptr) return std::nullopt;
  auto error = refusal_of(authorizer->authenticate(head.headers), counters);
  if (error) ++counters.requests;
  return error;
}

/// Finds the message in a gRPC body, and whether it can be read.
std::optional<Error> open_grpc_frame(Job& job) {
  const GrpcFrame frame = parse_grpc_frame(job.request.body);
  if (!frame.ok) {
    return Error{ErrorKind::kMalformed, std::string("malformed gRPC framing: ") + frame.error, {}};
  }
  job.payload = frame.message;
  if (!frame.compressed) return std::nullopt;
  const std::string_view encoding = job.request.headers.get("grpc-encoding");
  const auto compression = compression_named(encoding);
  if (!compression) return unsupported(encoding);
  if (*compression == Compression::kNone) {
    return Error{
        ErrorKind::kInternal, "The message is compressed, but grpc-encoding says not.", {}};
  }
  job.compression = *compression;
  return std::nullopt;
}

}  // namespace

net::Handler OtlpReceiver::grpc_handler() const {
  return [shared = shared_](net::Request request, net::Responder respond) {
    if (!media_type(request.headers.get("content-type")).starts_with("application/grpc")) {
      respond(http_error({ErrorKind::kUnsupportedMediaType,
                          "This port takes OTLP/gRPC; send OTLP/HTTP to the other one.",
                          {}},
                         BodyFormat::kJson));
      return;
    }
    const auto signal = signal_of_grpc_path(request.target);
    if (!signal) {
      respond(grpc_error({ErrorKind::kNoSuchPath,
                          "There is no method " + request.target.substr(0, 200) +
                              "; use Export of OTLP's trace, metrics or logs service.",
                          {}}));
      return;
    }
    ReceiveCounters::OfSignal& counters = shared->counters[*signal];
    ++counters.requests;
    if (const auto error = check_authorized(shared->options.authorizer, request, counters)) {
      respond(grpc_error(*error));
      return;
    }
    auto job = std::make_shared<Job>();
    job->request = std::move(request);
    job->signal = *signal;
    job->is_grpc = true;
    if (const auto error = open_grpc_frame(*job)) {
      ++shared->counters[*signal].malformed_requests;
      respond(grpc_error(*error));
      return;
    }
    job->respond = std::move(respond);
    store_and_answer(shared, job);
  };
}

net::HeadCheck OtlpReceiver::http_head_check() const {
  return [shared = shared_](const net::Request& head) -> std::optional<net::Response> {
    const auto signal = signal_of_http_path(head.target);
    if (check_http(head, signal.has_value())) return std::nullopt;  // The handler says what.
    const auto error =
        check_authenticated(shared->options.authorizer, head, shared->counters[*signal]);
    return error ? std::optional(http_error(*error, *body_format(head))) : std::nullopt;
  };
}

net::Handler OtlpReceiver::http_handler() const {
  return [shared = shared_](net::Request request, net::Responder respond) {
    const auto signal = signal_of_http_path(request.target);
    if (signal) ++shared->counters[*signal].requests;
    if (const auto error = check_http(request, signal.has_value())) {
      respond(http_error(*error, body_format(request).value_or(BodyFormat::kJson)));
      return;
    }
    if (const auto error =
            check_authorized(shared->options.authorizer, request, shared->counters[*signal])) {
      respond(http_error(*error, *body_format(request)));
      return;
    }
    auto job = std::make_shared<Job>();
    job->format = *body_format(request);
    job->compression = *compression_named(request.headers.get("content-encoding"));
    job->signal = *signal;
    job->request = std::move(request);
    job->payload = job->request.body;
    job->respond = std::move(respond);
    store_and_answer(shared, job);
  };
}

namespace {

Error error_of(net::Refusal refusal) {
  switch (refusal) {
    case net::Refusal::kHeadTooLarge:
      return {ErrorKind::kTooLarge, "The request's header is too large; send fewer fields.", {}};
    case net::Refusal::kBodyTooLarge:
      return {ErrorKind::kTooLarge, "The request is too large; send smaller batches.", {}};
    case net::Refusal::kOverloaded:
      break;
  }
  return {ErrorKind::kOverloaded, "The server holds as many request bytes as it may; try again.",
          std::chrono::seconds(1)};
}

}  // namespace

net::RefusalResponse OtlpReceiver::grpc_refusal() {
  return [](const net::Request&, net::Refusal refusal) { return grpc_error(error_of(refusal)); };
}

net::RefusalResponse OtlpReceiver::http_refusal() {
  return [](const net::Request& request, net::Refusal refusal) {
    net::Response response =
        http_error(error_of(refusal), body_format(request).value_or(BodyFormat::kJson));
    if (refusal == net::Refusal::kHeadTooLarge) response.status = 431;
    return response;
  };
}

}  // namespace signalbox::server::receive
