#pragma once

#include <cstdint>

#include "server/store/columns/durations.h"
#include "server/store/columns/native.h"
#include "server/store/columns/tables.h"

/// The columns of the tables of 003_side_tables.sql, in its order, and what fills them from the
/// rows of a block.
namespace signalbox::server::store {

struct SpanMinuteColumns {
  static constexpr const char* kTable = "span_minute_rows";
  SecondsColumn minute;
  LowCardinalityColumn service_name, name;
  Int32Column kind;
  BoolColumn is_root;
  Int32Column status_code;
  UInt64Column spans;
  Int64Column min_ns, max_ns;
  Float64Column sum_ns;
  DateTimeColumn last_start;
  DurationsColumn durations;

  template <typename F>
  void visit(F f) {
    f("minute", minute);
    f("service_name", service_name);
    f("name", name);
    f("kind", kind);
    f("is_root", is_root);
    f("status_code", status_code);
    f("spans", spans);
    f("min_ns", min_ns);
    f("max_ns", max_ns);
    f("sum_ns", sum_ns);
    f("last_start", last_start);
    f("durations", durations);
  }
};

struct SpanEdgeColumns {
  static constexpr const char* kTable = "span_edge_rows";
  SecondsColumn minute;
  LowCardinalityColumn client, server;
  Int32Column kind;
  UInt64Column calls, errors;
  DurationsColumn client_durations, server_durations;

  template <typename F>
  void visit(F f) {
    f("minute", minute);
    f("client", client);
    f("server", server);
    f("kind", kind);
    f("calls", calls);
    f("errors", errors);
    f("client_durations", client_durations);
    f("server_durations", server_durations);
  }
};

/// Of spans or of log records: they have equal tables.
struct AttributeValueColumns {
  SecondsColumn hour;
  LowCardinalityColumn key, type;
  BoolColumn is_rest;
  StringColumn value;
  UInt64Column records;

  template <typename F>
  void visit(F f) {
    f("hour", hour);
    f("key", key);
    f("type", type);
    f("is_rest", is_rest);
    f("value", value);
    f("records", records);
  }
};
struct SpanValueColumns : AttributeValueColumns {
  static constexpr const char* kTable = "span_value_rows";
};
struct LogValueColumns : AttributeValueColumns {
  static constexpr const char* kTable = "log_value_rows";
};

/// The same.
struct ErrorGroupColumns {
  SecondsColumn hour;
  LowCardinalityColumn service_name, type;
  StringColumn shape;
  UInt64Column errors;
  DateTimeColumn first_seen, last_seen;
  StringColumn message;
  TraceIdColumn trace_id;
  SpanIdColumn span_id;

  template <typename F>
  void visit(F f) {
    f("hour", hour);
    f("service_name", service_name);
    f("type", type);
    f("shape", shape);
    f("errors", errors);
    f("first_seen", first_seen);
    f("last_seen", last_seen);
    f("message", message);
    f("trace_id", trace_id);
    f("span_id", span_id);
  }
};
struct SpanErrorColumns : ErrorGroupColumns {
  static constexpr const char* kTable = "span_error_rows";
};
struct LogErrorColumns : ErrorGroupColumns {
  static constexpr const char* kTable = "log_error_rows";
};

struct SeriesHourColumns {
  static constexpr const char* kTable = "metric_series_hour_rows";
  DateTimeColumn received;
  SecondsColumn hour;
  LowCardinalityColumn metric_name;
  UInt64Column series_id;

  template <typename F>
  void visit(F f) {
    f("received", received);
    f("hour", hour);
    f("metric_name", metric_name);
    f("series_id", series_id);
  }
};

/// All that blocks fill from their rows, of some blocks in a row.
struct SideTables {
  SpanMinuteColumns span_minutes;
  SpanEdgeColumns span_edges;
  SpanValueColumns span_values;
  LogValueColumns log_values;
  SpanErrorColumns span_errors;
  LogErrorColumns log_errors;

  /// `f(table)` for each.
  template <typename F>
  void visit(F f) {
    f(span_minutes);
    f(span_edges);
    f(span_values);
    f(log_values);
    f(span_errors);
    f(log_errors);
  }
};

/// `spans` by operation and minute.
void add_span_minutes(const SpanColumns& spans, SpanMinuteColumns& to);

/// The attributes of a block's records by key and value; they were received in `hour`, seconds
/// since 1970. All slots are padded.
void add_attribute_values(const AttributeColumns& attributes, std::int64_t hour,
                          AttributeValueColumns& to);

}  // namespace signalbox::server::store
