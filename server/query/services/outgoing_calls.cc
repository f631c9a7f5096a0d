#include "server/query/services/outgoing_calls.h"

#include <span>
#include <string_view>

#include "server/query/plan/durations.h"
#include "server/query/plan/fields.h"
#include "server/query/services/call_keys.h"

namespace signalbox::server::query {
namespace {

/// Writes the SQL of attributes.
class Attributes {
 public:
  Attributes(const AttributeSlots& slots, Parameters& parameters)
      : slots_(slots), parameters_(parameters) {}

  /// The text of the first of these attributes that is there; else `otherwise`.
  [[nodiscard]] std::string first_of(std::span<const std::string_view> keys,
                                     const std::string& otherwise = "''") {
    std::string sql = "multiIf(";
    for (const std::string_view key : keys) {
      const std::string text =
          attribute_text(Signal::kTraces, std::string(key), slots_, parameters_);
      sql.append(text).append(" != '', ").append(text).append(", ");
    }
    return sql + otherwise + ")";
  }

 private:
  const AttributeSlots& slots_;
  Parameters& parameters_;
};

/// Of each span what the columns of a call are made of.
std::string attributes_of_spans(const std::string& where, const AttributeSlots& slots,
                                Parameters& parameters) {
  using namespace call_keys;
  Attributes attributes(slots, parameters);
  return "SELECT service_name, kind, trace_id, span_id, duration_ns, status_code, "
         "toString(name) AS span_name,\n      " +
         attributes.first_of(kDatabaseSystem) + " AS database_system, " +
         attributes.first_of(kNamespace) + " AS namespace, " +
         attributes.first_of(kDatabaseOperation) + " AS database_operation, " +
         attributes.first_of(kCollection) + " AS collection_name, " +
         attributes.first_of(kSummary) + " AS query_summary,\n      " +
         attributes.first_of(kMessagingSystem) + " AS messaging_system, " +
         attributes.first_of(kDestination) + " AS destination, " +
         attributes.first_of(kMessagingOperation) + " AS messaging_operation,\n      " +
         attributes.first_of(kRpcSystem) + " AS rpc_system, " + attributes.first_of(kRpcService) +
         " AS rpc_service, " + attributes.first_of(kRpcMethod) + " AS rpc_method,\n      " +
         attributes.first_of(kHttpMethod) + " AS http_method, " +
         attributes.first_of(kUrlTemplate) + " AS url_template, " + attributes.first_of(kUrl) +
         " AS url, " + attributes.first_of(kPeer) + " AS peer, " + attributes.first_of(kHost) +
         " AS host, " + attributes.first_of(kPort) + " AS host_port\n    FROM span_rows WHERE " +
         where;
}

/// "a", "b" or "a" + `joint` + "b": what there is of both.
std::string joined(const std::string& a, const std::string& joint, const std::string& b) {
  return "concat(" + a + ", if(" + a + " != '' AND " + b + " != '', '" + joint + "', ''), " + b +
         ")";
}

/// The columns of calls, from those of `attributes_of_spans`.
std::string columns_of_calls() {
  // A URL may have a name and a password in front of the host.
  const std::string plain_url = "replaceRegexpOne(url, '^([^/]*//)[^/?#]*@', '\\\\1')";
  const std::string address =
      "if(host != '', concat(host, if(host_port != '', ':', ''), host_port), "
      "concat(domain(" +
      plain_url + "), if(port(" + plain_url + ") != 0, concat(':', toString(port(" + plain_url +
      "))), '')))";
  return "multiIf(database_system != '', 'database', messaging_system != '', 'messaging', "
         "rpc_system != '', 'rpc', http_method != '', 'http', 'other') AS type,\n    "
         "multiIf(type = 'database', database_system, type = 'messaging', messaging_system, "
         "type = 'rpc', rpc_system, '') AS system,\n    " +
         address +
         " AS address,\n    "
         "multiIf(type = 'database', if(namespace != '', namespace, address), "
         "type = 'messaging', if(destination != '', destination, address), "
         "peer != '', peer, address != '', address, rpc_service) AS target,\n    "
         "multiIf(type = 'database', database_operation, type = 'messaging', messaging_operation, "
         "type = 'rpc', " +
         "if(position(rpc_method, '/') > 0, rpc_method, " +
         joined("rpc_service", "/", "rpc_method") + "), type = 'http', " +
         joined("http_method", " ", "url_template") +
         ", '') AS known_operation,\n    "
         "if(known_operation != '', known_operation, span_name) AS operation,\n    "
         "if(type = 'database', collection_name, '') AS collection,\n    "
         "if(type = 'database', query_summary, '') AS summary";
}

}  // namespace

std::string span_hash_sql(std::string_view span_id) {
  return "cityHash64(trace_id, " + std::string(span_id) + ")";
}

std::string outgoing_calls(const std::string& keys, const std::string& condition,
                           const TimeRange& range, const AttributeSlots& slots,
                           Parameters& parameters) {
  const std::string where =
      "kind IN (3, 4, 5) AND " + condition + in_range("start_time", range, parameters);
  return "(SELECT " + keys +
         ", sum(n) AS calls, sum(failed) AS errors, min(least) AS min_ns, max(most) AS max_ns, "
         "sum(total) AS sum_ns, CAST((groupArray(bucket), groupArray(n)), 'Map(UInt16, UInt64)') "
         "AS durations, groupArraySampleArray(8)(some) AS examples\n"
         "  FROM (SELECT " +
         keys + ", " + duration_bucket_sql("duration_ns") +
         " AS bucket, count() AS n, countIf(status_code = 2) AS failed, "
         "min(duration_ns) AS least, max(duration_ns) AS most, "
         "sum(toFloat64(duration_ns)) AS total, groupArraySample(8)(" +
         span_hash_sql("span_id") +
         ") AS some\n"
         "  FROM (SELECT *, " +
         columns_of_calls() + "\n    FROM (" + attributes_of_spans(where, slots, parameters) +
         "))\n  GROUP BY " + keys + ", bucket)\n  GROUP BY " + keys + ")";
}

}  // namespace signalbox::server::query
