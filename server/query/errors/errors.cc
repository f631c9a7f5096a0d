#include "server/query/errors/errors.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>
#include <vector>

#include "server/query/errors/error_filter.h"
#include "server/query/errors/error_groups.h"
#include "server/query/plan/error.h"
#include "server/store/columns/hash.h"

namespace signalbox::server::query {
namespace {

/// What the order is by; then by id.
using Place = std::pair<std::uint64_t, std::uint64_t>;

struct Row {
  Place place;
  const ErrorKey* key = nullptr;
  const ErrorGroup* group = nullptr;
};

std::string_view name_of(Signal signal) {
  return signal == Signal::kTraces ? "traces" : "logs";
}

/// The same of a group in any range.
std::uint64_t id_of(const ErrorKey& key) {
  return store::Hasher()
      .add(name_of(key.signal))
      .add(key.service)
      .add(key.type)
      .add(key.shape)
      .value();
}

std::string id_text(std::uint64_t id) {
  std::array<char, 16> digits{};
  char* const end = std::to_chars(digits.begin(), digits.end(), id, 16).ptr;
  const auto count = static_cast<std::size_t>(end - digits.begin());
  return std::string(digits.size() - count, '0').append(digits.data(), count);
}

std::uint64_t order_value(const ErrorGroup& group, ErrorSearch::Order order) {
  switch (order) {
    case ErrorSearch::Order::kLatest:
      return static_cast<std::uint64_t>(group.last_ns);
    case ErrorSearch::Order::kNew:
      return static_cast<std::uint64_t>(group.first_ns);
    case ErrorSearch::Order::kFrequent:
      break;
  }
  return group.count;
}

std::string cursor_text(const Place& place) {
  return std::to_string(place.first) + "-" + id_text(place.second);
}

Place parse_cursor(std::string_view text) {
  Place place;
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  const auto [dash, value_error] = std::from_chars(begin, end, place.first);
  if (value_error == std::errc() && dash != end && *dash == '-') {
    const auto [after, id_error] = std::from_chars(dash + 1, end, place.second, 16);
    if (id_error == std::errc() && after == end) return place;
  }
  throw QueryError::invalid("cursor", "'cursor' must be the next_cursor of another page.");
}

/// In any case, of ASCII.
bool contains(std::string_view text, std::string_view part) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::search(text.begin(), text.end(), part.begin(), part.end(),
                     [&](char a, char b) { return lower(a) == lower(b); }) != text.end();
}

/// All that are wanted, in order.
std::vector<Row> rows_of(const ErrorGroups& groups, const ErrorSearch& search) {
  std::vector<Row> rows;
  for (const auto& [key, group] : groups.groups) {
    const bool is_wanted = search.contains.empty() || contains(key.type, search.contains) ||
                           contains(group.message, search.contains);
    if (!is_wanted) continue;
    rows.push_back({{order_value(group, search.order), id_of(key)}, &key, &group});
  }
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.place > b.place; });
  return rows;
}

void write_row(const Row& row, const Buckets& buckets, JsonWriter& json) {
  const auto& [place, key, group] = row;
  json.begin_object();
  json.key("id").string(id_text(place.second));
  json.key("signal").string(name_of(key->signal));
  json.key("service_name").string(key->service);
  json.key("type").string(key->type);
  json.key("shape").string(key->shape);
  json.key("message").string(group->message);
  json.key("count").number(group->count);
  json.key("first_seen").digits(group->first_ns);
  json.key("last_seen").digits(group->last_ns);
  json.key("trace_id").hex(group->trace_id);
  json.key("span_id").hex(group->span_id);
  json.key("counts").begin_array();
  for (std::int64_t i = 0; i < buckets.count; ++i) {
    const auto at = group->buckets.find(i);
    json.number(at == group->buckets.end() ? 0 : at->second);
  }
  json.end_array();
  json.key("filter").string(error_filter(*key));
  json.end_object();
}

}  // namespace

std::string list_errors(Session& session, const ErrorSearch& search) {
  const std::optional<Place> behind =
      search.cursor.empty() ? std::nullopt : std::optional(parse_cursor(search.cursor));
  const ErrorGroups groups =
      read_error_groups(session, search.range, search.service, search.signal);
  const std::vector<Row> rows = rows_of(groups, search);
  const auto begin = std::find_if(rows.begin(), rows.end(),
                                  [&](const Row& row) { return !behind || row.place < *behind; });
  const auto end = begin + std::min<std::ptrdiff_t>(rows.end() - begin, search.limit);

  JsonWriter json;
  json.begin_object().key("errors").begin_array();
  for (auto row = begin; row != end; ++row) write_row(*row, groups.buckets, json);
  json.end_array();
  json.key("group_count").number(rows.size());
  json.key("is_complete").boolean(groups.is_complete);
  json.key("step_ns").digits(groups.buckets.step_ns);
  write_times(groups.buckets, json);
  json.key("next_cursor");
  if (end == rows.end()) {
    json.null();
  } else {
    json.string(cursor_text((end - 1)->place));
  }
  session.write_stats(json);
  json.end_object();
  return json.take();
}

}  // namespace signalbox::server::query
