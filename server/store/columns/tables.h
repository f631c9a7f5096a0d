#pragma once

#include <cstdint>

#include "server/store/columns/native.h"
#include "server/store/columns/slotted_attributes.h"

/// The columns of each table of sql/, in its order.
namespace signalbox::server::store {

using StringMapColumn = MapColumn<StringColumn>;
using TraceIdColumn = FixedStringColumn<16>;
using SpanIdColumn = FixedStringColumn<8>;

struct ResourceColumns {
  static constexpr const char* kTable = "resource_rows";
  UInt32Column resource_id;
  UInt64Column hash;
  LowCardinalityColumn service_name, service_namespace;
  StringColumn service_instance_id;
  LowCardinalityColumn service_version;
  StringMapColumn attributes;
  LowCardinalityColumn attribute_types;
  UInt32Column dropped_attributes_count;
  LowCardinalityColumn schema_url;
  DateTimeColumn seen;

  template <typename F>
  void visit(F f) {
    f("resource_id", resource_id);
    f("hash", hash);
    f("service_name", service_name);
    f("service_namespace", service_namespace);
    f("service_instance_id", service_instance_id);
    f("service_version", service_version);
    f("attributes", attributes);
    f("attribute_types", attribute_types);
    f("dropped_attributes_count", dropped_attributes_count);
    f("schema_url", schema_url);
    f("seen", seen);
  }
};

struct ScopeColumns {
  static constexpr const char* kTable = "scope_rows";
  UInt32Column scope_id;
  UInt64Column hash;
  LowCardinalityColumn name, version;
  StringMapColumn attributes;
  LowCardinalityColumn attribute_types;
  UInt32Column dropped_attributes_count;
  LowCardinalityColumn schema_url;
  DateTimeColumn seen;

  template <typename F>
  void visit(F f) {
    f("scope_id", scope_id);
    f("hash", hash);
    f("name", name);
    f("version", version);
    f("attributes", attributes);
    f("attribute_types", attribute_types);
    f("dropped_attributes_count", dropped_attributes_count);
    f("schema_url", schema_url);
    f("seen", seen);
  }
};

struct AttributeSlotColumns {
  static constexpr const char* kTable = "attribute_slots";
  LowCardinalityColumn signal;
  StringColumn key;
  UInt8Column slot;
  DateTimeColumn seen;

  template <typename F>
  void visit(F f) {
    f("signal", signal);
    f("key", key);
    f("slot", slot);
    f("seen", seen);
  }
};

struct SpanColumns {
  static constexpr const char* kTable = "span_rows";
  LowCardinalityColumn service_name, name;
  DateTimeColumn start_time;
  Int64Column duration_ns;
  TraceIdColumn trace_id;
  SpanIdColumn span_id, parent_span_id;
  UInt32Column flags;
  Int32Column kind, status_code;
  UInt32Column resource_id, scope_id;
  StringColumn rest;
  AttributeColumns attributes;

  template <typename F>
  void visit(F f) {
    f("service_name", service_name);
    f("name", name);
    f("start_time", start_time);
    f("duration_ns", duration_ns);
    f("trace_id", trace_id);
    f("span_id", span_id);
    f("parent_span_id", parent_span_id);
    f("flags", flags);
    f("kind", kind);
    f("status_code", status_code);
    f("resource_id", resource_id);
    f("scope_id", scope_id);
    f("rest", rest);
    attributes.visit(f);
  }
};

struct LogColumns {
  static constexpr const char* kTable = "log_rows";
  LowCardinalityColumn service_name;
  DateTimeColumn time;
  RowNumberColumn row;
  Int64Column observed_delta_ns;
  TraceIdColumn trace_id;
  SpanIdColumn span_id;
  UInt32Column flags;
  Int32Column severity_number;
  LowCardinalityColumn severity_text;
  StringColumn body;
  LowCardinalityColumn event_name;
  UInt32Column resource_id, scope_id;
  StringColumn rest;
  AttributeColumns attributes;

  template <typename F>
  void visit(F f) {
    f("service_name", service_name);
    f("time", time);
    f("row", row);
    f("observed_delta_ns", observed_delta_ns);
    f("trace_id", trace_id);
    f("span_id", span_id);
    f("flags", flags);
    f("severity_number", severity_number);
    f("severity_text", severity_text);
    f("body", body);
    f("event_name", event_name);
    f("resource_id", resource_id);
    f("scope_id", scope_id);
    f("rest", rest);
    attributes.visit(f);
  }
};

struct MetricSeriesColumns {
  static constexpr const char* kTable = "metric_series_rows";
  UInt64Column series_id;
  LowCardinalityColumn metric_name, metric_type, unit, description;
  Int32Column temporality;
  BoolColumn is_monotonic;
  StringMapColumn metadata;
  LowCardinalityColumn metadata_types, service_name;
  UInt32Column resource_id, scope_id;
  StringMapColumn attributes;
  LowCardinalityColumn attribute_types;
  DateTimeColumn seen;

  template <typename F>
  void visit(F f) {
    f("series_id", series_id);
    f("metric_name", metric_name);
    f("metric_type", metric_type);
    f("unit", unit);
    f("description", description);
    f("temporality", temporality);
    f("is_monotonic", is_monotonic);
    f("metadata", metadata);
    f("metadata_types", metadata_types);
    f("service_name", service_name);
    f("resource_id", resource_id);
    f("scope_id", scope_id);
    f("attributes", attributes);
    f("attribute_types", attribute_types);
    f("seen", seen);
  }
};

/// What begins each table of points.
struct PointColumns {
  LowCardinalityColumn metric_name;
  UInt64Column series_id;
  DateTimeColumn time, start_time;
  UInt32Column flags;

  template <typename F>
  void visit_point(F& f) {
    f("metric_name", metric_name);
    f("series_id", series_id);
    f("time", time);
    f("start_time", start_time);
    f("flags", flags);
  }
};

/// A measured value: `value`, and by how much the integer that was sent differs from it.
struct ValueColumns {
  Float64Column value;
  UInt8Column value_kind;
  Int64Column int_error;

  template <typename F>
  void visit(F f) {
    f("value", value);
    f("value_kind", value_kind);
    f("int_error", int_error);
  }
};

struct ExemplarColumns {
  static constexpr const char* kTable = "metric_exemplar_rows";
  LowCardinalityColumn metric_name;
  UInt64Column series_id;
  DateTimeColumn point_time, time;
  ValueColumns value;
  TraceIdColumn trace_id;
  SpanIdColumn span_id;
  StringMapColumn attributes;
  LowCardinalityColumn attribute_types;

  template <typename F>
  void visit(F f) {
    f("metric_name", metric_name);
    f("series_id", series_id);
    f("point_time", point_time);
    f("time", time);
    value.visit(f);
    f("trace_id", trace_id);
    f("span_id", span_id);
    f("attributes", attributes);
    f("attribute_types", attribute_types);
  }
};

struct NumberColumns : PointColumns {
  static constexpr const char* kTable = "metric_number_rows";
  ValueColumns value;

  template <typename F>
  void visit(F f) {
    visit_point(f);
    value.visit(f);
  }
};

struct HistogramColumns : PointColumns {
  static constexpr const char* kTable = "metric_histogram_rows";
  UInt64Column count;
  NullableFloat64Column sum, min, max;
  ArrayColumn<Float64Column> bounds;
  ArrayColumn<UInt64Column> counts;

  template <typename F>
  void visit(F f) {
    visit_point(f);
    f("count", count);
    f("sum", sum);
    f("min", min);
    f("max", max);
    f("bounds", bounds);
    f("counts", counts);
  }
};

struct ExponentialHistogramColumns : PointColumns {
  static constexpr const char* kTable = "metric_exponential_histogram_rows";
  UInt64Column count;
  NullableFloat64Column sum, min, max;
  Int32Column scale;
  UInt64Column zero_count;
  Float64Column zero_threshold;
  Int32Column positive_offset;
  ArrayColumn<UInt64Column> positive_counts;
  Int32Column negative_offset;
  ArrayColumn<UInt64Column> negative_counts;

  template <typename F>
  void visit(F f) {
    visit_point(f);
    f("count", count);
    f("sum", sum);
    f("min", min);
    f("max", max);
    f("scale", scale);
    f("zero_count", zero_count);
    f("zero_threshold", zero_threshold);
    f("positive_offset", positive_offset);
    f("positive_counts", positive_counts);
    f("negative_offset", negative_offset);
    f("negative_counts", negative_counts);
  }
};

struct SummaryColumns : PointColumns {
  static constexpr const char* kTable = "metric_summary_rows";
  UInt64Column count;
  Float64Column sum;
  ArrayColumn<Float64Column> quantiles, values;

  template <typename F>
  void visit(F f) {
    visit_point(f);
    f("count", count);
    f("sum", sum);
    f("quantiles", quantiles);
    f("values", values);
  }
};

}  // namespace signalbox::server::store
