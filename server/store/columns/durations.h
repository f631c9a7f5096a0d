#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>

#include "server/store/columns/native.h"

/// How many spans have which duration, by bucket: as 003_side_tables.sql says. Buckets of two of
/// them are the same, so distributions of any spans can be added.
namespace signalbox::server::store {

/// From 0 to 975.
[[nodiscard]] constexpr std::uint16_t duration_bucket(std::int64_t duration_ns) noexcept {
  if (duration_ns < 0) return 0;
  const auto value = static_cast<std::uint64_t>(duration_ns);
  if (value < 16) return static_cast<std::uint16_t>(value);
  const auto exponent = static_cast<unsigned>(std::bit_width(value)) - 1;
  return static_cast<std::uint16_t>((exponent - 3) * 16 + (value >> (exponent - 4)) - 16);
}

/// The least duration in a bucket (0 for the first), which is where the one before ends.
[[nodiscard]] constexpr double duration_bucket_begin(std::uint16_t bucket) noexcept {
  if (bucket < 16) return bucket;
  const unsigned exponent = (bucket - 16U) / 16 + 4;
  const std::uint64_t mantissa = (bucket - 16U) % 16 + 16;
  return static_cast<double>(mantissa) * static_cast<double>(std::uint64_t{1} << (exponent - 4));
}

/// Map(UInt16, UInt64), from bucket to number.
class DurationsColumn {
 public:
  /// Of the row that `end_row` ends; each bucket once.
  void add(std::uint16_t bucket, std::uint64_t count) {
    buckets_.append(bucket);
    counts_.append(count);
  }
  void end_row() { ends_.push_back(buckets_.size()); }
  [[nodiscard]] std::size_t size() const noexcept { return ends_.size(); }
  void mark() noexcept {
    ends_.mark();
    buckets_.mark();
    counts_.mark();
  }
  void roll_back() {
    ends_.roll_back();
    buckets_.roll_back();
    counts_.roll_back();
  }
  void clear() {
    ends_.clear();
    buckets_.clear();
    counts_.clear();
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return ends_.memory_bytes() + buckets_.memory_bytes() + counts_.memory_bytes();
  }
  static std::string type_name() { return "Map(UInt16, UInt64)"; }
  static void write_prefix(std::string& /*out*/) {}
  void write_data(std::string& out, RowOrder order) const {
    const std::vector<std::uint32_t> elements = ends_.write(out, order);
    buckets_.write_data(out, elements);
    counts_.write_data(out, elements);
  }

 private:
  RowEnds ends_;
  UInt16Column buckets_;
  UInt64Column counts_;
};

}  // namespace signalbox::server::store
