#pragma once

#include <cstdint>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

namespace signalbox::server::query {

/// The data end within a row.
class EndOfRows : public std::runtime_error {
 public:
  EndOfRows() : std::runtime_error("The engine's answer ends within a row.") {}
};

/// Reads a result in ClickHouse's RowBinary format, field by field, in the order of the SELECT.
///
/// The caller knows the types; LowCardinality(T) is read as T, an array as `size` and then its
/// elements, a map as `size` and then keys and values in turn. Strings point into the data.
/// Throws EndOfRows if the data ends within a field, std::runtime_error if it is malformed.
class RowReader {
 public:
  explicit RowReader(std::string_view data) : rest_(data) {}

  [[nodiscard]] bool at_end() const noexcept { return rest_.empty(); }
  /// What has not been read.
  [[nodiscard]] std::string_view rest() const noexcept { return rest_; }

  std::uint8_t u8() { return fixed<std::uint8_t>(); }
  std::uint16_t u16() { return fixed<std::uint16_t>(); }
  std::uint32_t u32() { return fixed<std::uint32_t>(); }
  std::int32_t i32() { return fixed<std::int32_t>(); }
  std::uint64_t u64() { return fixed<std::uint64_t>(); }
  std::int64_t i64() { return fixed<std::int64_t>(); }
  double f64() { return fixed<double>(); }
  bool boolean() { return u8() != 0; }
  /// Of an array or map: its number of elements.
  std::size_t size();
  std::string_view string() { return bytes(size()); }
  /// FixedString(count).
  std::string_view bytes(std::size_t count);

  std::vector<std::string_view> strings();
  std::vector<std::pair<std::string_view, std::string_view>> map();

 private:
  template <typename T>
  T fixed();
  std::string_view rest_;
};

}  // namespace signalbox::server::query
