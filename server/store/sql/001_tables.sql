-- Older folders have these tables; new ones begin with 002_layout.sql. Statements end with a semicolon at the
-- end of a line.
--
-- Each table is synced: an insert returns when its part and the entry of its folder are on disk.
--
-- Attributes are one map; `attribute_types` holds a character for each of its entries, in order, that
-- tells the type it was sent with: s string, i int, d double, b bool, y bytes (base64), a array and
-- k key-value list (both as OTLP/JSON text), e empty. Keys are sorted bytewise. Resources and scopes are
-- kept once, by hash. Times before 1970 do not exist in OTLP; times after 2262-04-11, which a DateTime64
-- cannot hold, are stored as its last one.

CREATE TABLE IF NOT EXISTS resources (
  resource_id UInt64,
  service_name LowCardinality(String),
  service_namespace LowCardinality(String),
  service_instance_id String,
  service_version LowCardinality(String),
  attributes Map(LowCardinality(String), String),
  attribute_types LowCardinality(String),
  dropped_attributes_count UInt32,
  schema_url LowCardinality(String),
  seen DateTime64(9, 'UTC')
) ENGINE = ReplacingMergeTree(seen) ORDER BY resource_id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS scopes (
  scope_id UInt64,
  name LowCardinality(String),
  version LowCardinality(String),
  attributes Map(LowCardinality(String), String),
  attribute_types LowCardinality(String),
  dropped_attributes_count UInt32,
  schema_url LowCardinality(String),
  seen DateTime64(9, 'UTC')
) ENGINE = ReplacingMergeTree(seen) ORDER BY scope_id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS spans (
  service_name LowCardinality(String),
  name LowCardinality(String),
  start_time DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
  duration_ns Int64 CODEC(ZSTD(1)),
  trace_id FixedString(16) CODEC(ZSTD(1)),
  span_id FixedString(8) CODEC(NONE),
  parent_span_id FixedString(8) CODEC(LZ4),
  trace_state String,
  flags UInt32,
  kind Int32,
  status_code Int32,
  status_message LowCardinality(String),
  resource_id UInt64,
  scope_id UInt64,
  attributes Map(LowCardinality(String), LowCardinality(String)),
  attribute_types LowCardinality(String),
  dropped_attributes_count UInt32,
  `events.time` Array(DateTime64(9, 'UTC')),
  `events.name` Array(LowCardinality(String)),
  `events.attributes` Array(Map(LowCardinality(String), String)),
  `events.attribute_types` Array(LowCardinality(String)),
  `events.dropped_attributes_count` Array(UInt32),
  dropped_events_count UInt32,
  `links.trace_id` Array(FixedString(16)),
  `links.span_id` Array(FixedString(8)),
  `links.trace_state` Array(String),
  `links.flags` Array(UInt32),
  `links.attributes` Array(Map(LowCardinality(String), String)),
  `links.attribute_types` Array(LowCardinality(String)),
  `links.dropped_attributes_count` Array(UInt32),
  dropped_links_count UInt32
) ENGINE = MergeTree
PARTITION BY toDate(start_time)
ORDER BY (service_name, name, toStartOfSecond(start_time))
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- Where in time the spans of a trace lie, so that a trace is found without reading every part.
CREATE TABLE IF NOT EXISTS trace_times (
  trace_id FixedString(16),
  min_start_time SimpleAggregateFunction(min, DateTime64(9, 'UTC')),
  max_end_time SimpleAggregateFunction(max, DateTime64(9, 'UTC')),
  span_count SimpleAggregateFunction(sum, UInt64)
) ENGINE = AggregatingMergeTree ORDER BY trace_id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS logs (
  service_name LowCardinality(String),
  time DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),  -- time_unix_nano, or the observed time where it is 0
  time_unix_nano UInt64 CODEC(Delta, ZSTD(1)),
  observed_time_unix_nano UInt64 CODEC(Delta, ZSTD(1)),
  trace_id FixedString(16) CODEC(ZSTD(1)),
  span_id FixedString(8) CODEC(LZ4),
  flags UInt32,
  severity_number Int32,
  severity_text LowCardinality(String),
  body String CODEC(ZSTD(1)),
  body_type LowCardinality(String),
  event_name LowCardinality(String),
  resource_id UInt64,
  scope_id UInt64,
  attributes Map(LowCardinality(String), LowCardinality(String)),
  attribute_types LowCardinality(String),
  dropped_attributes_count UInt32
) ENGINE = MergeTree
PARTITION BY toDate(time)
ORDER BY (service_name, toStartOfMinute(time), severity_number, time)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- A series: metric name, type, unit, temporality, monotonicity, resource, scope and attributes, by hash.
CREATE TABLE IF NOT EXISTS metric_series (
  series_id UInt64,
  metric_name LowCardinality(String),
  metric_type LowCardinality(String), -- gauge, sum, histogram, exponential_histogram, summary
  unit LowCardinality(String),
  description LowCardinality(String),
  temporality Int32,
  is_monotonic Bool,
  metadata Map(LowCardinality(String), String),
  metadata_types LowCardinality(String),
  service_name LowCardinality(String),
  resource_id UInt64,
  scope_id UInt64,
  attributes Map(LowCardinality(String), String),
  attribute_types LowCardinality(String),
  seen DateTime64(9, 'UTC')
) ENGINE = ReplacingMergeTree(seen) ORDER BY (metric_name, series_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- Points of gauges and sums.
CREATE TABLE IF NOT EXISTS metric_numbers (
  metric_name LowCardinality(String),
  series_id UInt64,
  time DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
  start_time DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
  value Float64 CODEC(Gorilla, ZSTD(1)),
  value_kind UInt8,                       -- 0 none (flags say no recorded value), 1 int, 2 double
  value_int Int64 CODEC(T64, ZSTD(1)),    -- the exact value where value_kind is 1
  flags UInt32,
  `exemplars.time` Array(DateTime64(9, 'UTC')),
  `exemplars.value` Array(Float64),
  `exemplars.is_int` Array(Bool),
  `exemplars.value_int` Array(Int64),     -- the exact value where is_int
  `exemplars.trace_id` Array(FixedString(16)),
  `exemplars.span_id` Array(FixedString(8)),
  `exemplars.attributes` Array(Map(LowCardinality(String), String)),
  `exemplars.attribute_types` Array(LowCardinality(String))
) ENGINE = MergeTree PARTITION BY toDate(time) ORDER BY (metric_name, series_id, time)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS metric_histograms (
  metric_name LowCardinality(String),
  series_id UInt64,
  time DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
  start_time DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
  count UInt64,
  sum Nullable(Float64),
  min Nullable(Float64),
  max Nullable(Float64),
  bounds Array(Float64),
  counts Array(UInt64),
  flags UInt32,
  `exemplars.time` Array(DateTime64(9, 'UTC')),
  `exemplars.value` Array(Float64),
  `exemplars.is_int` Array(Bool),
  `exemplars.value_int` Array(Int64),     -- the exact value where is_int
  `exemplars.trace_id` Array(FixedString(16)),
  `exemplars.span_id` Array(FixedString(8)),
  `exemplars.attributes` Array(Map(LowCardinality(String), String)),
  `exemplars.attribute_types` Array(LowCardinality(String))
) ENGINE = MergeTree PARTITION BY toDate(time) ORDER BY (metric_name, series_id, time)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS metric_exponential_histograms (
  metric_name LowCardinality(String),
  series_id UInt64,
  time DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
  start_time DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
  count UInt64,
  sum Nullable(Float64),
  min Nullable(Float64),
  max Nullable(Float64),
  scale Int32,
  zero_count UInt64,
  zero_threshold Float64,
  positive_offset Int32,
  positive_counts Array(UInt64),
  negative_offset Int32,
  negative_counts Array(UInt64),
  flags UInt32,
  `exemplars.time` Array(DateTime64(9, 'UTC')),
  `exemplars.value` Array(Float64),
  `exemplars.is_int` Array(Bool),
  `exemplars.value_int` Array(Int64),     -- the exact value where is_int
  `exemplars.trace_id` Array(FixedString(16)),
  `exemplars.span_id` Array(FixedString(8)),
  `exemplars.attributes` Array(Map(LowCardinality(String), String)),
  `exemplars.attribute_types` Array(LowCardinality(String))
) ENGINE = MergeTree PARTITION BY toDate(time) ORDER BY (metric_name, series_id, time)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS metric_summaries (
  metric_name LowCardinality(String),
  series_id UInt64,
  time DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
  start_time DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
  count UInt64,
  sum Float64,
  quantiles Array(Float64),
  values Array(Float64),
  flags UInt32
) ENGINE = MergeTree PARTITION BY toDate(time) ORDER BY (metric_name, series_id, time)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
