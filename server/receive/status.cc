#include "server/receive/status.h"

#include <array>
#include <cstdio>
#include <protozero/pbf_writer.hpp>

#include "otlp/text.h"
#include "server/receive/decompress.h"

namespace signalbox::server::receive {
namespace {

using std::chrono::milliseconds;

struct Codes {
  int grpc;
  unsigned http;
};

Codes codes_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kMalformed:
      return {.grpc = 3, .http = 400};  // INVALID_ARGUMENT
    case ErrorKind::kTooLarge:
      return {.grpc = 8, .http = 413};  // RESOURCE_EXHAUSTED
    case ErrorKind::kNoSuchPath:
      return {.grpc = 12, .http = 404};  // UNIMPLEMENTED
    case ErrorKind::kMethodNotAllowed:
      return {.grpc = 12, .http = 405};  // UNIMPLEMENTED
    case ErrorKind::kUnsupportedMediaType:
    case ErrorKind::kUnsupportedEncoding:
      return {.grpc = 12, .http = 415};  // UNIMPLEMENTED
    case ErrorKind::kInternal:
      return {.grpc = 13, .http = 500};  // INTERNAL
    case ErrorKind::kUnavailable:
      return {.grpc = 14, .http = 503};  // UNAVAILABLE
    case ErrorKind::kUnauthenticated:
      return {.grpc = 16, .http = 401};  // UNAUTHENTICATED
    case ErrorKind::kOverloaded:
    case ErrorKind::kRateLimited:
      // To be retried for RetryInfo and Retry-After, which say when there will be room.
      return {.grpc = 8, .http = 429};  // RESOURCE_EXHAUSTED
  }
  return {.grpc = 2, .http = 500};  // UNKNOWN
}

constexpr std::string_view kRetryInfoType = "type.googleapis.com/google.rpc.RetryInfo";

std::string retry_info(milliseconds delay) {
  std::string duration;
  protozero::pbf_writer writer(duration);
  const auto nanos = static_cast<std::int32_t>(delay.count() % 1000 * 1'000'000);
  if (delay.count() >= 1000) writer.add_int64(1, delay.count() / 1000);
  if (nanos != 0) writer.add_int32(2, nanos);
  std::string info;
  protozero::pbf_writer(info).add_message(1, duration);
  return info;
}

std::string status_protobuf(const Error& error, int code) {
  std::string status;
  protozero::pbf_writer writer(status);
  writer.add_int32(1, code);
  writer.add_string(2, error.message);
  if (error.retry_after) {
    protozero::pbf_writer any(writer, 3);
    any.add_string(1, kRetryInfoType.data(), kRetryInfoType.size());
    any.add_bytes(2, retry_info(*error.retry_after));
  }
  return status;
}

std::string status_json(const Error& error, int code) {
  std::string json = "{\"code\":" + std::to_string(code) + ",\"message\":";
  otlp::append_json_string(error.message, json);
  if (error.retry_after) {
    std::array<char, 40> delay{};
    std::snprintf(delay.data(), delay.size(), "%lld.%03llds",
                  static_cast<long long>(error.retry_after->count() / 1000),
                  static_cast<long long>(error.retry_after->count() % 1000));
    json += R"(,"details":[{"@type":")" + std::string(kRetryInfoType) + R"(","retryDelay":")" +
            delay.data() + "\"}]";
  }
  return json + '}';
}

}  // namespace

std::string percent_encode(std::string_view message) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : message) {
    if (c >= ' ' && c <= '~' && c != '%') {
      encoded += c;
    } else {
      encoded += '%';
      encoded += kHex[static_cast<unsigned char>(c) >> 4U];
      encoded += kHex[static_cast<unsigned char>(c) & 15U];
    }
  }
  return encoded;
}

std::string encode_status(const Error& error, BodyFormat format) {
  const int code = codes_of(error.kind).grpc;
  return format == BodyFormat::kJson ? status_json(error, code) : status_protobuf(error, code);
}

net::Response grpc_error(const Error& error) {
  net::Response response;
  response.headers.add("content-type", "application/grpc");
  response.headers.add("grpc-status", std::to_string(codes_of(error.kind).grpc));
  response.headers.add("grpc-message", percent_encode(error.message));
  if (error.kind == ErrorKind::kUnsupportedEncoding) {
    response.headers.add("grpc-accept-encoding", std::string(kAcceptedCompressions));
  }
  if (error.retry_after) {
    std::string details;
    otlp::append_base64(encode_status(error, BodyFormat::kProtobuf), details);
    response.headers.add("grpc-status-details-bin", std::move(details));
  }
  return response;
}

net::Response http_error(const Error& error, BodyFormat format) {
  net::Response response;
  response.status = codes_of(error.kind).http;
  response.headers.add("content-type",
                       format == BodyFormat::kJson ? "application/json" : "application/x-protobuf");
  if (error.kind == ErrorKind::kMethodNotAllowed) response.headers.add("allow", "POST");
  if (error.kind == ErrorKind::kUnauthenticated) response.headers.add("www-authenticate", "Bearer");
  if (error.kind == ErrorKind::kUnsupportedEncoding) {
    response.headers.add("accept-encoding", std::string(kAcceptedCompressions));
  }
  if (error.retry_after) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(*error.retry_after);
    response.headers.add("retry-after", std::to_string(seconds.count()));
  }
  response.body = encode_status(error, format);
  return response;
}

}  // namespace signalbox::server::receive
