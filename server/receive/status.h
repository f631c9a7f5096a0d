#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/net/http.h"

/// Errors as OTLP's two transports say them: one table from what happened to gRPC and HTTP status.
namespace signalbox::server::receive {

/// What went wrong, from the sender's point of view.
enum class ErrorKind : std::uint8_t {
  kMalformed,             ///< The request cannot be decoded; do not retry.
  kTooLarge,              ///< A limit on its size; do not retry.
  kNoSuchPath,            ///< Unknown path or gRPC method.
  kMethodNotAllowed,      ///< Not POST.
  kUnsupportedMediaType,  ///< Content type.
  kUnsupportedEncoding,   ///< Compression.
  kInternal,              ///< The protocol is broken, or we are.
  kUnavailable,           ///< Failing or shutting down; retry after a while.
  kOverloaded,            ///< More than the server can take now; retry after a while.
  kUnauthenticated,       ///< No ingestion key, or not a valid one.
  kRateLimited,           ///< More than the ingestion key may send; retry after a while.
};

struct Error {
  ErrorKind kind = ErrorKind::kInternal;
  std::string message;                                   ///< For people, with what to do.
  std::optional<std::chrono::milliseconds> retry_after;  ///< Of the three to be retried.
};

/// How an OTLP/HTTP body is written.
enum class BodyFormat : std::uint8_t { kProtobuf, kJson };

/// google.rpc.Status, with google.rpc.RetryInfo in it if `retry_after` is set.
std::string encode_status(const Error& error, BodyFormat format);

/// The answer with only trailers that gRPC gives to a failed call.
net::Response grpc_error(const Error& error);
/// The answer of OTLP/HTTP, in the format of the request.
net::Response http_error(const Error& error, BodyFormat format);

/// A message between gRPC's percent signs: printable ASCII as it is, the rest as %XX.
std::string percent_encode(std::string_view message);

}  // namespace signalbox::server::receive
