#include "server/store/sql/first_tables.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
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

/// How the rows of a first table become those of one of the tables now.
struct Statement {
  std::string into;
  std::string columns;
  std::string select;
  std::string from;
};

/// Of a log record, that it is found under before and after it was moved. Records of one time that
/// are equal in all of this share it.
constexpr std::string_view kLogRow =
    "toUInt32(cityHash64(service_name, time_unix_nano, observed_time_unix_nano, trace_id, span_id, "
    "flags, severity_number, severity_text, body, event_name, resource_id, scope_id, "
    "mapKeys(attributes), mapValues(attributes)))";

std::vector<Statement> statements_of(const std::string& table) {
  const std::string ids = std::string(kResourceId) + ", " + std::string(kScopeId);
  if (table == "spans") {
    return {{"span_rows",
             "service_name, name, start_time, duration_ns, trace_id, span_id, parent_span_id, "
             "flags, kind, status_code, resource_id, scope_id, rest, overflow",
             "service_name, name, start_time, duration_ns, trace_id, span_id, parent_span_id, "
             "flags, kind, status_code, " +
                 ids + ", " + span_rest() + ", " + std::string(kOverflow),
             "spans"}};
  }
  if (table == "logs") {
    return {{"log_rows",
             "row, service_name, time, observed_delta_ns, trace_id, span_id, flags, "
             "severity_number, severity_text, body, event_name, resource_id, scope_id, rest, "
             "overflow",
             std::string(kLogRow) + ", service_name, time, " + observed_delta() +
                 ", trace_id, span_id, flags, severity_number, severity_text, body, event_name, " +
                 ids + ", " + log_rest() + ", " + std::string(kOverflow),
             "logs"}};
  }
  const std::string point = "metric_name, series_id, time, start_time, ";
  if (table == "metric_summaries") {
    const std::string columns = point + "count, sum, quantiles, values, flags";
    return {{"metric_summary_rows", columns, columns, table}};
  }
  std::vector<Statement> statements;
  statements.push_back(
      {"metric_exemplar_rows",
       "metric_name, series_id, point_time, time, value, value_kind, int_error, trace_id, span_id, "
       "attributes, attribute_types",
       "metric_name, series_id, time, x_time, x_value, if(x_is_int, 1, 2), if(x_is_int, " +
           int_error("x_value", "x_int") + ", 0), x_trace_id, x_span_id, x_attributes, x_types",
       table +
           " ARRAY JOIN `exemplars.time` AS x_time, `exemplars.value` AS x_value, "
           "`exemplars.is_int` AS x_is_int, `exemplars.value_int` AS x_int, `exemplars.trace_id` "
           "AS "
           "x_trace_id, `exemplars.span_id` AS x_span_id, `exemplars.attributes` AS x_attributes, "
           "`exemplars.attribute_types` AS x_types"});
  if (table == "metric_numbers") {
    statements.push_back({"metric_number_rows", point + "value, value_kind, int_error, flags",
                          point + "value, value_kind, if(value_kind = 1, " +
                              int_error("value", "value_int") + ", 0), flags",
                          table});
  } else if (table == "metric_histograms") {
    const std::string columns = point + "count, sum, min, max, bounds, counts, flags";
    statements.push_back({"metric_histogram_rows", columns, columns, table});
  } else {
    const std::string columns = point +
                                "count, sum, min, max, scale, zero_count, zero_threshold, "
                                "positive_offset, positive_counts, negative_offset, "
                                "negative_counts, flags";
    statements.push_back({"metric_exponential_histogram_rows", columns, columns, table});
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

std::string ask(Engine& engine, const std::string& sql) {
  std::string text =
      engine.query(sql + " FORMAT TSVRaw", {}, {.work = WorkClass::kBackground}).data;
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> pieces;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(separator, at), text.size());
    pieces.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return pieces;
}

std::string listed(const std::vector<std::string>& items) {
  std::string list;
  for (const std::string& item : items) list += (list.empty() ? "" : ", ") + item;
  return list;
}

bool is_a_table(Engine& engine, const std::string& table) {
  return ask(engine,
             "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = '" +
                 table + "' AND engine LIKE '%MergeTree'") == "1";
}

/// As ClickHouse names partitions: 20261124; the newest first.
std::vector<std::string> days_of(Engine& engine, const std::string& table) {
  return split(ask(engine,
                   "SELECT DISTINCT partition_id FROM system.parts WHERE active AND database = "
                   "currentDatabase() AND table = '" +
                       table + "' ORDER BY partition_id DESC"),
               '\n');
}

/// A day's first microseconds are the `received` of its rows that were moved, one for each of the
/// first tables, so that what an interrupted move left can be told.
std::string identity(std::size_t table, const std::string& day) {
  return "'" + day.substr(0, 4) + "-" + day.substr(4, 2) + "-" + day.substr(6, 2) +
         " 00:00:00.00000" + std::to_string(table) + "'";
}

/// The same, of a row that is read.
std::string identity_of_row(std::size_t table) {
  const std::string time =
      kDataTables.at(table) == std::string_view("spans") ? "start_time" : "time";
  return "toDateTime64(toDate(" + time + "), 6, 'UTC') + toIntervalMicrosecond(" +
         std::to_string(table) + ")";
}

}  // namespace

FirstTables::FirstTables(Engine& engine) : engine_(engine) {
  days_.resize(kDataTables.size());
  for (std::size_t i = 0; i < kDataTables.size(); ++i) {
    if (!is_a_table(engine_, kDataTables.at(i))) return;  // A view: all has been moved.
    days_[i] = days_of(engine_, kDataTables.at(i));
  }
  are_there_ = true;
  sources_ = make_sources();
}

std::shared_ptr<const FirstTables::Sources> FirstTables::sources() const {
  const std::scoped_lock lock(mutex_);
  return sources_;
}

std::shared_ptr<const FirstTables::Sources> FirstTables::make_sources() {
  struct Source {
    std::string shown;
    std::vector<std::string> selects;
    std::vector<std::string> copies;  // Of days that are read from the first tables.
  };
  std::map<std::string, Source> found;
  for (std::size_t i = 0; i < kDataTables.size(); ++i) {
    if (days_[i].empty()) continue;
    for (const Statement& move : statements_of(kDataTables.at(i))) {
      Source& source = found[move.into];
      std::string columns = "received, " + move.columns;
      std::string defaults;
      std::string aliases;
      for (const std::string& line :
           split(ask(engine_,
                     "SELECT concat(name, '\t', type, '\t', replaceAll(default_expression, '\\n', "
                     "' ')) FROM system.columns WHERE database = currentDatabase() AND table = '" +
                         move.into + "' ORDER BY position"),
                 '\n')) {
        const std::vector<std::string> column = split(line, '\t');
        if (column.size() > 2) {
          aliases += ", " + column[2] + " AS `" + column[0] + "`";
        } else if ((", " + columns + ",").find(", " + column[0] + ",") == std::string::npos) {
          columns += ", " + column[0];
          defaults += ", defaultValueOfTypeName('" + column[1] + "')";
        }
      }
      source.shown = columns + aliases;
      if (source.selects.empty()) source.selects.push_back("SELECT " + columns);
      std::string partitions;
      for (const std::string& day : days_[i]) {
        partitions += (partitions.empty() ? "'" : ", '") + day + "'";
        source.copies.push_back(identity(i, day));
      }
      std::string& select = source.selects.emplace_back("SELECT ");
      select.append(identity_of_row(i)).append(", ").append(move.select).append(defaults);
      select.append(" FROM ").append(move.from);
      select.append(" WHERE _partition_id IN (").append(partitions).append(")");
    }
  }
  // What rows show is computed once, behind the UNION. Conditions on plain columns go through it to
  // the tables and their indexes.
  auto sources = std::make_shared<Sources>();
  for (auto& [table, source] : found) {
    std::string sql = table;
    sql.append(" AS (SELECT ").append(source.shown).append(" FROM (").append(source.selects[0]);
    sql.append(" FROM signalbox.").append(table);
    sql.append(" WHERE received NOT IN (").append(listed(source.copies)).append(")");
    for (std::size_t i = 1; i < source.selects.size(); ++i) {
      sql += " UNION ALL " + source.selects[i];
    }
    sources->emplace(table, sql + "))");
  }
  return sources;
}

void FirstTables::move(const std::stop_token& stop) {
  if (!are_there_) return;
  for (std::size_t i = 0; i < kDataTables.size(); ++i) {
    while (!days_[i].empty()) {
      if (stop.stop_requested() || !move_newest_day(i, stop)) return;
    }
  }
  for (const char* const table : kOtherTables) {
    engine_.execute(std::string("TRUNCATE TABLE IF EXISTS ") + table);
  }
  apply_schema(engine_);
  are_there_ = false;
}

bool FirstTables::move_newest_day(std::size_t table, const std::stop_token& stop) {
  const std::string day = days_[table].front();
  try {
    for (const Statement& move : statements_of(kDataTables.at(table))) {
      const std::string copy = "received = " + identity(table, day);
      if (ask(engine_, "SELECT count() FROM " + move.into + " WHERE " + copy) != "0") {
        engine_.execute_long(
            "ALTER TABLE " + move.into + " DELETE WHERE " + copy + " SETTINGS mutations_sync = 2",
            move.into, stop);
      }
      engine_.execute_long("INSERT INTO " + move.into + " (received, " + move.columns +
                               ") SELECT " + identity_of_row(table) + ", " + move.select +
                               " FROM " + move.from + " WHERE _partition_id = '" + day +
                               "' SETTINGS max_threads = 1, max_insert_threads = 1",
                           move.into, stop);
    }
  } catch (const EngineError& error) {
    if (stop.stop_requested() && error.code() == error_code::kQueryWasCancelled) return false;
    throw;
  }
  // The day is now read from its copy; but who began before still reads the partition.
  days_[table].erase(days_[table].begin());
  std::weak_ptr<const Sources> before;
  {
    std::shared_ptr<const Sources> after = make_sources();
    const std::scoped_lock lock(mutex_);
    before = sources_;
    sources_ = std::move(after);
  }
  while (!before.expired()) {
    if (stop.stop_requested()) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  engine_.execute("ALTER TABLE " + std::string(kDataTables.at(table)) + " DROP PARTITION ID '" +
                  day + "'");
  return true;
}

}  // namespace signalbox::server::store
