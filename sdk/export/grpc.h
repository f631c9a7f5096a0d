#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "signalbox/export/exporter.h"

/// The parts of gRPC and OTLP that an exporter needs besides HTTP: framing, statuses, answers. All
/// of what comes in is foreign: nothing here trusts it, and none of it throws for bad input.
namespace signalbox::sdk {

/// gRPC's status codes, by its own names.
enum class GrpcStatus : std::int32_t {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kDeadlineExceeded = 4,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

constexpr std::size_t kGrpcFrameHeaderBytes = 5;

/// Writes the header of a message of `message_bytes` to the first five bytes at `out`.
void write_grpc_frame_header(char* out, bool compressed, std::uint32_t message_bytes) noexcept;

/// The one message in `frame`, a whole response body. Nothing if it is not exactly one frame.
struct GrpcFrame {
  bool compressed = false;
  std::string_view message;
};
[[nodiscard]] std::optional<GrpcFrame> parse_grpc_frame(std::string_view body) noexcept;

/// Undoes the percent-encoding of `grpc-message`; what is not a valid escape stays as it is.
[[nodiscard]] std::string percent_decode(std::string_view text);

/// Base64 in either alphabet, padded or not. Nothing if it is neither.
[[nodiscard]] std::optional<std::string> base64_decode(std::string_view text);

/// The value of a `grpc-timeout` header: at most eight digits and a unit.
[[nodiscard]] std::string grpc_timeout(std::chrono::milliseconds timeout);

/// What gRPC tells clients to make of an HTTP status that comes without a grpc-status.
[[nodiscard]] GrpcStatus grpc_status_of_http(long http_status) noexcept;
[[nodiscard]] std::string_view grpc_status_name(std::int32_t status) noexcept;

/// Whether OTLP lets a client repeat a request that ended so.
[[nodiscard]] bool is_retryable_grpc(std::int32_t status, bool has_retry_info) noexcept;
[[nodiscard]] bool is_retryable_http(long http_status) noexcept;

/// A google.rpc.Status: of `grpc-status-details-bin` or an OTLP/HTTP error's body.
struct RpcStatus {
  std::string message;
  std::optional<std::chrono::milliseconds> retry_delay;  ///< Of its RetryInfo.
};
[[nodiscard]] RpcStatus parse_rpc_status(std::string_view bytes);

/// The result that an Export…ServiceResponse of an accepted request stands for.
[[nodiscard]] ExportResult parse_export_response(std::string_view bytes);

}  // namespace signalbox::sdk
