#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace signalbox::server::net {

/// How long the sender of a request waits for its answer: the value of gRPC's `grpc-timeout`, at
/// most eight digits and a unit, e.g. "5S", "100m" (milliseconds) or "2M" (minutes). Nothing for
/// any other text.
[[nodiscard]] std::optional<std::chrono::nanoseconds> parse_grpc_timeout(
    std::string_view text) noexcept;

}  // namespace signalbox::server::net
