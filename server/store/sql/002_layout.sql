-- The tables as they are now. Those of 001_tables.sql are emptied into them and replaced by views.
--
-- `received` is the identity of the block that brought the row: a moment shortly after its requests came,
-- the same for all rows of the block and for no other block (of rows of the first tables: their day).
-- Partitions are days of receipt, so a block is one part, whatever times clients send.
--
-- Each table is synced: an insert returns when its part and the entry of its folder are on disk.
--
-- Columns marked ALIAS take no space: they show what is stored in the form in which it was sent.
--
-- Attributes of spans and log records: the columns d01 … f28 are slots, `shape` says which key stands in
-- which slot: for each attribute, by key, \x1E, the key, \x1F, two digits of the slot and a character of the
-- type. What has no slot stands in `overflow`, each value behind the character of its type. `attributes`
-- shows all as one map, and `attribute_types` holds a character for each of its entries, in order: s string,
-- i int, d double, b bool, y bytes (base64), a array and k key-value list (both as OTLP/JSON text), e empty.
--
-- What most spans and log records lack stands in `rest`, a JSON object or nothing.
--
-- Resources and scopes are kept once, under a number that the server assigns; `hash` is that of their
-- contents. Times before 1970 do not exist in OTLP; times after 2262-04-11, which a DateTime64 cannot hold,
-- are stored as its last one.

CREATE TABLE IF NOT EXISTS resource_rows (
  resource_id UInt32,
  hash UInt64,
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

CREATE TABLE IF NOT EXISTS scope_rows (
  scope_id UInt32,
  hash UInt64,
  name LowCardinality(String),
  version LowCardinality(String),
  attributes Map(LowCardinality(String), String),
  attribute_types LowCardinality(String),
  dropped_attributes_count UInt32,
  schema_url LowCardinality(String),
  seen DateTime64(9, 'UTC')
) ENGINE = ReplacingMergeTree(seen) ORDER BY scope_id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- Each slot that a key has ever been given: where a query has to look for it, beside `overflow`.
CREATE TABLE IF NOT EXISTS attribute_slots (
  signal LowCardinality(String), -- spans, logs
  key String,
  slot UInt8,
  seen DateTime64(9, 'UTC')
) ENGINE = ReplacingMergeTree(seen) ORDER BY (signal, key, slot)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS span_rows (
  received DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
  service_name LowCardinality(String) CODEC(ZSTD(1)),
  name LowCardinality(String) CODEC(ZSTD(1)),
  start_time DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
  duration_ns Int64 CODEC(ZSTD(1)),
  trace_id FixedString(16) CODEC(ZSTD(1)),
  span_id FixedString(8) CODEC(NONE),
  parent_span_id FixedString(8) CODEC(LZ4),
  flags UInt32 CODEC(ZSTD(1)),
  kind Int32 CODEC(ZSTD(1)),
  status_code Int32 CODEC(ZSTD(1)),
  resource_id UInt32 CODEC(ZSTD(1)),
  scope_id UInt32 CODEC(ZSTD(1)),
  -- m status message, w trace state, d dropped attributes, events and links; e events: [time, name, keys,
  -- texts, types, dropped attributes]; l links: [trace id, span id, trace state, flags, keys, texts, types,
  -- dropped attributes]
  rest String CODEC(ZSTD(1)),
  shape LowCardinality(String) CODEC(ZSTD(1)),
  d01 LowCardinality(String) CODEC(ZSTD(1)),
  d02 LowCardinality(String) CODEC(ZSTD(1)),
  d03 LowCardinality(String) CODEC(ZSTD(1)),
  d04 LowCardinality(String) CODEC(ZSTD(1)),
  d05 LowCardinality(String) CODEC(ZSTD(1)),
  d06 LowCardinality(String) CODEC(ZSTD(1)),
  d07 LowCardinality(String) CODEC(ZSTD(1)),
  d08 LowCardinality(String) CODEC(ZSTD(1)),
  d09 LowCardinality(String) CODEC(ZSTD(1)),
  d10 LowCardinality(String) CODEC(ZSTD(1)),
  d11 LowCardinality(String) CODEC(ZSTD(1)),
  d12 LowCardinality(String) CODEC(ZSTD(1)),
  d13 LowCardinality(String) CODEC(ZSTD(1)),
  d14 LowCardinality(String) CODEC(ZSTD(1)),
  d15 LowCardinality(String) CODEC(ZSTD(1)),
  d16 LowCardinality(String) CODEC(ZSTD(1)),
  t17 String CODEC(ZSTD(1)),
  t18 String CODEC(ZSTD(1)),
  t19 String CODEC(ZSTD(1)),
  t20 String CODEC(ZSTD(1)),
  i21 Int64 CODEC(ZSTD(1)),
  i22 Int64 CODEC(ZSTD(1)),
  i23 Int64 CODEC(ZSTD(1)),
  i24 Int64 CODEC(ZSTD(1)),
  i25 Int64 CODEC(ZSTD(1)),
  i26 Int64 CODEC(ZSTD(1)),
  f27 Float64 CODEC(ZSTD(1)),
  f28 Float64 CODEC(ZSTD(1)),
  overflow Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  -- (key, text, type, place) of each attribute; of equal keys the slotted one came first.
  attribute_entries Array(Tuple(String, String, String, UInt32)) ALIAS arraySort(e -> (e.1, e.4), arrayConcat(
    arrayMap((e, place) -> (substring(e, 1, length(e) - 4), [
      toString(d01), toString(d02), toString(d03), toString(d04), toString(d05), toString(d06),
      toString(d07), toString(d08), toString(d09), toString(d10), toString(d11), toString(d12),
      toString(d13), toString(d14), toString(d15), toString(d16), toString(t17), toString(t18),
      toString(t19), toString(t20), toString(i21), toString(i22), toString(i23), toString(i24),
      toString(i25), toString(i26), toString(f27), toString(f28)][toUInt8OrZero(substring(e, -3, 2))], substring(e, -1), toUInt32(place)),
      arraySlice(splitByChar('\x1E', toString(shape)), 2), arrayEnumerate(arraySlice(splitByChar('\x1E', toString(shape)), 2))),
    arrayMap((key, value, place) -> (toString(key), substring(value, 2), substring(value, 1, 1), toUInt32(1000 + place)),
      mapKeys(overflow), mapValues(overflow), arrayEnumerate(mapKeys(overflow))))),
  attributes Map(String, String) ALIAS CAST((arrayMap(e -> e.1, attribute_entries), arrayMap(e -> e.2, attribute_entries)), 'Map(String, String)'),
  attribute_types String ALIAS arrayStringConcat(arrayMap(e -> e.3, attribute_entries)),
  status_message String ALIAS JSONExtractString(rest, 'm'),
  trace_state String ALIAS JSONExtractString(rest, 'w'),
  dropped_attributes_count UInt32 ALIAS JSONExtract(rest, 'd', 1, 'UInt32'),
  dropped_events_count UInt32 ALIAS JSONExtract(rest, 'd', 2, 'UInt32'),
  dropped_links_count UInt32 ALIAS JSONExtract(rest, 'd', 3, 'UInt32'),
  event_entries Array(Tuple(Int64, String, Array(String), Array(String), String, UInt32)) ALIAS
    JSONExtract(rest, 'e', 'Array(Tuple(Int64, String, Array(String), Array(String), String, UInt32))'),
  `events.time` Array(DateTime64(9, 'UTC')) ALIAS arrayMap(e -> fromUnixTimestamp64Nano(e.1, 'UTC'), event_entries),
  `events.name` Array(String) ALIAS arrayMap(e -> e.2, event_entries),
  `events.attributes` Array(Map(String, String)) ALIAS arrayMap(e -> CAST((e.3, e.4), 'Map(String, String)'), event_entries),
  `events.attribute_types` Array(String) ALIAS arrayMap(e -> e.5, event_entries),
  `events.dropped_attributes_count` Array(UInt32) ALIAS arrayMap(e -> e.6, event_entries),
  link_entries Array(Tuple(String, String, String, UInt32, Array(String), Array(String), String, UInt32)) ALIAS
    JSONExtract(rest, 'l', 'Array(Tuple(String, String, String, UInt32, Array(String), Array(String), String, UInt32))'),
  `links.trace_id` Array(FixedString(16)) ALIAS arrayMap(l -> toFixedString(unhex(l.1), 16), link_entries),
  `links.span_id` Array(FixedString(8)) ALIAS arrayMap(l -> toFixedString(unhex(l.2), 8), link_entries),
  `links.trace_state` Array(String) ALIAS arrayMap(l -> l.3, link_entries),
  `links.flags` Array(UInt32) ALIAS arrayMap(l -> l.4, link_entries),
  `links.attributes` Array(Map(String, String)) ALIAS arrayMap(l -> CAST((l.5, l.6), 'Map(String, String)'), link_entries),
  `links.attribute_types` Array(String) ALIAS arrayMap(l -> l.7, link_entries),
  `links.dropped_attributes_count` Array(UInt32) ALIAS arrayMap(l -> l.8, link_entries),
  INDEX of_trace trace_id TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX of_time start_time TYPE minmax GRANULARITY 1
) ENGINE = MergeTree PARTITION BY toDate(received)
ORDER BY (service_name, name, toStartOfMinute(start_time))
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1,
  min_rows_for_wide_part = 262144, merge_selector_base = 8;

-- (received, row) is the identity of a log record.
CREATE TABLE IF NOT EXISTS log_rows (
  received DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
  row UInt32 CODEC(Delta, ZSTD(1)),
  service_name LowCardinality(String) CODEC(ZSTD(1)),
  time DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),  -- time_unix_nano, or the observed time where it is 0
  -- Observed time - time_unix_nano; its least value: no observed time, the next: time_unix_nano is 0.
  observed_delta_ns Int64 CODEC(ZSTD(1)),
  trace_id FixedString(16) CODEC(ZSTD(1)),
  span_id FixedString(8) CODEC(LZ4),
  flags UInt32 CODEC(ZSTD(1)),
  severity_number Int32 CODEC(ZSTD(1)),
  severity_text LowCardinality(String) CODEC(ZSTD(1)),
  body String CODEC(ZSTD(1)),
  event_name LowCardinality(String) CODEC(ZSTD(1)),
  resource_id UInt32 CODEC(ZSTD(1)),
  scope_id UInt32 CODEC(ZSTD(1)),
  -- b type of the body unless string, d dropped attributes; t time_unix_nano and o observed time where
  -- the two columns above do not tell them
  rest String CODEC(ZSTD(1)),
  shape LowCardinality(String) CODEC(ZSTD(1)),
  d01 LowCardinality(String) CODEC(ZSTD(1)),
  d02 LowCardinality(String) CODEC(ZSTD(1)),
  d03 LowCardinality(String) CODEC(ZSTD(1)),
  d04 LowCardinality(String) CODEC(ZSTD(1)),
  d05 LowCardinality(String) CODEC(ZSTD(1)),
  d06 LowCardinality(String) CODEC(ZSTD(1)),
  d07 LowCardinality(String) CODEC(ZSTD(1)),
  d08 LowCardinality(String) CODEC(ZSTD(1)),
  d09 LowCardinality(String) CODEC(ZSTD(1)),
  d10 LowCardinality(String) CODEC(ZSTD(1)),
  d11 LowCardinality(String) CODEC(ZSTD(1)),
  d12 LowCardinality(String) CODEC(ZSTD(1)),
  d13 LowCardinality(String) CODEC(ZSTD(1)),
  d14 LowCardinality(String) CODEC(ZSTD(1)),
  d15 LowCardinality(String) CODEC(ZSTD(1)),
  d16 LowCardinality(String) CODEC(ZSTD(1)),
  t17 String CODEC(ZSTD(1)),
  t18 String CODEC(ZSTD(1)),
  t19 String CODEC(ZSTD(1)),
  t20 String CODEC(ZSTD(1)),
  i21 Int64 CODEC(ZSTD(1)),
  i22 Int64 CODEC(ZSTD(1)),
  i23 Int64 CODEC(ZSTD(1)),
  i24 Int64 CODEC(ZSTD(1)),
  i25 Int64 CODEC(ZSTD(1)),
  i26 Int64 CODEC(ZSTD(1)),
  f27 Float64 CODEC(ZSTD(1)),
  f28 Float64 CODEC(ZSTD(1)),
  overflow Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  -- (key, text, type, place) of each attribute; of equal keys the slotted one came first.
  attribute_entries Array(Tuple(String, String, String, UInt32)) ALIAS arraySort(e -> (e.1, e.4), arrayConcat(
    arrayMap((e, place) -> (substring(e, 1, length(e) - 4), [
      toString(d01), toString(d02), toString(d03), toString(d04), toString(d05), toString(d06),
      toString(d07), toString(d08), toString(d09), toString(d10), toString(d11), toString(d12),
      toString(d13), toString(d14), toString(d15), toString(d16), toString(t17), toString(t18),
      toString(t19), toString(t20), toString(i21), toString(i22), toString(i23), toString(i24),
      toString(i25), toString(i26), toString(f27), toString(f28)][toUInt8OrZero(substring(e, -3, 2))], substring(e, -1), toUInt32(place)),
      arraySlice(splitByChar('\x1E', toString(shape)), 2), arrayEnumerate(arraySlice(splitByChar('\x1E', toString(shape)), 2))),
    arrayMap((key, value, place) -> (toString(key), substring(value, 2), substring(value, 1, 1), toUInt32(1000 + place)),
      mapKeys(overflow), mapValues(overflow), arrayEnumerate(mapKeys(overflow))))),
  attributes Map(String, String) ALIAS CAST((arrayMap(e -> e.1, attribute_entries), arrayMap(e -> e.2, attribute_entries)), 'Map(String, String)'),
  attribute_types String ALIAS arrayStringConcat(arrayMap(e -> e.3, attribute_entries)),
  body_type String ALIAS if(JSONHas(rest, 'b'), JSONExtractString(rest, 'b'), 's'),
  dropped_attributes_count UInt32 ALIAS JSONExtract(rest, 'd', 'UInt32'),
  time_unix_nano UInt64 ALIAS multiIf(JSONHas(rest, 't'), JSONExtractUInt(rest, 't'),
    observed_delta_ns = toInt64('-9223372036854775807'), toUInt64(0), toUInt64(toUnixTimestamp64Nano(time))),
  observed_time_unix_nano UInt64 ALIAS multiIf(JSONHas(rest, 'o'), JSONExtractUInt(rest, 'o'),
    observed_delta_ns = toInt64('-9223372036854775808'), toUInt64(0),
    observed_delta_ns = toInt64('-9223372036854775807'), toUInt64(toUnixTimestamp64Nano(time)),
    toUInt64(toUnixTimestamp64Nano(time) + observed_delta_ns)),
  INDEX of_trace trace_id TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX of_time time TYPE minmax GRANULARITY 1
) ENGINE = MergeTree PARTITION BY toDate(received)
ORDER BY (service_name, toStartOfMinute(time), severity_number)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1,
  min_rows_for_wide_part = 262144, merge_selector_base = 8;

-- A series: metric name, type, unit, temporality, monotonicity, resource, scope and attributes, by hash.
CREATE TABLE IF NOT EXISTS metric_series_rows (
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
  resource_id UInt32,
  scope_id UInt32,
  attributes Map(LowCardinality(String), String),
  attribute_types LowCardinality(String),
  seen DateTime64(9, 'UTC')
) ENGINE = ReplacingMergeTree(seen) ORDER BY (metric_name, series_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- Points of gauges and sums.
CREATE TABLE IF NOT EXISTS metric_number_rows (
  received DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
  metric_name LowCardinality(String),
  series_id UInt64,
  time DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
  start_time DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
  value Float64 CODEC(Gorilla, ZSTD(1)),
  value_kind UInt8,                       -- 0 none (flags say no recorded value), 1 int, 2 double
  int_error Int64 CODEC(ZSTD(1)),         -- of value_kind 1: what was sent - what the double holds
  value_int Int64 ALIAS if(value_kind = 1,
    if(value >= 9223372036854775808., 9223372036854775807, toInt64(value)) + int_error, 0),
  flags UInt32,
  INDEX of_time time TYPE minmax GRANULARITY 1
) ENGINE = MergeTree PARTITION BY toDate(received) ORDER BY (metric_name, series_id, time)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS metric_histogram_rows (
  received DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
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
  INDEX of_time time TYPE minmax GRANULARITY 1
) ENGINE = MergeTree PARTITION BY toDate(received) ORDER BY (metric_name, series_id, time)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS metric_exponential_histogram_rows (
  received DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
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
  INDEX of_time time TYPE minmax GRANULARITY 1
) ENGINE = MergeTree PARTITION BY toDate(received) ORDER BY (metric_name, series_id, time)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS metric_summary_rows (
  received DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
  metric_name LowCardinality(String),
  series_id UInt64,
  time DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
  start_time DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
  count UInt64,
  sum Float64,
  quantiles Array(Float64),
  values Array(Float64),
  flags UInt32,
  INDEX of_time time TYPE minmax GRANULARITY 1
) ENGINE = MergeTree PARTITION BY toDate(received) ORDER BY (metric_name, series_id, time)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS metric_exemplar_rows (
  received DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
  metric_name LowCardinality(String),
  series_id UInt64,
  time DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
  point_time DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
  value Float64 CODEC(Gorilla, ZSTD(1)),
  value_kind UInt8,                       -- 0 none (flags say no recorded value), 1 int, 2 double
  int_error Int64 CODEC(ZSTD(1)),         -- of value_kind 1: what was sent - what the double holds
  value_int Int64 ALIAS if(value_kind = 1,
    if(value >= 9223372036854775808., 9223372036854775807, toInt64(value)) + int_error, 0),
  trace_id FixedString(16),
  span_id FixedString(8),
  attributes Map(LowCardinality(String), String),
  attribute_types LowCardinality(String),
  INDEX of_time time TYPE minmax GRANULARITY 1
) ENGINE = MergeTree PARTITION BY toDate(received) ORDER BY (metric_name, series_id, time)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- Older folders: what describes the rows of the first tables comes along at once, under numbers; it is little.
INSERT INTO resource_rows (resource_id, hash, service_name, service_namespace, service_instance_id,
  service_version, attributes, attribute_types, dropped_attributes_count, schema_url, seen)
SELECT toUInt32(row_number() OVER (ORDER BY resource_id) + (SELECT max(resource_id) FROM resource_rows)),
  resource_id, service_name, service_namespace, service_instance_id, service_version, attributes, attribute_types,
  dropped_attributes_count, schema_url, seen
FROM resources FINAL WHERE resource_id NOT IN (SELECT hash FROM resource_rows);

-- Older folders: the same of scopes.
INSERT INTO scope_rows (scope_id, hash, name, version, attributes, attribute_types,
  dropped_attributes_count, schema_url, seen)
SELECT toUInt32(row_number() OVER (ORDER BY scope_id) + (SELECT max(scope_id) FROM scope_rows)),
  scope_id, name, version, attributes, attribute_types, dropped_attributes_count, schema_url, seen
FROM scopes FINAL WHERE scope_id NOT IN (SELECT hash FROM scope_rows);

-- Older folders: the same of series.
INSERT INTO metric_series_rows (series_id, metric_name, metric_type, unit, description, temporality, is_monotonic,
  metadata, metadata_types, service_name, resource_id, scope_id, attributes, attribute_types, seen)
SELECT series_id, metric_name, metric_type, unit, description, temporality, is_monotonic, metadata,
  metadata_types, service_name,
  transform(resource_id, (SELECT groupArray(hash) FROM (SELECT hash FROM resource_rows GROUP BY hash ORDER BY hash)),
    (SELECT groupArray(id) FROM (SELECT min(resource_id) AS id FROM resource_rows GROUP BY hash ORDER BY hash)), toUInt32(0)),
  transform(scope_id, (SELECT groupArray(hash) FROM (SELECT hash FROM scope_rows GROUP BY hash ORDER BY hash)),
    (SELECT groupArray(id) FROM (SELECT min(scope_id) AS id FROM scope_rows GROUP BY hash ORDER BY hash)), toUInt32(0)),
  attributes, attribute_types, seen
FROM metric_series FINAL WHERE series_id NOT IN (SELECT series_id FROM metric_series_rows);
