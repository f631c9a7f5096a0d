#include "server/query/errors/error_groups.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "server/query/plan/rows.h"
#include "server/query/plan/settled_minutes.h"
#include "server/store/columns/error_groups.h"

namespace signalbox::server::query {
namespace {

constexpr std::int64_t kBars = 30;
constexpr std::int64_t kHourNs = 60 * kMinuteNs;
/// With fewer whole hours a chart of hours would tell little.
constexpr std::int64_t kFewHours = 6;
/// Messages with an id in each of them make as many rows as there are errors.
constexpr std::size_t kMostRows = 50'000;

/// What is asked, and how the range is read.
struct Question {
  TimeRange range;
  std::optional<TimeRange> hours;  ///< Of receipt, from the side tables.
  Buckets buckets;
  const std::optional<std::string>& service;

  /// " AND …", or nothing.
  [[nodiscard]] std::string of_service(Parameters& parameters) const {
    return service ? " AND service_name = " + parameters.bind(*service) : std::string();
  }
  /// " AND …": that a row is not in the side tables, or not of these hours.
  [[nodiscard]] std::string beside_hours(Parameters& parameters) const {
    if (!hours) return {};
    return " AND (NOT (" + in_range("received", *hours, parameters) + ") OR " +
           std::string(kBeforeSideTablesSql) + ")";
  }
};

std::optional<TimeRange> settled_hours(const TimeRange& range) {
  const auto minutes = settled_minutes(range, kFewHours * 60);
  if (!minutes) return std::nullopt;
  const TimeRange whole = {(minutes->start_ns + kHourNs - 1) / kHourNs * kHourNs,
                           minutes->end_ns / kHourNs * kHourNs};
  if (whole.length_ns() < kFewHours * kHourNs) return std::nullopt;
  return whole;
}

Buckets buckets_for(const TimeRange& range, bool of_hours) {
  const Buckets buckets = round_buckets(range, kBars);
  return of_hours && buckets.step_ns < kHourNs ? buckets_of(range, kHourNs) : buckets;
}

/// The columns that `add_rows` reads, of errors with these columns.
std::string columns(const std::string& bucket, const std::string& count) {
  return "toString(service_name), toString(type), text, " + bucket + " AS bucket, " + count +
         " AS errors, toUnixTimestamp64Nano(min(first)), toUnixTimestamp64Nano(max(last)), "
         "argMax(message, last), argMax(trace_id, last), argMax(span_id, last)";
}

void add(const ErrorKey& key, const ErrorGroup& part, std::int64_t bucket, ErrorGroups& to) {
  ErrorGroup& group = to.groups[key];
  const bool is_first = group.count == 0;
  group.count += part.count;
  group.buckets[std::clamp<std::int64_t>(bucket, 0, to.buckets.count - 1)] += part.count;
  group.first_ns = is_first ? part.first_ns : std::min(group.first_ns, part.first_ns);
  if (!is_first && part.last_ns < group.last_ns) return;
  group.last_ns = part.last_ns;
  group.message = part.message;
  group.trace_id = part.trace_id;
  group.span_id = part.span_id;
}

/// `shape_of` makes the shape of a group from the text that the row has in its place.
template <typename ShapeOf>
std::size_t add_rows(Signal signal, std::string_view data, ShapeOf&& shape_of, ErrorGroups& to) {
  std::size_t rows = 0;
  for (RowReader row(data); !row.at_end(); ++rows) {
    ErrorKey key{.signal = signal, .service = {}, .type = {}, .shape = {}};
    key.service = row.string();
    key.type = row.string();
    key.shape = shape_of(row.string());
    const std::int64_t bucket = row.i64();
    ErrorGroup part;
    part.count = row.u64();
    part.first_ns = row.i64();
    part.last_ns = row.i64();
    part.message = row.string();
    part.trace_id = row.bytes(16);
    part.span_id = row.bytes(8);
    add(key, part, bucket, to);
  }
  return rows;
}

void read_hours(Session& session, Signal signal, const Question& question, ErrorGroups& to) {
  Parameters parameters;
  const std::string table = signal == Signal::kTraces ? "span_error_rows" : "log_error_rows";
  const std::string bucket =
      bucket_index("toDateTime64(hour, 9, 'UTC')", question.buckets, parameters);
  const std::string data = session.rows(
      "SELECT " + columns(bucket, "sum(count)") +
          "\nFROM (SELECT service_name, type, shape AS text, hour, errors AS count, "
          "first_seen AS first, last_seen AS last, message, trace_id, span_id FROM " +
          table + " WHERE " + in_range("hour", *question.hours, parameters) +
          " AND last_seen >= fromUnixTimestamp64Nano(" +
          parameters.bind_int(question.range.start_ns) +
          ") AND first_seen < fromUnixTimestamp64Nano(" +
          parameters.bind_int(question.range.end_ns) + ")" + question.of_service(parameters) +
          ")\nGROUP BY service_name, type, text, bucket",
      parameters);
  add_rows(signal, data, [](std::string_view shape) { return std::string(shape); }, to);
}

/// Of each error of a span service_name, type, text, at, trace_id and span_id: its exceptions, or
/// else what its status says. As Errors in server/store/columns does it.
std::string errors_of_spans(const Question& question, const AttributeSlots& slots,
                            Parameters& parameters) {
  const auto text = [](const std::string& key) {
    const std::string at = "indexOf(e.3, '" + key + "')";
    return "if(substring(e.5, " + at + ", 1) = 's', e.4[" + at + "], '')";
  };
  return "SELECT service_name, trace_id, span_id, error.1 AS type, error.2 AS text, error.3 AS at\n"
         "  FROM (SELECT service_name, trace_id, span_id, "
         "arraySlice(arrayFilter(e -> e.2 = 'exception', event_entries), 1, 16) AS exceptions, "
         "arrayJoin(if(notEmpty(exceptions), arrayMap(e -> (" +
         text("exception.type") + ", " + text("exception.message") +
         ", fromUnixTimestamp64Nano(e.1, 'UTC')), exceptions), "
         "if(status_code = 2 AND (error_type != '' OR status_message != ''), [(error_type, "
         "status_message, addNanoseconds(start_time, duration_ns))], []))) AS error\n"
         "  FROM (SELECT service_name, trace_id, span_id, event_entries, status_code, "
         "status_message, start_time, duration_ns, " +
         attribute_text(Signal::kTraces, "error.type", slots, parameters) +
         " AS error_type FROM span_rows WHERE (status_code = 2 OR position(rest, 'exception') > 0) "
         "AND " +
         in_range("start_time", question.range, parameters) + question.beside_hours(parameters) +
         question.of_service(parameters) + "))";
}

/// The same of log records.
std::string errors_of_logs(const Question& question, const AttributeSlots& slots,
                           Parameters& parameters) {
  return "SELECT service_name, trace_id, span_id, type, "
         "if(exception_message != '' OR body_type != 's', exception_message, body) AS text, "
         "time AS at\n  FROM (SELECT service_name, trace_id, span_id, body, body_type, time, "
         "severity_number, " +
         attribute_text(Signal::kLogs, "exception.type", slots, parameters) + " AS type, " +
         attribute_text(Signal::kLogs, "exception.message", slots, parameters) +
         " AS exception_message FROM log_rows WHERE " +
         in_range("time", question.range, parameters) + question.beside_hours(parameters) +
         question.of_service(parameters) +
         ")\n  WHERE severity_number >= 17 OR type != '' OR exception_message != ''";
}

void read_records(Session& session, Signal signal, const Question& question, ErrorGroups& to) {
  Parameters parameters;
  const std::string errors = signal == Signal::kTraces
                                 ? errors_of_spans(question, session.slots(), parameters)
                                 : errors_of_logs(question, session.slots(), parameters);
  const std::string data = session.rows(
      "SELECT " + columns(bucket_index("at", question.buckets, parameters), "count()") +
          "\nFROM (SELECT service_name, substring(type, 1, 200) AS type, "
          "substring(text, 1, 1000) AS text, text AS message, at, at AS first, at AS last, "
          "trace_id, span_id FROM (" +
          errors + "))\nGROUP BY service_name, type, text, bucket ORDER BY errors DESC LIMIT " +
          std::to_string(kMostRows),
      parameters);
  const std::size_t rows = add_rows(signal, data, store::message_shape, to);
  to.is_complete = to.is_complete && rows < kMostRows;
}

}  // namespace

ErrorGroups read_error_groups(Session& session, const TimeRange& range,
                              const std::optional<std::string>& service,
                              std::optional<Signal> signal) {
  const auto hours = settled_hours(range);
  const Question question{.range = range,
                          .hours = hours,
                          .buckets = buckets_for(range, hours.has_value()),
                          .service = service};
  ErrorGroups groups{.buckets = question.buckets, .groups = {}};
  for (const Signal each : {Signal::kTraces, Signal::kLogs}) {
    if (signal && *signal != each) continue;
    if (hours) read_hours(session, each, question, groups);
    read_records(session, each, question, groups);
  }
  return groups;
}

}  // namespace signalbox::server::query
