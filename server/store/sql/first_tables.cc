#include "server/store/sql/first_tables.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "server/store/sql/schema.h"

namespace signalbox::server::store {
namespace {

// Of equal hashes (an old resource may have come again under another id) any id will do.
constexpr std::string_view kResourceId =
    "transform(resource_id, (SELECT groupArray(hash) FROM (SELECT hash FROM resource_rows GROUP BY "
    "hash ORDER BY hash)), (SELECT groupArray(id) FROM (SELECT min(resource_id) AS id FROM "
    "resource_rows GROUP BY hash ORDER BY hash)), toUInt32(0))";
constexpr std::string_view kScopeId =
    "transform(scope_id, (SELECT groupArray(hash) FROM (SELECT hash FROM scope_rows GROUP BY hash "
    "ORDER BY hash)), (SELECT groupArray(id) FROM (SELECT min(scope_id) AS id FROM scope_rows "
    "GROUP "
    "BY hash ORDER BY hash)), toUInt32(0))";
constexpr std::string_view kOverflow =
    "CAST((mapKeys(attributes), arrayMap((t, v) -> concat(t, v), "
    "splitByString('', toString(attribute_types)), "
    "arrayMap(v -> toString(v), mapValues(attributes)))), "
    "'Map(LowCardinality(String), String)')";

/// A JSON object of its members, or nothing if all are empty.
constexpr std::string_view kBeginRest =
    "replaceOne(concat('{', arrayStringConcat(arrayFilter(m -> m != '', [";
constexpr std::string_view kEndRest = "]), ','), '}'), '{}', '')";

constexpr std::string_view kAttributesOfEntry =
    "',', toJSONString(arrayMap(k -> toString(k), mapKeys(a))), ',', toJSONString(mapValues(a)), "
    "',', toJSONString(toString(ty)), ',', toString(d), ']'";

std::string span_rest() {
  return std::string(kBeginRest) +
         "if(status_message = '', '', concat('\"m\":', toJSONString(toString(status_message)))), "
         "if(trace_state = '', '', concat('\"w\":', toJSONString(trace_state))), "
         "if(dropped_attributes_count = 0 AND dropped_events_count = 0 AND dropped_links_count = "
         "0, "
         "'', concat('\"d\":[', toString(dropped_attributes_count), ',', "
         "toString(dropped_events_count), ',', toString(dropped_links_count), ']')), "
         "if(empty(`events.time`), '', concat('\"e\":[', arrayStringConcat(arrayMap((t, n, a, ty, "
         "d) "
         "-> concat('[', toString(toUnixTimestamp64Nano(t)), ',', toJSONString(toString(n)), " +
         std::string(kAttributesOfEntry) +
         "), `events.time`, `events.name`, `events.attributes`, `events.attribute_types`, "
         "`events.dropped_attributes_count`), ','), ']')), "
         "if(empty(`links.trace_id`), '', concat('\"l\":[', arrayStringConcat(arrayMap((t, s, w, "
         "f, "
         "a, ty, d) -> concat('[\"', lower(hex(t)), '\",\"', lower(hex(s)), '\",', "
         "toJSONString(w), "
         "',', toString(f), " +
         std::string(kAttributesOfEntry) +
         "), `links.trace_id`, `links.span_id`, `links.trace_state`, `links.flags`, "
         "`links.attributes`, `links.attribute_types`, `links.dropped_attributes_count`), ','), "
         "']'))" +
         std::string(kEndRest);
}

/// Whether `time` and a difference tell both times of a log record; else they stand in `rest`.
constexpr std::string_view kTimesAreTold =
    "(if(time_unix_nano = 0, observed_time_unix_nano, time_unix_nano) <= 9223372036854775807 AND "
    "(time_unix_nano = 0 OR observed_time_unix_nano = 0 OR toInt64(observed_time_unix_nano - "
    "time_unix_nano) > toInt64('-9223372036854775807')))";

std::string log_rest() {
  const std::string told(kTimesAreTold);
  return std::string(kBeginRest) +
         "if(body_type = 's', '', concat('\"b\":', toJSONString(toString(body_type)))), "
         "if(dropped_attributes_count = 0, '', concat('\"d\":', "
         "toString(dropped_attributes_count))), "
         "if(" +
         told +
         ", '', concat('\"t\":', toString(time_unix_nano), ',\"o\":', "
         "toString(observed_time_unix_nano)))" +
         std::string(kEndRest);
}

std::string observed_delta() {
  return "multiIf(NOT " + std::string(kTimesAreTold) +
         ", toInt64(0), time_unix_nano = 0 AND observed_time_unix_nano != 0, "
         "toInt64('-9223372036854775807'), time_unix_nano != 0 AND observed_time_unix_nano = 0, "
         "toInt64('-9223372036854775808'), toInt64(observed_time_unix_nano - time_unix_nano))";
}

/// What an integer has that its double has not.
std::string int_error(const std::string& value, const std::string& exact) {
  return exact + " - if(" + value + " >= 9223372036854775808., 9223372036854775807, toInt64(" +
         value + "))";
}

/// Of one table's day. Identities are a day's first microseconds, of which each statement has its
/// own, so that what an interrupted one left can be told and removed.
struct Statement {
  std::string into;
  std::string columns;
  std::string select;
};

std::vector<Statement> statements_of(const std::string& table) {
  const std::string ids = std::string(kResourceId) + ", " + std::string(kScopeId);
  if (table == "spans") {
    return {{"span_rows",
             "service_name, name, start_time, duration_ns, trace_id, span_id, parent_span_id, "
             "flags, kind, status_code, resource_id, scope_id, rest, overflow",
             "service_name, name, start_time, duration_ns, trace_id, span_id, parent_span_id, "
             "flags, kind, status_code, " +
                 ids + ", " + span_rest() + ", " + std::string(kOverflow) + " FROM spans"}};
  }
  if (table == "logs") {
    return {{"log_rows",
             "row, service_name, time, observed_delta_ns, trace_id, span_id, flags, "
             "severity_number, severity_text, body, event_name, resource_id, scope_id, rest, "
             "overflow",
             "toUInt32(rowNumberInAllBlocks()), service_name, time, " + observed_delta() +
                 ", trace_id, span_id, flags, severity_number, severity_text, body, event_name, " +
                 ids + ", " + log_rest() + ", " + std::string(kOverflow) + " FROM logs"}};
  }
  const std::string point = "metric_name, series_id, time, start_time, ";
  if (table == "metric_summaries") {
    const std::string columns = point + "count, sum, quantiles, values, flags";
    return {{"metric_summary_rows", columns, columns + " FROM metric_summaries"}};
  }
  std::vector<Statement> statements;
  statements.push_back(
      {"metric_exemplar_rows",
       "metric_name, series_id, point_time, time, value, value_kind, int_error, trace_id, span_id, "
       "attributes, attribute_types",
       "metric_name, series_id, time, x_time, x_value, if(x_is_int, 1, 2), if(x_is_int, " +
           int_error("x_value", "x_int") +
           ", 0), x_trace_id, x_span_id, x_attributes, x_types FROM " + table +
           " ARRAY JOIN `exemplars.time` AS x_time, `exemplars.value` AS x_value, "
           "`exemplars.is_int` AS x_is_int, `exemplars.value_int` AS x_int, `exemplars.trace_id` "
           "AS "
           "x_trace_id, `exemplars.span_id` AS x_span_id, `exemplars.attributes` AS x_attributes, "
           "`exemplars.attribute_types` AS x_types"});
  if (table == "metric_numbers") {
    statements.push_back({"metric_number_rows", point + "value, value_kind, int_error, flags",
                          point + "value, value_kind, if(value_kind = 1, " +
                              int_error("value", "value_int") + ", 0), flags FROM metric_numbers"});
  } else if (table == "metric_histograms") {
    const std::string columns = point + "count, sum, min, max, bounds, counts, flags";
    statements.push_back({"metric_histogram_rows", columns, columns + " FROM metric_histograms"});
  } else {
    const std::string columns = point +
                                "count, sum, min, max, scale, zero_count, zero_threshold, "
                                "positive_offset, positive_counts, negative_offset, "
                                "negative_counts, flags";
    statements.push_back({"metric_exponential_histogram_rows", columns,
                          columns + " FROM metric_exponential_histograms"});
  }
  return statements;
}

constexpr std::array kDataTables = {"spans",
                                    "logs",
                                    "metric_numbers",
                                    "metric_histograms",
                                    "metric_exponential_histograms",
                                    "metric_summaries"};
constexpr std::array kOtherTables = {"trace_times", "metric_series", "scopes", "resources"};

class Mover {
 public:
  Mover(Engine& engine, const std::atomic<bool>& stop) : engine_(engine), stop_(stop) {}

  void run() {
    for (std::size_t i = 0; i < kDataTables.size(); ++i) {
      const std::string table = kDataTables.at(i);
      if (!is_a_table(table)) return;  // A view: all has been moved.
      for (const std::string& day : days_of(table)) {
        if (stop_) return;
        move_day(table, i, day);
      }
    }
    for (const char* const table : kOtherTables) {
      engine_.execute(std::string("TRUNCATE TABLE IF EXISTS ") + table);
    }
    apply_schema(engine_);
  }

 private:
  [[nodiscard]] std::string value(const std::string& sql) {
    std::string text =
        engine_.query(sql + " FORMAT TSVRaw", {}, {.work = WorkClass::kBackground}).data;
    while (text.ends_with('\n')) text.pop_back();
    return text;
  }

  bool is_a_table(const std::string& table) {
    return value(
               "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = '" +
               table + "' AND engine LIKE '%MergeTree'") == "1";
  }

  /// As ClickHouse names partitions: 20261124; the newest first.
  std::vector<std::string> days_of(const std::string& table) {
    std::vector<std::string> days;
    const std::string text = value(
        "SELECT DISTINCT partition_id FROM system.parts WHERE active AND database = "
        "currentDatabase() AND table = '" +
        table + "' ORDER BY partition_id DESC");
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      days.push_back(text.substr(at, end - at));
      at = end + 1;
    }
    return days;
  }

  void move_day(const std::string& table, std::size_t number, const std::string& day) {
    const std::string received =
        "(toDateTime64(toDate('" + day.substr(0, 4) + "-" + day.substr(4, 2) + "-" +
        day.substr(6, 2) + "'), 6, 'UTC') + toIntervalMicrosecond(" + std::to_string(number) + "))";
    for (const Statement& move : statements_of(table)) {
      const std::string left = "received = " + received;
      if (value("SELECT count() FROM " + move.into + " WHERE " + left) != "0") {
        engine_.execute("ALTER TABLE " + move.into + " DELETE WHERE " + left +
                        " SETTINGS mutations_sync = 2");
      }
      engine_.execute("INSERT INTO " + move.into + " (received, " + move.columns + ") SELECT " +
                      received + ", " + move.select + " WHERE _partition_id = '" + day +
                      "' SETTINGS max_threads = 1, max_insert_threads = 1");
    }
    engine_.execute("ALTER TABLE " + table + " DROP PARTITION ID '" + day + "'");
  }

  Engine& engine_;
  const std::atomic<bool>& stop_;
};

}  // namespace

void move_rows_of_first_tables(Engine& engine, const std::atomic<bool>& stop) {
  Mover(engine, stop).run();
}

}  // namespace signalbox::server::store
