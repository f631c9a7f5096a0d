#include "server/query/services/call_stats.h"

#include "server/query/services/red.h"

namespace signalbox::server::query {

CallStats read_call_stats(RowReader& row) {
  CallStats stats;
  stats.calls = row.u64();
  stats.errors = row.u64();
  stats.durations = Durations::read(row);
  const std::int64_t min_ns = row.i64();
  const std::int64_t max_ns = row.i64();
  stats.durations.set_range(min_ns, max_ns);
  return stats;
}

void write_call_counts(std::uint64_t calls, std::uint64_t errors, const TimeRange& range,
                       JsonWriter& json) {
  json.key("call_count").number(calls);
  json.key("error_count").number(errors);
  json.key("error_rate").number(ratio(errors, calls));
  json.key("calls_per_second").number(per_second(calls, range));
}

void write_durations(const Durations& durations, JsonWriter& json) {
  json.begin_object();
  json.key("p50_ns").number(durations.quantile(0.5));
  json.key("p95_ns").number(durations.quantile(0.95));
  json.key("p99_ns").number(durations.quantile(0.99));
  json.key("mean_ns").number(durations.mean());
  json.end_object();
}

}  // namespace signalbox::server::query
