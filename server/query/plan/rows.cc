#include "server/query/plan/rows.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace signalbox::server::query {

std::string_view RowReader::bytes(std::size_t count) {
  if (count > rest_.size()) throw EndOfRows();
  const std::string_view taken = rest_.substr(0, count);
  rest_.remove_prefix(count);
  return taken;
}

template <typename T>
T RowReader::fixed() {
  T value;
  const std::string_view raw = bytes(sizeof(T));
  std::memcpy(&value, raw.data(), raw.size());
  return value;
}

template std::uint8_t RowReader::fixed();
template std::uint16_t RowReader::fixed();
template std::uint32_t RowReader::fixed();
template std::int32_t RowReader::fixed();
template std::uint64_t RowReader::fixed();
template std::int64_t RowReader::fixed();
template double RowReader::fixed();

std::size_t RowReader::size() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const auto byte = static_cast<std::uint8_t>(bytes(1)[0]);
    value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  throw std::runtime_error("The engine's answer holds a length that is too long.");
}

std::vector<std::string_view> RowReader::strings() {
  const std::size_t count = size();
  std::vector<std::string_view> values;
  values.reserve(std::min(count, rest_.size()));  // Each takes a byte at least.
  for (std::size_t i = 0; i < count; ++i) values.push_back(string());
  return values;
}

std::vector<std::pair<std::string_view, std::string_view>> RowReader::map() {
  const std::size_t count = size();
  std::vector<std::pair<std::string_view, std::string_view>> entries;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view key = string();
    entries.emplace_back(key, string());
  }
  return entries;
}

}  // namespace signalbox::server::query
