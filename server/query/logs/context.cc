#include "server/query/logs/context.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "server/query/json/json.h"
#include "server/query/plan/error.h"
#include "server/query/plan/filter_sql.h"
#include "server/query/plan/ids.h"
#include "server/query/plan/time_range.h"
#include "server/query/plan/unknown_fields.h"

namespace signalbox::server::query {
namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;
/// How far from the record others are looked for, until there are enough.
constexpr std::array<std::int64_t, 4> kDistancesNs = {60 * kSecondNs, 3'600 * kSecondNs,
                                                      86'400 * kSecondNs, 15 * 86'400 * kSecondNs};

/// What says which records belong to a record's context.
struct Anchor {
  LogPosition position;
  std::string service_name;
  std::string trace_id;
  std::uint32_t resource_id = 0;

  [[nodiscard]] bool has_trace() const { return trace_id != std::string(16, '\0'); }
};

std::string is_record(const LogId& id, std::optional<std::int64_t> time_ns,
                      Parameters& parameters) {
  std::string sql = "received = fromUnixTimestamp64Micro(" + parameters.bind_int(id.received_us) +
                    ", 'UTC') AND row = " + parameters.bind_int(id.row);
  if (time_ns) sql += " AND time = fromUnixTimestamp64Nano(" + parameters.bind_int(*time_ns) + ")";
  return sql;
}

QueryError no_such_record(const LogId& id) {
  return {ErrorCode::kNotFound, "There is no log record " + id.to_string() +
                                    "; it may have been deleted because of its age."};
}

Anchor find_anchor(Session& session, const LogContextRequest& request) {
  Parameters parameters;
  const std::string data = session.rows(
      "SELECT toUnixTimestamp64Nano(time), service_name, trace_id, resource_id\nFROM log_rows "
      "WHERE " +
          is_record(request.id, request.time_ns, parameters) + " LIMIT 1",
      parameters);
  if (data.empty()) throw no_such_record(request.id);
  RowReader row(data);
  Anchor anchor;
  anchor.position = {row.i64(), request.id};
  anchor.service_name = row.string();
  anchor.trace_id = row.bytes(16);
  anchor.resource_id = row.u32();
  return anchor;
}

/// The records around one, as JSON.
class Neighbours {
 public:
  Neighbours(Session& session, const LogContextRequest& request, const Anchor& anchor)
      : session_(session), request_(request), anchor_(anchor) {}

  /// At most `limit`, the nearest first.
  std::vector<std::string> find(bool is_behind, std::uint32_t limit, ReferencedIds& ids) {
    std::vector<std::string> records;
    if (limit == 0) return records;
    for (const std::int64_t distance : kDistancesNs) {
      records.clear();
      const std::string rows = read(is_behind, distance, limit);
      for (RowReader row(rows); !row.at_end();) {
        JsonWriter record;
        write_log(row, ids, record);
        records.push_back(record.take());
      }
      if (records.size() == limit) break;
    }
    return records;
  }

 private:
  std::string read(bool is_behind, std::int64_t distance_ns, std::uint32_t limit) {
    Parameters parameters;
    const std::int64_t at = anchor_.position.time_ns;
    const TimeRange around = widened({at, at}, distance_ns);
    return session_.rows("SELECT " + log_columns() + "\nFROM log_rows WHERE " +
                             in_range("time", around, parameters) + " AND " +
                             (is_behind ? behind_position(anchor_.position, parameters)
                                        : before_position(anchor_.position, parameters)) +
                             belongs(around, parameters) + "\n" + log_order(is_behind) + " LIMIT " +
                             std::to_string(limit),
                         parameters);
  }

  /// SQL, " AND …" or "": the scope and the filter.
  std::string belongs(const TimeRange& around, Parameters& parameters) {
    std::string sql;
    switch (request_.scope) {
      case LogContextRequest::Scope::kInstance:
        sql += " AND service_name = " + parameters.bind(anchor_.service_name) +
               " AND resource_id = " + std::to_string(anchor_.resource_id);
        break;
      case LogContextRequest::Scope::kService:
        sql += " AND service_name = " + parameters.bind(anchor_.service_name);
        break;
      case LogContextRequest::Scope::kTrace:
        sql += " AND trace_id = " + escaped_id_literal(anchor_.trace_id);
        break;
      case LogContextRequest::Scope::kAll:
        break;
    }
    if (request_.filter.kind != FilterNode::Kind::kAll) {
      sql += " AND " +
             filter_sql(request_.filter, Signal::kLogs, session_.slots(), parameters, around);
    }
    return sql;
  }

  Session& session_;
  const LogContextRequest& request_;
  const Anchor& anchor_;
};

void write_all(std::string_view key, const std::vector<std::string>& records, JsonWriter& json) {
  json.key(key).begin_array();
  for (const std::string& record : records) json.json(record);
  json.end_array();
}

void write_found(Session& session, const LogId& id, std::optional<std::int64_t> time_ns,
                 ReferencedIds& ids, JsonWriter& json) {
  Parameters parameters;
  const std::string data = session.rows("SELECT " + log_columns() + "\nFROM log_rows WHERE " +
                                            is_record(id, time_ns, parameters) + " LIMIT 1",
                                        parameters);
  if (data.empty()) throw no_such_record(id);
  RowReader row(data);
  json.key("log");
  write_log(row, ids, json);
}

}  // namespace

std::string get_log(Session& session, const LogId& id, std::optional<std::int64_t> time_ns) {
  ReferencedIds ids;
  JsonWriter json;
  json.begin_object();
  write_found(session, id, time_ns, ids, json);
  write_resources_and_scopes(session, ids, json);
  session.write_stats(json);
  json.end_object();
  return json.take();
}

std::string get_log_context(Session& session, const LogContextRequest& request) {
  const Anchor anchor = find_anchor(session, request);
  if (request.scope == LogContextRequest::Scope::kTrace && !anchor.has_trace()) {
    throw QueryError::invalid("scope", "The record belongs to no trace: ask for another 'scope'.");
  }
  ReferencedIds ids;
  Neighbours neighbours(session, request, anchor);
  std::vector<std::string> before = neighbours.find(false, request.before, ids);
  std::ranges::reverse(before);
  const std::vector<std::string> after = neighbours.find(true, request.after, ids);
  JsonWriter json;
  json.begin_object();
  write_all("before", before, json);
  write_found(session, request.id, anchor.position.time_ns, ids, json);
  write_all("after", after, json);
  write_resources_and_scopes(session, ids, json);
  KnownFields known(session, Signal::kLogs,
                    widened({anchor.position.time_ns, anchor.position.time_ns}, kDistancesNs[1]));
  write_warnings(known.unknown_in(request.filter), json);
  session.write_stats(json);
  json.end_object();
  return json.take();
}

}  // namespace signalbox::server::query
