#include "server/query/services/status.h"

#include "server/query/plan/rows.h"

namespace signalbox::server::query {

std::string get_status(Session& session, const ServerState& state) {
  const std::string data = session.rows(
      "SELECT name, toUInt64(ifNull(total_rows, 0)), toUInt64(ifNull(total_bytes, 0))\n"
      "FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'\n"
      "ORDER BY name");
  JsonWriter json;
  json.begin_object();
  json.key("status").string("ok");
  json.key("version").string(state.version);
  json.key("uptime_s").number(state.uptime_s);
  json.key("otlp_grpc_port").number(state.otlp_grpc_port);
  json.key("otlp_http_port").number(state.otlp_http_port);
  json.key("tables").begin_array();
  for (RowReader row(data); !row.at_end();) {
    json.begin_object();
    json.key("name").string(row.string());
    json.key("rows").digits(row.u64());
    json.key("bytes").digits(row.u64());
    json.end_object();
  }
  json.end_array();
  session.write_stats(json);
  json.end_object();
  return json.take();
}

}  // namespace signalbox::server::query
