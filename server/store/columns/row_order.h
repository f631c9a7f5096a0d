#pragma once

#include <cstdint>
#include <vector>

#include "server/store/columns/tables.h"

/// The rows of a block in the orders of 002_layout.sql, and where that leaves them equal as they
/// came; empty if they are so already.
namespace signalbox::server::store {

[[nodiscard]] std::vector<std::uint32_t> order_of(const SpanColumns& spans);
[[nodiscard]] std::vector<std::uint32_t> order_of(const LogColumns& logs);
[[nodiscard]] std::vector<std::uint32_t> order_of(const NumberColumns& points);
[[nodiscard]] std::vector<std::uint32_t> order_of(const HistogramColumns& points);
[[nodiscard]] std::vector<std::uint32_t> order_of(const ExponentialHistogramColumns& points);
[[nodiscard]] std::vector<std::uint32_t> order_of(const SummaryColumns& points);
[[nodiscard]] std::vector<std::uint32_t> order_of(const ExemplarColumns& exemplars);

}  // namespace signalbox::server::store
