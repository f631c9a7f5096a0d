#include "server/query/logs/patterns.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "server/query/errors/shape_pattern.h"
#include "server/query/json/json.h"
#include "server/query/language/filter.h"
#include "server/query/logs/log_rows.h"
#include "server/query/plan/fields.h"
#include "server/query/plan/rows.h"
#include "server/query/plan/unknown_fields.h"
#include "server/store/columns/error_groups.h"

namespace signalbox::server::query {
namespace {

constexpr std::int64_t kBuckets = 30;
constexpr std::size_t kShownServices = 5;
/// Shapes are made of no more of a body.
constexpr std::size_t kBodyBytes = 800;

struct Record {
  LogPosition position;
  std::int32_t severity = 0;
  std::string_view service_name;
  std::string_view body;  ///< How it begins.
  bool is_cut = false;
};

struct Pattern {
  std::uint64_t records = 0;
  std::map<std::string_view, std::uint64_t> severities;  ///< By name.
  std::map<std::string_view, std::uint64_t> services;
  std::int64_t first_ns = 0;
  std::int64_t last_ns = 0;
  Record latest;
  bool is_cut = false;  ///< Of any of its records.
  std::vector<std::uint64_t> by_bucket;
};

using Patterns = std::unordered_map<std::string, Pattern>;

std::uint64_t count_records(Session& session, const Selection& selection) {
  Parameters parameters;
  const std::string data = session.rows(
      "SELECT count() FROM log_rows WHERE " + selection.condition(session.slots(), parameters),
      parameters);
  return RowReader(data).u64();
}

std::string read_sample(Session& session, const Selection& selection, std::uint64_t records) {
  Parameters parameters;
  const std::string size = std::to_string(kBodyBytes);
  std::string sql =
      "SELECT toUnixTimestamp64Nano(time), toUnixTimestamp64Micro(received), row, severity_number, "
      "service_name, substringUTF8(body, 1, " +
      size + "), length(body) > " + size + "\nFROM log_rows WHERE " +
      selection.condition(session.slots(), parameters);
  if (const std::uint64_t one_of = (records + kPatternSample - 1) / kPatternSample; one_of > 1) {
    sql += " AND cityHash64(received, row) % " + std::to_string(one_of) + " = 0";
  }
  // Records come while this is asked; so many more would be a surprise.
  return session.rows(sql + " LIMIT " + std::to_string(2 * kPatternSample), parameters);
}

Record read_record(RowReader& row) {
  Record record;
  record.position.time_ns = row.i64();
  record.position.id.received_us = row.i64();
  record.position.id.row = row.u32();
  record.severity = row.i32();
  record.service_name = row.string();
  record.body = row.string();
  record.is_cut = row.boolean();
  return record;
}

void count(const Record& record, const Buckets& buckets, Pattern& pattern) {
  const std::int64_t at = record.position.time_ns;
  if (pattern.records == 0) {
    pattern.first_ns = at;
    pattern.by_bucket.resize(static_cast<std::size_t>(buckets.count));
  }
  if (pattern.records == 0 || at >= pattern.last_ns) pattern.latest = record;
  pattern.first_ns = std::min(pattern.first_ns, at);
  pattern.last_ns = pattern.latest.position.time_ns;
  pattern.is_cut |= record.is_cut;
  ++pattern.records;
  ++pattern.severities[severity_name(record.severity)];
  ++pattern.services[record.service_name];
  ++pattern.by_bucket.at(static_cast<std::size_t>((at - buckets.first_ns) / buckets.step_ns));
}

std::vector<const Patterns::value_type*> most_frequent(const Patterns& patterns,
                                                       std::uint32_t limit) {
  std::vector<const Patterns::value_type*> order;
  order.reserve(patterns.size());
  for (const auto& pattern : patterns) order.push_back(&pattern);
  std::ranges::sort(order, [](const auto* a, const auto* b) {
    return std::tie(b->second.records, a->first) < std::tie(a->second.records, b->first);
  });
  order.resize(std::min<std::size_t>(order.size(), limit));
  return order;
}

class PatternWriter {
 public:
  /// `scale`: records for each one that was looked at.
  PatternWriter(double scale, std::uint64_t sampled, JsonWriter& json)
      : scale_(scale), sampled_(sampled), json_(json) {}

  void write(const std::string& shape, const Pattern& pattern) {
    json_.begin_object();
    json_.key("pattern").string(shape);
    json_.key("count").number(scaled(pattern.records));
    json_.key("share").number(static_cast<double>(pattern.records) / static_cast<double>(sampled_));
    write_counts("severities", {pattern.severities.begin(), pattern.severities.end()});
    write_counts("services", most(pattern.services));
    json_.key("service_count").number(pattern.services.size());
    json_.key("first_seen").digits(pattern.first_ns);
    json_.key("last_seen").digits(pattern.last_ns);
    json_.key("example").begin_object();
    json_.key("id").string(pattern.latest.position.id.to_string());
    json_.key("time").digits(pattern.latest.position.time_ns);
    json_.key("body").string(pattern.latest.body);
    json_.end_object();
    json_.key("filter").string("body LIKE " +
                               quote_filter_text(pattern_of_shape(shape, pattern.is_cut)));
    json_.key("counts").begin_array();
    for (const std::uint64_t records : pattern.by_bucket) json_.number(scaled(records));
    json_.end_array();
    json_.end_object();
  }

 private:
  using Counts = std::vector<std::pair<std::string_view, std::uint64_t>>;

  [[nodiscard]] std::uint64_t scaled(std::uint64_t records) const {
    return static_cast<std::uint64_t>(std::llround(static_cast<double>(records) * scale_));
  }

  static Counts most(const std::map<std::string_view, std::uint64_t>& counts) {
    Counts order(counts.begin(), counts.end());
    std::ranges::sort(order, [](const auto& a, const auto& b) {
      return std::tie(b.second, a.first) < std::tie(a.second, b.first);
    });
    order.resize(std::min(order.size(), kShownServices));
    return order;
  }

  void write_counts(std::string_view key, const Counts& counts) {
    json_.key(key).begin_array();
    for (const auto& [name, records] : counts) {
      json_.begin_object();
      json_.key("name").string(name);
      json_.key("count").number(scaled(records));
      json_.end_object();
    }
    json_.end_array();
  }

  const double scale_;
  const std::uint64_t sampled_;
  JsonWriter& json_;
};

}  // namespace

std::string get_log_patterns(Session& session, const Selection& selection, std::uint32_t limit) {
  const std::uint64_t records = count_records(session, selection);
  const std::string data = records == 0 ? "" : read_sample(session, selection, records);
  const Buckets buckets = round_buckets(selection.range, kBuckets);
  Patterns patterns;
  std::uint64_t sampled = 0;
  for (RowReader row(data); !row.at_end(); ++sampled) {
    const Record record = read_record(row);
    count(record, buckets, patterns[store::message_shape(record.body)]);
  }
  // What came in between was counted once only.
  const std::uint64_t all = std::max(records, sampled);
  JsonWriter json;
  json.begin_object();
  json.key("record_count").number(all);
  json.key("sampled_count").number(sampled);
  json.key("pattern_count").number(patterns.size());
  json.key("start").digits(buckets.first_ns);
  json.key("step_ns").digits(buckets.step_ns);
  json.key("patterns").begin_array();
  const double scale = sampled == 0 ? 1 : static_cast<double>(all) / static_cast<double>(sampled);
  PatternWriter writer(scale, sampled, json);
  for (const auto* pattern : most_frequent(patterns, limit)) {
    writer.write(pattern->first, pattern->second);
  }
  json.end_array();
  write_warnings(KnownFields(session, Signal::kLogs, selection.range).unknown_in(selection.filter),
                 json);
  session.write_stats(json);
  json.end_object();
  return json.take();
}

}  // namespace signalbox::server::query
