#include "sdk/export/grpc.h"

#include <algorithm>
#include <array>
#include <limits>
#include <protozero/pbf_reader.hpp>

namespace signalbox::sdk {
namespace {

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  if (c >= 'A' && c <= 'F') {
    return c - 'A' + 10;
  }
  return -1;
}

int base64_digit(char c) noexcept {
  if (c >= 'A' && c <= 'Z') {
    return c - 'A';
  }
  if (c >= 'a' && c <= 'z') {
    return c - 'a' + 26;
  }
  if (c >= '0' && c <= '9') {
    return c - '0' + 52;
  }
  if (c == '+' || c == '-') {
    return 62;
  }
  if (c == '/' || c == '_') {
    return 63;
  }
  return -1;
}

std::string_view to_std(protozero::data_view view) {
  return {view.data(), view.size()};
}

// A google.protobuf.Duration, never negative and never absurd.
std::chrono::milliseconds parse_duration(protozero::pbf_reader duration) {
  constexpr std::int64_t kMaxSeconds = 24 * 60 * 60;
  std::int64_t seconds = 0;
  std::int64_t nanos = 0;
  while (duration.next()) {
    if (duration.tag_and_type() == protozero::tag_and_type(1, protozero::pbf_wire_type::varint)) {
      seconds = duration.get_int64();
    } else if (duration.tag_and_type() ==
               protozero::tag_and_type(2, protozero::pbf_wire_type::varint)) {
      nanos = duration.get_int32();
    } else {
      duration.skip();
    }
  }
  seconds = std::clamp<std::int64_t>(seconds, 0, kMaxSeconds);
  nanos = std::clamp<std::int64_t>(nanos, 0, 999'999'999);
  return std::chrono::milliseconds(seconds * 1000 + nanos / 1'000'000);
}

constexpr std::uint32_t bytes_field(std::uint32_t number) {
  return protozero::tag_and_type(number, protozero::pbf_wire_type::length_delimited);
}

// An Any that may hold a RetryInfo.
std::optional<std::chrono::milliseconds> parse_retry_info(protozero::pbf_reader any) {
  std::string_view type_url;
  std::string_view value;
  while (any.next()) {
    if (any.tag_and_type() == bytes_field(1)) {
      type_url = to_std(any.get_view());
    } else if (any.tag_and_type() == bytes_field(2)) {
      value = to_std(any.get_view());
    } else {
      any.skip();
    }
  }
  if (!type_url.ends_with("/google.rpc.RetryInfo")) {
    return std::nullopt;
  }
  std::chrono::milliseconds delay(0);
  protozero::pbf_reader retry_info(value.data(), value.size());
  while (retry_info.next()) {
    if (retry_info.tag_and_type() == bytes_field(1)) {
      delay = parse_duration(retry_info.get_message());
    } else {
      retry_info.skip();
    }
  }
  return delay;
}

}  // namespace

void write_grpc_frame_header(char* out, bool compressed, std::uint32_t message_bytes) noexcept {
  out[0] = compressed ? 1 : 0;
  for (int i = 0; i < 4; ++i) {
    out[1 + i] = static_cast<char>(message_bytes >> (24 - 8 * i));
  }
}

std::optional<GrpcFrame> parse_grpc_frame(std::string_view body) noexcept {
  if (body.size() < kGrpcFrameHeaderBytes || (body[0] != 0 && body[0] != 1)) {
    return std::nullopt;
  }
  std::uint32_t length = 0;
  for (std::size_t i = 1; i < kGrpcFrameHeaderBytes; ++i) {
    length = length << 8 | static_cast<unsigned char>(body[i]);
  }
  if (body.size() - kGrpcFrameHeaderBytes != length) {
    return std::nullopt;
  }
  return GrpcFrame{.compressed = body[0] == 1, .message = body.substr(kGrpcFrameHeaderBytes)};
}

std::string percent_decode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high >= 0 && low >= 0) {
        decoded.push_back(static_cast<char>(high * 16 + low));
        i += 2;
        continue;
      }
    }
    decoded.push_back(text[i]);
  }
  return decoded;
}

std::optional<std::string> base64_decode(std::string_view text) {
  while (!text.empty() && text.back() == '=') {
    text.remove_suffix(1);
  }
  if (text.size() % 4 == 1) {
    return std::nullopt;
  }
  std::string decoded;
  decoded.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  int bit_count = 0;
  for (const char c : text) {
    const int digit = base64_digit(c);
    if (digit < 0) {
      return std::nullopt;
    }
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    bit_count += 6;
    if (bit_count >= 8) {
      bit_count -= 8;
      decoded.push_back(static_cast<char>(bits >> bit_count));
    }
  }
  return decoded;
}

std::string grpc_timeout(std::chrono::milliseconds timeout) {
  constexpr std::int64_t kMaxDigits = 99'999'999;
  const std::int64_t ms = std::max<std::int64_t>(timeout.count(), 1);
  if (ms <= kMaxDigits) {
    return std::to_string(ms) + "m";
  }
  return std::to_string(std::min(ms / 1000, kMaxDigits)) + "S";
}

GrpcStatus grpc_status_of_http(long http_status) noexcept {
  switch (http_status) {
    case 400:
      return GrpcStatus::kInternal;
    case 401:
      return GrpcStatus::kUnauthenticated;
    case 403:
      return GrpcStatus::kPermissionDenied;
    case 404:
      return GrpcStatus::kUnimplemented;
    case 429:
    case 502:
    case 503:
    case 504:
      return GrpcStatus::kUnavailable;
    default:
      return GrpcStatus::kUnknown;
  }
}

std::string_view grpc_status_name(std::int32_t status) noexcept {
  static constexpr std::array<std::string_view, 17> kNames = {"OK",
                                                              "CANCELLED",
                                                              "UNKNOWN",
                                                              "INVALID_ARGUMENT",
                                                              "DEADLINE_EXCEEDED",
                                                              "NOT_FOUND",
                                                              "ALREADY_EXISTS",
                                                              "PERMISSION_DENIED",
                                                              "RESOURCE_EXHAUSTED",
                                                              "FAILED_PRECONDITION",
                                                              "ABORTED",
                                                              "OUT_OF_RANGE",
                                                              "UNIMPLEMENTED",
                                                              "INTERNAL",
                                                              "UNAVAILABLE",
                                                              "DATA_LOSS",
                                                              "UNAUTHENTICATED"};
  const auto index = static_cast<std::size_t>(status);
  return status >= 0 && index < kNames.size() ? kNames[index] : "an unknown status";
}

bool is_retryable_grpc(std::int32_t status, bool has_retry_info) noexcept {
  switch (static_cast<GrpcStatus>(status)) {
    case GrpcStatus::kCancelled:
    case GrpcStatus::kDeadlineExceeded:
    case GrpcStatus::kAborted:
    case GrpcStatus::kOutOfRange:
    case GrpcStatus::kUnavailable:
    case GrpcStatus::kDataLoss:
      return true;
    case GrpcStatus::kResourceExhausted:
      return has_retry_info;
    default:
      return false;
  }
}

bool is_retryable_http(long http_status) noexcept {
  return http_status == 429 || http_status == 502 || http_status == 503 || http_status == 504;
}

RpcStatus parse_rpc_status(std::string_view bytes) {
  RpcStatus status;
  try {
    protozero::pbf_reader reader(bytes.data(), bytes.size());
    while (reader.next()) {
      if (reader.tag_and_type() == bytes_field(2)) {
        status.message = to_std(reader.get_view());
      } else if (reader.tag_and_type() == bytes_field(3)) {
        if (const auto delay = parse_retry_info(reader.get_message())) {
          status.retry_delay = delay;
        }
      } else {
        reader.skip();
      }
    }
  } catch (const protozero::exception&) {
    return {};  // Not a Status: plain text, or a proxy's page.
  }
  return status;
}

ExportResult parse_export_response(std::string_view bytes) {
  ExportResult result;
  try {
    protozero::pbf_reader response(bytes.data(), bytes.size());
    while (response.next()) {
      if (response.tag_and_type() != bytes_field(1)) {
        response.skip();
        continue;
      }
      protozero::pbf_reader partial = response.get_message();
      while (partial.next()) {
        if (partial.tag_and_type() ==
            protozero::tag_and_type(1, protozero::pbf_wire_type::varint)) {
          result.rejected_items =
              static_cast<std::uint64_t>(std::max<std::int64_t>(partial.get_int64(), 0));
        } else if (partial.tag_and_type() == bytes_field(2)) {
          result.message = to_std(partial.get_view());
        } else {
          partial.skip();
        }
      }
    }
  } catch (const protozero::exception&) {
    // The status said that the data was accepted; an unreadable remark does not change that.
    return {};
  }
  if (result.rejected_items != 0 || !result.message.empty()) {
    result.status = ExportResult::Status::kPartialSuccess;
  }
  return result;
}

}  // namespace signalbox::sdk
