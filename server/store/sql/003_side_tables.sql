-- What pages would otherwise count from all rows: filled with each block, from its rows, under its identity
-- (`received`), in one part as the rows themselves. Rows of equal keys become one when parts are merged: read
-- them with GROUP BY and the function that the type names. `received` is then the latest block's; blocks come
-- in order, so a table has a block if it has one as late.
--
-- What a block may bring is limited; what exceeds it stands under empty names, counted. Never are there more rows
-- than spans, attributes or errors.

-- Spans by operation and minute of their start. `durations`: how many spans have which duration, by bucket: of
-- d nanoseconds, 0 if d < 0, d if d < 16, else (e - 3) * 16 + (d >> (e - 4)) - 16 with e = floor(log2(d)).
-- So a bucket is a sixteenth of a power of two wide, and its middle is never off by more than 3.2 %.
CREATE TABLE IF NOT EXISTS span_minute_rows (
  received SimpleAggregateFunction(max, DateTime64(6, 'UTC')),
  minute DateTime64(0, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
  service_name LowCardinality(String),
  name LowCardinality(String),
  kind Int32,
  is_root Bool,                           -- has no parent
  status_code Int32,
  spans SimpleAggregateFunction(sum, UInt64),
  min_ns SimpleAggregateFunction(min, Int64),
  max_ns SimpleAggregateFunction(max, Int64),
  sum_ns SimpleAggregateFunction(sum, Float64),
  last_start SimpleAggregateFunction(max, DateTime64(9, 'UTC')),
  durations SimpleAggregateFunction(sumMap, Map(UInt16, UInt64)) CODEC(ZSTD(1))
) ENGINE = AggregatingMergeTree PARTITION BY toDate(received)
ORDER BY (minute, service_name, name, kind, is_root, status_code)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- Calls from service to service, by the minute in which the span of the called one starts: that is one of kind
-- server or consumer whose parent is a span of another service, of kind client or producer. The two may come
-- in any order and in different blocks.
CREATE TABLE IF NOT EXISTS span_edge_rows (
  received SimpleAggregateFunction(max, DateTime64(6, 'UTC')),
  minute DateTime64(0, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
  client LowCardinality(String),
  server LowCardinality(String),
  kind Int32,                             -- of the called one's span: 2 server, 5 consumer
  calls SimpleAggregateFunction(sum, UInt64),
  errors SimpleAggregateFunction(sum, UInt64), -- either span has the status error
  client_durations SimpleAggregateFunction(sumMap, Map(UInt16, UInt64)) CODEC(ZSTD(1)),
  server_durations SimpleAggregateFunction(sumMap, Map(UInt16, UInt64)) CODEC(ZSTD(1))
) ENGINE = AggregatingMergeTree PARTITION BY toDate(received)
ORDER BY (minute, client, server, kind)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- Attributes of spans and log records by key, type and value, by hour of receipt. With `is_rest`, records whose
-- value is not listed: because it is long, or one of too many, or of a key whose values do not repeat. So the
-- sum over a key is the number of records that have it.
CREATE TABLE IF NOT EXISTS span_value_rows (
  received SimpleAggregateFunction(max, DateTime64(6, 'UTC')),
  hour DateTime64(0, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
  key LowCardinality(String),
  type LowCardinality(String),            -- a character, as in attribute_types
  is_rest Bool,
  value String CODEC(ZSTD(1)),
  records SimpleAggregateFunction(sum, UInt64)
) ENGINE = AggregatingMergeTree PARTITION BY toDate(received)
ORDER BY (hour, key, type, is_rest, value)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS log_value_rows AS span_value_rows;

-- Errors by service, type and shape of their message (numbers, ids and quoted text left out), by hour: events
-- named "exception" of spans; spans with the status error that have none but a message or `error.type`; log
-- records with an exception's attributes or of severity error and above.
CREATE TABLE IF NOT EXISTS span_error_rows (
  received SimpleAggregateFunction(max, DateTime64(6, 'UTC')),
  hour DateTime64(0, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
  service_name LowCardinality(String),
  type LowCardinality(String),
  shape String CODEC(ZSTD(1)),
  errors SimpleAggregateFunction(sum, UInt64),
  first_seen SimpleAggregateFunction(min, DateTime64(9, 'UTC')),
  last_seen SimpleAggregateFunction(max, DateTime64(9, 'UTC')),
  message SimpleAggregateFunction(anyLast, String) CODEC(ZSTD(1)), -- of one of them, as are these two
  trace_id SimpleAggregateFunction(anyLast, FixedString(16)),
  span_id SimpleAggregateFunction(anyLast, FixedString(8))
) ENGINE = AggregatingMergeTree PARTITION BY toDate(received)
ORDER BY (hour, service_name, type, shape)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS log_error_rows AS span_error_rows;

-- Which series have points in which hour. Written before the first such point; writing it twice does no harm.
CREATE TABLE IF NOT EXISTS metric_series_hour_rows (
  received DateTime64(9, 'UTC'),
  hour DateTime64(0, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
  metric_name LowCardinality(String),
  series_id UInt64
) ENGINE = ReplacingMergeTree(received) PARTITION BY toDate(received) ORDER BY (hour, metric_name, series_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE VIEW IF NOT EXISTS operation_minutes AS SELECT
  minute, service_name, name, kind, is_root, status_code, sum(spans) AS spans, min(min_ns) AS min_ns,
  max(max_ns) AS max_ns, sum(sum_ns) AS sum_ns, sumMap(durations) AS durations
FROM span_minute_rows GROUP BY minute, service_name, name, kind, is_root, status_code;

CREATE VIEW IF NOT EXISTS service_edges AS SELECT
  minute, client, server, kind, sum(calls) AS calls, sum(errors) AS errors,
  sumMap(client_durations) AS client_durations, sumMap(server_durations) AS server_durations
FROM span_edge_rows GROUP BY minute, client, server, kind;

CREATE VIEW IF NOT EXISTS attribute_values AS
SELECT 'spans' AS signal, hour, key, type, is_rest, value, sum(records) AS records
FROM span_value_rows GROUP BY hour, key, type, is_rest, value
UNION ALL
SELECT 'logs' AS signal, hour, key, type, is_rest, value, sum(records) AS records
FROM log_value_rows GROUP BY hour, key, type, is_rest, value;

CREATE VIEW IF NOT EXISTS error_groups AS
SELECT 'spans' AS signal, hour, service_name, type, shape, sum(errors) AS errors, min(first_seen) AS first_seen,
  max(last_seen) AS last_seen, any(message) AS message, any(trace_id) AS trace_id, any(span_id) AS span_id
FROM span_error_rows GROUP BY hour, service_name, type, shape
UNION ALL
SELECT 'logs' AS signal, hour, service_name, type, shape, sum(errors) AS errors, min(first_seen) AS first_seen,
  max(last_seen) AS last_seen, any(message) AS message, any(trace_id) AS trace_id, any(span_id) AS span_id
FROM log_error_rows GROUP BY hour, service_name, type, shape;

CREATE VIEW IF NOT EXISTS metric_series_hours AS
SELECT DISTINCT hour, metric_name, series_id FROM metric_series_hour_rows;
