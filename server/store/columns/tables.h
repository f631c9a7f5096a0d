#pragma once

#include <cstdint>

#include "server/store/columns/native.h"

/// The columns of each table of sql/, in its order.
namespace signalbox::server::store {

using StringMapColumn = MapColumn<StringColumn>;
using DictionaryMapColumn = MapColumn<LowCardinalityColumn>;
using TraceIdColumn = FixedStringColumn<16>;
using SpanIdColumn = FixedStringColumn<8>;

struct ResourceColumns {
  static constexpr const char* kTable = "resources";
  UInt64Column resource_id;
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
  static constexpr const char* kTable = "scopes";
  UInt64Column scope_id;
  LowCardinalityColumn name, version;
  StringMapColumn attributes;
  LowCardinalityColumn attribute_types;
  UInt32Column dropped_attributes_count;
  LowCardinalityColumn schema_url;
  DateTimeColumn seen;

  template <typename F>
  void visit(F f) {
    f("scope_id", scope_id);
    f("name", name);
    f("version", version);
    f("attributes", attributes);
    f("attribute_types", attribute_types);
    f("dropped_attributes_count", dropped_attributes_count);
    f("schema_url", schema_url);
    f("seen", seen);
  }
};

struct SpanColumns {
  static constexpr const char* kTable = "spans";
  LowCardinalityColumn service_name, name;
  DateTimeColumn start_time;
  Int64Column duration_ns;
  TraceIdColumn trace_id;
  SpanIdColumn span_id, parent_span_id;
  StringColumn trace_state;
  UInt32Column flags;
  Int32Column kind, status_code;
  LowCardinalityColumn status_message;
  UInt64Column resource_id, scope_id;
  DictionaryMapColumn attributes;
  LowCardinalityColumn attribute_types;
  UInt32Column dropped_attributes_count;
  ArrayColumn<DateTimeColumn> event_times;
  ArrayColumn<LowCardinalityColumn> event_names;
  ArrayColumn<StringMapColumn> event_attributes;
  ArrayColumn<LowCardinalityColumn> event_attribute_types;
  ArrayColumn<UInt32Column> event_dropped_attributes_counts;
  UInt32Column dropped_events_count;
  ArrayColumn<TraceIdColumn> link_trace_ids;
  ArrayColumn<SpanIdColumn> link_span_ids;
  ArrayColumn<StringColumn> link_trace_states;
  ArrayColumn<UInt32Column> link_flags;
  ArrayColumn<StringMapColumn> link_attributes;
  ArrayColumn<LowCardinalityColumn> link_attribute_types;
  ArrayColumn<UInt32Column> link_dropped_attributes_counts;
  UInt32Column dropped_links_count;

  template <typename F>
  void visit(F f) {
    f("service_name", service_name);
    f("name", name);
    f("start_time", start_time);
    f("duration_ns", duration_ns);
    f("trace_id", trace_id);
    f("span_id", span_id);
    f("parent_span_id", parent_span_id);
    f("trace_state", trace_state);
    f("flags", flags);
    f("kind", kind);
    f("status_code", status_code);
    f("status_message", status_message);
    f("resource_id", resource_id);
    f("scope_id", scope_id);
    f("attributes", attributes);
    f("attribute_types", attribute_types);
    f("dropped_attributes_count", dropped_attributes_count);
    f("events.time", event_times);
    f("events.name", event_names);
    f("events.attributes", event_attributes);
    f("events.attribute_types", event_attribute_types);
    f("events.dropped_attributes_count", event_dropped_attributes_counts);
    f("dropped_events_count", dropped_events_count);
    f("links.trace_id", link_trace_ids);
    f("links.span_id", link_span_ids);
    f("links.trace_state", link_trace_states);
    f("links.flags", link_flags);
    f("links.attributes", link_attributes);
    f("links.attribute_types", link_attribute_types);
    f("links.dropped_attributes_count", link_dropped_attributes_counts);
    f("dropped_links_count", dropped_links_count);
  }
};

struct TraceTimeColumns {
  static constexpr const char* kTable = "trace_times";
  TraceIdColumn trace_id;
  DateTimeColumn min_start_time, max_end_time;
  UInt64Column span_count;

  template <typename F>
  void visit(F f) {
    f("trace_id", trace_id);
    f("min_start_time", min_start_time);
    f("max_end_time", max_end_time);
    f("span_count", span_count);
  }
};

struct LogColumns {
  static constexpr const char* kTable = "logs";
  LowCardinalityColumn service_name;
  DateTimeColumn time;
  UInt64Column time_unix_nano, observed_time_unix_nano;
  TraceIdColumn trace_id;
  SpanIdColumn span_id;
  UInt32Column flags;
  Int32Column severity_number;
  LowCardinalityColumn severity_text;
  StringColumn body;
  LowCardinalityColumn body_type, event_name;
  UInt64Column resource_id, scope_id;
  DictionaryMapColumn attributes;
  LowCardinalityColumn attribute_types;
  UInt32Column dropped_attributes_count;

  template <typename F>
  void visit(F f) {
    f("service_name", service_name);
    f("time", time);
    f("time_unix_nano", time_unix_nano);
    f("observed_time_unix_nano", observed_time_unix_nano);
    f("trace_id", trace_id);
    f("span_id", span_id);
    f("flags", flags);
    f("severity_number", severity_number);
    f("severity_text", severity_text);
    f("body", body);
    f("body_type", body_type);
    f("event_name", event_name);
    f("resource_id", resource_id);
    f("scope_id", scope_id);
    f("attributes", attributes);
    f("attribute_types", attribute_types);
    f("dropped_attributes_count", dropped_attributes_count);
  }
};

struct MetricSeriesColumns {
  static constexpr const char* kTable = "metric_series";
  UInt64Column series_id;
  LowCardinalityColumn metric_name, metric_type, unit, description;
  Int32Column temporality;
  BoolColumn is_monotonic;
  StringMapColumn metadata;
  LowCardinalityColumn metadata_types, service_name;
  UInt64Column resource_id, scope_id;
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

struct ExemplarColumns {
  ArrayColumn<DateTimeColumn> times;
  ArrayColumn<Float64Column> values;
  ArrayColumn<BoolColumn> are_ints;
  ArrayColumn<Int64Column> int_values;
  ArrayColumn<TraceIdColumn> trace_ids;
  ArrayColumn<SpanIdColumn> span_ids;
  ArrayColumn<StringMapColumn> attributes;
  ArrayColumn<LowCardinalityColumn> attribute_types;

  template <typename F>
  void visit(F& f) {
    f("exemplars.time", times);
    f("exemplars.value", values);
    f("exemplars.is_int", are_ints);
    f("exemplars.value_int", int_values);
    f("exemplars.trace_id", trace_ids);
    f("exemplars.span_id", span_ids);
    f("exemplars.attributes", attributes);
    f("exemplars.attribute_types", attribute_types);
  }
};

struct NumberColumns : PointColumns {
  static constexpr const char* kTable = "metric_numbers";
  Float64Column value;
  UInt8Column value_kind;
  Int64Column value_int;
  ExemplarColumns exemplars;

  template <typename F>
  void visit(F f) {
    visit_point(f);
    f("value", value);
    f("value_kind", value_kind);
    f("value_int", value_int);
    exemplars.visit(f);
  }
};

struct HistogramColumns : PointColumns {
  static constexpr const char* kTable = "metric_histograms";
  UInt64Column count;
  NullableFloat64Column sum, min, max;
  ArrayColumn<Float64Column> bounds;
  ArrayColumn<UInt64Column> counts;
  ExemplarColumns exemplars;

  template <typename F>
  void visit(F f) {
    visit_point(f);
    f("count", count);
    f("sum", sum);
    f("min", min);
    f("max", max);
    f("bounds", bounds);
    f("counts", counts);
    exemplars.visit(f);
  }
};

struct ExponentialHistogramColumns : PointColumns {
  static constexpr const char* kTable = "metric_exponential_histograms";
  UInt64Column count;
  NullableFloat64Column sum, min, max;
  Int32Column scale;
  UInt64Column zero_count;
  Float64Column zero_threshold;
  Int32Column positive_offset;
  ArrayColumn<UInt64Column> positive_counts;
  Int32Column negative_offset;
  ArrayColumn<UInt64Column> negative_counts;
  ExemplarColumns exemplars;

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
    exemplars.visit(f);
  }
};

struct SummaryColumns : PointColumns {
  static constexpr const char* kTable = "metric_summaries";
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
