#include "server/store/columns/row_order.h"

#include <algorithm>
#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <numeric>
#include <utility>

#include "server/store/columns/hash.h"

namespace signalbox::server::store {
namespace {

/// How a row compares with others of its table: field by field.
struct SortKey {
  std::array<std::uint64_t, 3> fields;
  std::uint32_t row;
};

/// Compares unsigned as `value` does signed.
std::uint64_t in_order(std::int64_t value) noexcept {
  return static_cast<std::uint64_t>(value) ^ std::uint64_t{1} << 63;
}

/// The place of each value of a column's dictionary among all of them, bytewise.
std::vector<std::uint32_t> ranks(const LowCardinalityColumn& column) {
  const StringDictionary& dictionary = column.dictionary();
  std::vector<std::uint32_t> sorted(dictionary.size());
  std::iota(sorted.begin(), sorted.end(), 0U);
  std::sort(sorted.begin(), sorted.end(),
            [&](std::uint32_t a, std::uint32_t b) { return dictionary[a] < dictionary[b]; });
  std::vector<std::uint32_t> ranks(sorted.size());
  for (std::uint32_t rank = 0; rank < sorted.size(); ++rank) ranks[sorted[rank]] = rank;
  return ranks;
}

/// The rows by what `fields_of` says of each; empty if they are so already.
template <typename FieldsOf>
std::vector<std::uint32_t> sorted_rows(std::size_t rows, FieldsOf fields_of) {
  std::vector<SortKey> keys(rows);
  for (std::uint32_t row = 0; row < rows; ++row) keys[row] = {fields_of(row), row};
  const auto before = [](const SortKey& a, const SortKey& b) {
    if (a.fields != b.fields) return a.fields < b.fields;
    return a.row < b.row;
  };
  std::vector<std::uint32_t> order;
  if (std::is_sorted(keys.begin(), keys.end(), before)) return order;
  std::sort(keys.begin(), keys.end(), before);
  order.reserve(rows);
  for (const SortKey& key : keys) order.push_back(key.row);
  return order;
}

/// < 2^32.
std::uint64_t minute_of(std::int64_t time_ns) noexcept {
  constexpr std::int64_t kMinuteNs = 60'000'000'000;
  return static_cast<std::uint64_t>(time_ns / kMinuteNs);
}

/// The rows by `group_of`, and those of one group as they came; empty if they are so already. There
/// are far fewer groups than rows, so only these are compared.
template <typename GroupOf>
std::vector<std::uint32_t> grouped_rows(std::size_t rows, GroupOf group_of) {
  using Group = std::array<std::uint64_t, 2>;
  struct HashOfGroup {
    std::size_t operator()(const Group& group) const noexcept {
      return hash_detail::mix(group[0] ^ hash_detail::kFirst, group[1] ^ hash_detail::kSecond);
    }
  };
  boost::unordered_flat_map<Group, std::uint32_t, HashOfGroup> numbers;
  std::vector<Group> groups;
  std::vector<std::uint32_t> numbers_of_rows(rows);
  for (std::uint32_t row = 0; row < rows; ++row) {
    const Group group = group_of(row);
    const auto [at, is_new] = numbers.try_emplace(group, static_cast<std::uint32_t>(groups.size()));
    if (is_new) groups.push_back(group);
    numbers_of_rows[row] = at->second;
  }
  std::vector<std::uint32_t> sorted(groups.size());
  std::iota(sorted.begin(), sorted.end(), 0U);
  std::sort(sorted.begin(), sorted.end(),
            [&](std::uint32_t a, std::uint32_t b) { return groups[a] < groups[b]; });
  std::vector<std::uint32_t> order;
  if (std::is_sorted(sorted.begin(), sorted.end()) &&
      std::is_sorted(numbers_of_rows.begin(), numbers_of_rows.end())) {
    return order;
  }
  // Where the next row of each group goes.
  std::vector<std::uint32_t> places(groups.size(), 0);
  for (const std::uint32_t number : numbers_of_rows) ++places[number];
  std::uint32_t begin = 0;
  for (const std::uint32_t number : sorted) begin += std::exchange(places[number], begin);
  order.resize(rows);
  for (std::uint32_t row = 0; row < rows; ++row) order[places[numbers_of_rows[row]]++] = row;
  return order;
}

/// Of points and exemplars.
template <typename Columns>
std::vector<std::uint32_t> by_series(const Columns& points) {
  const auto names = ranks(points.metric_name);
  return sorted_rows(points.time.size(), [&](std::uint32_t row) {
    return std::array<std::uint64_t, 3>{names[points.metric_name.indexes()[row]],
                                        points.series_id[row], in_order(points.time[row])};
  });
}

}  // namespace

std::vector<std::uint32_t> order_of(const SpanColumns& spans) {
  const auto services = ranks(spans.service_name);
  const auto names = ranks(spans.name);
  return grouped_rows(spans.start_time.size(), [&](std::uint32_t row) {
    const std::uint64_t service = services[spans.service_name.indexes()[row]];
    return std::array<std::uint64_t, 2>{service << 32 | names[spans.name.indexes()[row]],
                                        minute_of(spans.start_time[row])};
  });
}

std::vector<std::uint32_t> order_of(const LogColumns& logs) {
  const auto services = ranks(logs.service_name);
  return grouped_rows(logs.time.size(), [&](std::uint32_t row) {
    const std::uint64_t service = services[logs.service_name.indexes()[row]];
    return std::array<std::uint64_t, 2>{service << 32 | minute_of(logs.time[row]),
                                        in_order(logs.severity_number[row])};
  });
}

std::vector<std::uint32_t> order_of(const NumberColumns& points) {
  return by_series(points);
}
std::vector<std::uint32_t> order_of(const HistogramColumns& points) {
  return by_series(points);
}
std::vector<std::uint32_t> order_of(const ExponentialHistogramColumns& points) {
  return by_series(points);
}
std::vector<std::uint32_t> order_of(const SummaryColumns& points) {
  return by_series(points);
}
std::vector<std::uint32_t> order_of(const ExemplarColumns& exemplars) {
  return by_series(exemplars);
}

}  // namespace signalbox::server::store
