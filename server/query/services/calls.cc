#include "server/query/services/calls.h"

#include <algorithm>
#include <limits>

#include "server/query/plan/fields.h"
#include "server/query/plan/operation_minutes.h"
#include "server/query/plan/rows.h"
#include "server/query/services/call_filter.h"
#include "server/query/services/call_stats.h"
#include "server/query/services/graph.h"
#include "server/query/services/outgoing_calls.h"
#include "server/query/services/requests.h"

namespace signalbox::server::query {
namespace {

constexpr const char* kKeys = "type, system, target, address, operation, collection, summary";

std::string of_service(std::string_view service, Parameters& parameters) {
  return "service_name = " + parameters.bind(service) + " AND ";
}

/// Nanoseconds that all requests to the service took; NaN if there were none.
double time_of_requests(Session& session, std::string_view service, const TimeRange& range) {
  Parameters parameters;
  const std::string condition = of_service(service, parameters);
  const std::string data =
      session.rows("SELECT " + class_sql(kIsRootMinuteSql) + " AS class, sum(sum_ns)\nFROM " +
                       operation_minutes("kind, is_root", condition, range, parameters) +
                       "\nWHERE class > 0 GROUP BY class ORDER BY class DESC LIMIT 1",
                   parameters);
  RowReader row(data);
  if (row.at_end()) return std::numeric_limits<double>::quiet_NaN();
  row.u8();
  return row.f64();
}

Call read_call(RowReader& row) {
  Call call;
  for (std::string_view Call::* const member :
       {&Call::type, &Call::system, &Call::target, &Call::address, &Call::operation,
        &Call::collection, &Call::summary}) {
    call.*member = row.string();
  }
  return call;
}

void write_call(std::string_view service, const Call& call, const CallStats& stats, double total_ns,
                double requests_ns, const TimeRange& range, JsonWriter& json) {
  json.begin_object();
  json.key("type").string(call.type);
  json.key("system").string(call.system);
  json.key("target").string(call.target);
  json.key("address").string(call.address);
  json.key("operation").string(call.operation);
  json.key("collection").string(call.collection);
  json.key("summary").string(call.summary);
  write_call_counts(stats.calls, stats.errors, range, json);
  write_durations(stats.durations, json.key("durations"));
  json.key("total_ns").number(total_ns);
  json.key("share_of_requests").number(total_ns / requests_ns);
  json.key("filter").string(call_filter(service, call));
  json.end_object();
}

void write_calls(Session& session, std::string_view service, const TimeRange& range,
                 std::uint32_t limit, JsonWriter& json) {
  const double requests_ns = time_of_requests(session, service, range);
  Parameters parameters;
  const std::string condition = of_service(service, parameters) + "kind IN (3, 4) AND ";
  const std::string data = session.rows(
      std::string("SELECT ") + kKeys + ", " + std::string(kCallStatsSql) +
          ", sum(sum_ns) AS total_ns\nFROM " +
          outgoing_calls(kKeys, condition, range, session.slots(), parameters) + "\nGROUP BY " +
          kKeys + " ORDER BY total_ns DESC, " + kKeys + " LIMIT " + std::to_string(limit + 1),
      parameters);
  std::uint32_t count = 0;
  json.key("calls").begin_array();
  for (RowReader row(data); !row.at_end() && count < limit + 1; ++count) {
    const Call call = read_call(row);
    const CallStats stats = read_call_stats(row);
    const double total_ns = row.f64();
    if (count < limit) write_call(service, call, stats, total_ns, requests_ns, range, json);
  }
  json.end_array();
  json.key("is_complete").boolean(count <= limit);
}

}  // namespace

std::string list_calls(Session& session, std::string_view service, const TimeRange& range,
                       std::uint32_t limit) {
  JsonWriter json;
  json.begin_object();
  write_calls(session, service, range, limit, json);
  write_neighbours(session, service, range, json);
  session.write_stats(json);
  json.end_object();
  return json.take();
}

}  // namespace signalbox::server::query
