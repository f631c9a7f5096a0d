-- When: SELECT sum(ifNull(total_rows, 0)) = 0 FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree' AND name IN ('spans', 'logs', 'metric_numbers', 'metric_histograms', 'metric_exponential_histograms', 'metric_summaries', 'metric_series', 'resources', 'scopes', 'trace_times')
--
-- The first tables are empty: views take their names. They are what to read from in SQL: attributes are one
-- map, resources and scopes are joined by resource_id and scope_id.

DROP TABLE IF EXISTS spans;
DROP TABLE IF EXISTS logs;
DROP TABLE IF EXISTS metric_numbers;
DROP TABLE IF EXISTS metric_histograms;
DROP TABLE IF EXISTS metric_exponential_histograms;
DROP TABLE IF EXISTS metric_summaries;
DROP TABLE IF EXISTS metric_series;
DROP TABLE IF EXISTS resources;
DROP TABLE IF EXISTS scopes;
DROP TABLE IF EXISTS trace_times;

CREATE VIEW IF NOT EXISTS spans AS SELECT
  received, service_name, name, start_time, duration_ns, trace_id, span_id, parent_span_id, trace_state, flags,
  kind, status_code, status_message, resource_id, scope_id, attributes, attribute_types,
  dropped_attributes_count,
  `events.time`, `events.name`, `events.attributes`,
  `events.attribute_types`, `events.dropped_attributes_count`,
  dropped_events_count,
  `links.trace_id`, `links.span_id`, `links.trace_state`, `links.flags`,
  `links.attributes`, `links.attribute_types`, `links.dropped_attributes_count`,
  dropped_links_count
FROM span_rows;

CREATE VIEW IF NOT EXISTS logs AS SELECT
  received, row, service_name, time, time_unix_nano, observed_time_unix_nano, trace_id, span_id, flags,
  severity_number, severity_text, body, body_type, event_name, resource_id, scope_id, attributes,
  attribute_types, dropped_attributes_count
FROM log_rows;

CREATE VIEW IF NOT EXISTS resources AS SELECT * FROM resource_rows FINAL;
CREATE VIEW IF NOT EXISTS scopes AS SELECT * FROM scope_rows FINAL;
CREATE VIEW IF NOT EXISTS metric_series AS SELECT * FROM metric_series_rows FINAL;
CREATE VIEW IF NOT EXISTS metric_histograms AS SELECT * FROM metric_histogram_rows;
CREATE VIEW IF NOT EXISTS metric_exponential_histograms AS SELECT * FROM metric_exponential_histogram_rows;
CREATE VIEW IF NOT EXISTS metric_summaries AS SELECT * FROM metric_summary_rows;

CREATE VIEW IF NOT EXISTS metric_numbers AS SELECT
  received, metric_name, series_id, time, start_time, value, value_kind, value_int, flags
FROM metric_number_rows;

CREATE VIEW IF NOT EXISTS metric_exemplars AS SELECT
  received, metric_name, series_id, point_time, time, value, value_kind, value_int, trace_id, span_id,
  attributes, attribute_types
FROM metric_exemplar_rows;
