#include "server/api/api.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <string_view>
#include <utility>

#include "server/api/client_watch.h"
#include "server/api/compress.h"
#include "server/api/hosts.h"
#include "server/api/openapi.h"
#include "server/api/static_files.h"
#include "server/api/target.h"
#include "server/api/worker_pool.h"
#include "server/query/aggregate/request.h"
#include "server/query/aggregate/run.h"
#include "server/query/error.h"
#include "server/query/facets.h"
#include "server/query/filter.h"
#include "server/query/json.h"
#include "server/query/logs.h"
#include "server/query/metrics.h"
#include "server/query/selection.h"
#include "server/query/services.h"
#include "server/query/session.h"
#include "server/query/status.h"
#include "server/query/traces.h"

namespace signalbox::server::api {
namespace {

using query::ErrorCode;
using query::FilterNode;
using query::QueryError;
using query::Session;

constexpr std::string_view kApiPrefix = "/api/";
constexpr std::string_view kRetentionPath = "/api/v1/settings/retention";
constexpr std::string_view kQueryPath = "/api/v1/query";
constexpr std::string_view kTracePrefix = "/api/v1/traces/";
constexpr std::size_t kTraceIdDigits = 32;
constexpr std::size_t kSpanIdDigits = 16;

/// What an error is called in JSON, and its HTTP status.
struct ErrorNames {
  std::string_view name;
  unsigned status;
};
constexpr std::array<ErrorNames, 8> kErrors = {{{"invalid_argument", 400},
                                                {"permission_denied", 403},
                                                {"not_found", 404},
                                                {"method_not_allowed", 405},
                                                {"unavailable", 503},
                                                {"resource_exhausted", 422},
                                                {"deadline_exceeded", 504},
                                                {"internal", 500}}};

/// The UI's own scripts only; styles may be inline because charts place their parts by them.
constexpr const char* kContentSecurityPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: "
    "blob:; font-src 'self'; connect-src 'self'; worker-src 'self' blob:; manifest-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

void add_security_headers(net::Response& response) {
  response.headers.set("content-security-policy", kContentSecurityPolicy);
  response.headers.set("x-content-type-options", "nosniff");
  response.headers.set("referrer-policy", "no-referrer");
  response.headers.set("cross-origin-opener-policy", "same-origin");
  response.headers.set("cross-origin-resource-policy", "same-origin");
}

net::Response json_response(unsigned status, std::string body) {
  net::Response response;
  response.status = status;
  response.headers.add("content-type", "application/json");
  response.headers.add("cache-control", "no-store");
  response.body = std::move(body);
  return response;
}

net::Response error_response(const QueryError& error) {
  const ErrorNames& names = kErrors.at(static_cast<std::size_t>(error.code()));
  query::JsonWriter json;
  json.begin_object();
  json.key("code").string(names.name);
  json.key("message").string(error.what());
  if (!error.parameter.empty()) json.key("parameter").string(error.parameter);
  if (error.position) json.key("position").number(*error.position);
  if (!error.hint.empty()) json.key("hint").string(error.hint);
  json.end_object();
  net::Response response = json_response(names.status, json.take());
  if (error.code() == ErrorCode::kUnavailable) response.headers.add("retry-after", "1");
  if (error.code() == ErrorCode::kMethodNotAllowed) response.headers.add("allow", error.allowed);
  return response;
}

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// A request that has been understood: what remains is to ask the engine.
using Query = std::function<std::string(Session&)>;

FilterNode filter_of(Target& target) {
  FilterNode filter = query::parse_filter(target.text("q"));
  const auto service = target.name("service");
  return service ? query::both(query::field_equals("service.name", *service), std::move(filter))
                 : filter;
}

std::uint32_t limit_of(Target& target) {
  return static_cast<std::uint32_t>(target.integer("limit", 1, 1000, 100));
}

query::SearchParts parts_of(Target& target) {
  const std::vector<std::string> names = target.texts("include", 3);
  if (names.empty()) return {};
  query::SearchParts parts{.rows = false, .histogram = false, .facets = false};
  for (const std::string& name : names) {
    if (name == "rows") {
      parts.rows = true;
    } else if (name == "histogram") {
      parts.histogram = true;
    } else if (name == "facets") {
      parts.facets = true;
    } else {
      throw QueryError::invalid("include", "'include' must be one of: rows, histogram, facets.");
    }
  }
  return parts;
}

query::Signal signal_of(Target& target) {
  target.required_text("signal");
  return static_cast<query::Signal>(target.choice("signal", {"traces", "logs", "metrics"}));
}

Query services_query(Target& target) {
  return [range = target.range(now_ns())](Session& session) {
    return query::list_services(session, range);
  };
}

Query service_query(Target& target) {
  return [name = target.required_name("name"), range = target.range(now_ns())](Session& session) {
    return query::get_service(session, name, range);
  };
}

Query traces_query(Target& target) {
  query::TraceSearch search;
  search.range = target.range(now_ns());
  search.filter = filter_of(target);
  search.limit = limit_of(target);
  search.cursor = target.text("cursor");
  search.order = static_cast<query::TraceSearch::Order>(
      target.choice("order", {"newest", "oldest", "slowest"}));
  search.parts = parts_of(target);
  return [search = std::move(search)](Session& session) {
    return query::search_traces(session, search);
  };
}

Query trace_query(std::string_view path) {
  return [id = parse_hex_id("trace_id", path.substr(kTracePrefix.size()), kTraceIdDigits)](
             Session& session) { return query::get_trace(session, id); };
}

FilterNode at_least(std::int64_t severity) {
  FilterNode node = query::field_equals("severity", std::to_string(severity));
  node.op = query::FilterOperator::kGreaterOrEqual;
  node.values[0].kind = query::FilterValue::Kind::kNumber;
  node.values[0].number = static_cast<double>(severity);
  return node;
}

Query logs_query(Target& target) {
  query::LogSearch search;
  const std::string trace_id = target.hex_id("trace_id", kTraceIdDigits);
  const std::string span_id = target.hex_id("span_id", kSpanIdDigits);
  const bool has_times = target.nanoseconds("start") || target.nanoseconds("end");
  search.range = target.range(now_ns());
  search.filter = filter_of(target);
  if (!trace_id.empty()) {
    search.filter = query::both(query::field_equals("trace_id", trace_id), search.filter);
  }
  if (!span_id.empty()) {
    search.filter = query::both(query::field_equals("span_id", span_id), search.filter);
  }
  if (const std::int64_t severity = target.integer("severity_min", 0, 24, 0); severity > 0) {
    search.filter = query::both(at_least(severity), search.filter);
  }
  search.limit = limit_of(target);
  search.cursor = target.text("cursor");
  search.order = static_cast<query::LogSearch::Order>(target.choice("order", {"newest", "oldest"}));
  search.parts = parts_of(target);
  const bool around_trace = !trace_id.empty() && !has_times;
  return [search = std::move(search), trace_id, around_trace](Session& session) {
    if (!around_trace) return query::search_logs(session, search);
    query::LogSearch of_trace = search;
    of_trace.range = query::range_around_trace(session, trace_id).value_or(search.range);
    return query::search_logs(session, of_trace);
  };
}

Query metrics_query(Target& target) {
  return [range = target.range(now_ns()), service = target.name("service")](Session& session) {
    return query::list_metrics(session, range, service);
  };
}

Query metric_query(Target& target) {
  query::MetricQuery query;
  query.name = target.required_text("name");
  constexpr std::array<std::string_view, 6> kTypes = {
      "", "gauge", "sum", "histogram", "exponential_histogram", "summary"};
  query.type = kTypes.at(
      target.choice("type", {"", "gauge", "sum", "histogram", "exponential_histogram", "summary"}));
  query.range = target.range(now_ns());
  query.step_ns = target.nanoseconds("step").value_or(0);
  query.group_by = target.texts("group_by", 8);
  for (const std::string& name : target.texts("aggregation", 5)) {
    const auto aggregation = query::parse_aggregation(name);
    if (!aggregation) {
      throw QueryError::invalid("aggregation",
                                "'aggregation' must be one of: avg, rate, increase, sum, last, "
                                "min, max, count, or a percentile such as p99 or p99.9.");
    }
    query.aggregations.push_back(*aggregation);
  }
  query.filter = query::parse_filter(target.text("q"));
  query.exemplars = target.flag("exemplars");
  return
      [query = std::move(query)](Session& session) { return query::query_metric(session, query); };
}

Query fields_query(Target& target) {
  query::FieldsRequest request;
  request.signal = signal_of(target);
  request.range = target.range(now_ns());
  request.contains = target.text("contains");
  request.metric = target.text("metric");
  return [request = std::move(request)](Session& session) {
    return query::list_fields(session, request);
  };
}

Query field_values_query(Target& target) {
  query::FieldValuesRequest request;
  request.signal = signal_of(target);
  request.field = target.required_text("field");
  request.range = target.range(now_ns());
  request.filter = query::parse_filter(target.text("q"));
  request.contains = target.text("contains");
  request.metric = target.text("metric");
  request.limit = limit_of(target);
  return [request = std::move(request)](Session& session) {
    return query::list_field_values(session, request);
  };
}

}  // namespace

class Api::Impl {
 public:
  explicit Impl(Options options)
      : options_(std::move(options)),
        files_(options_.web_root),
        workers_(options_.worker_threads, options_.max_queued_requests) {}

  void handle(net::Request request, net::Responder responder) {
    // std::function wants to be copyable, a responder is not.
    const auto client = std::make_shared<Client>(
        Client{std::move(responder), std::string(request.headers.get("accept-encoding"))});
    net::Response response;
    ApiCall call;
    call.start = std::chrono::system_clock::now();
    call.method = request.method;
    call.target = request.target;
    const bool is_api = call.target.starts_with(kApiPrefix);
    try {
      check_host(request);
      Target target = Target::parse(request.target);
      if (target.path() == kRetentionPath && options_.retention != nullptr) {
        call.route = kRetentionPath;
        Query action = retention_action(request, target);
        submit(std::move(action), std::move(call), client);
        return;
      }
      if (target.path() == kQueryPath) {
        call.route = kQueryPath;
        Query query = aggregate_query(request, target);
        submit(std::move(query), std::move(call), client);
        return;
      }
      check_method(request);
      if (target.path().starts_with(kApiPrefix)) {
        call.route = route_of(target.path());
        Query query = understand(target);
        if (query) {
          submit(std::move(query), std::move(call), client);
          return;
        }
        response.headers.add("content-type", "application/yaml");
        response.headers.add("cache-control", "no-cache");
        response.body = openapi_document();
      } else {
        response = files_.get(target.path(), request.headers.get("if-none-match"));
      }
    } catch (const QueryError& error) {
      response = error_response(error);
      call.error = error.what();
    }
    if (is_api) tell(std::move(call), response);
    answer(std::move(response), *client);
  }

 private:
  /// Who waits for an answer, and how it may be encoded.
  struct Client {
    net::Responder responder;
    std::string accepted_encodings;
  };

  /// As openapi.yaml writes it; "" if there is none.
  static std::string_view route_of(std::string_view path) {
    static constexpr std::array<std::string_view, 10> kPlain = {
        "/api/v1/services",     "/api/v1/service",       "/api/v1/traces", "/api/v1/logs",
        "/api/v1/metrics",      "/api/v1/metrics/query", "/api/v1/fields", "/api/v1/status",
        "/api/v1/field_values", "/api/v1/openapi.yaml"};
    if (path.starts_with(kTracePrefix)) return "/api/v1/traces/{trace_id}";
    const auto* const at = std::find(kPlain.begin(), kPlain.end(), path);
    return at == kPlain.end() ? std::string_view() : *at;
  }

  void tell(ApiCall call, const net::Response& response) const {
    call.status = response.status;
    call.duration = std::chrono::system_clock::now() - call.start;
    options_.on_call(call);
  }

  static void answer(net::Response response, Client& client) {
    add_security_headers(response);
    compress(response, client.accepted_encodings);
    client.responder(std::move(response));
  }

  void check_host(const net::Request& request) const {
    const std::string_view host = request.headers.get("host");
    if (is_allowed_host(host, options_.allowed_hosts)) return;
    throw QueryError(ErrorCode::kPermissionDenied,
                     "This server does not answer to the name '" + std::string(host) +
                         "'. Use its address or localhost, or allow the name in its settings.");
  }

  static QueryError method_not_allowed(std::string allowed, const std::string& method) {
    QueryError error(ErrorCode::kMethodNotAllowed,
                     "Only " + allowed + " are answered here, not " + method + ".");
    error.allowed = std::move(allowed);
    return error;
  }

  void check_method(const net::Request& request) const {
    if (request.method == "GET" || request.method == "HEAD") return;
    if (request.method == "POST" && request.target.starts_with("/v1/")) {
      throw QueryError(ErrorCode::kMethodNotAllowed,
                       "This is the port of the web UI; send OTLP over HTTP to port " +
                           std::to_string(options_.otlp_http_port) + ".");
    }
    throw method_not_allowed("GET, HEAD", request.method);
  }

  /// A page of a foreign site cannot send this type without asking first.
  static void check_json(const net::Request& request) {
    if (request.headers.get("content-type").starts_with("application/json")) return;
    throw QueryError::invalid("content-type", "Send the body as application/json.");
  }

  static Query aggregate_query(const net::Request& request, const Target& target) {
    target.refuse_others();
    if (request.method != "POST") {
      throw method_not_allowed("POST", request.method);
    }
    check_json(request);
    return [request = query::parse_aggregate_request(request.body, now_ns())](Session& session) {
      return query::run_aggregates(session, request);
    };
  }

  /// Reads the settings, or changes them first.
  Query retention_action(const net::Request& request, const Target& target) const {
    target.refuse_others();
    retention::Settings* const settings = options_.retention;
    if (request.method == "GET" || request.method == "HEAD") {
      return [settings](Session& /*session*/) { return settings->to_json(); };
    }
    if (request.method != "PUT") {
      throw method_not_allowed("GET, HEAD, PUT", request.method);
    }
    check_json(request);
    return [settings, body = request.body](Session& /*session*/) {
      try {
        settings->change(body);
      } catch (const retention::SettingsError& error) {
        throw QueryError::invalid(error.field, error.what());
      }
      return settings->to_json();
    };
  }

  /// Empty for the document itself.
  Query understand(Target& target) const {
    using Parse = Query (*)(Target&);
    static constexpr std::array<std::pair<std::string_view, Parse>, 8> kRoutes = {{
        {"/api/v1/services", services_query},
        {"/api/v1/service", service_query},
        {"/api/v1/traces", traces_query},
        {"/api/v1/logs", logs_query},
        {"/api/v1/metrics", metrics_query},
        {"/api/v1/metrics/query", metric_query},
        {"/api/v1/fields", fields_query},
        {"/api/v1/field_values", field_values_query},
    }};
    const std::string& path = target.path();
    Query query;
    bool is_known = true;
    if (path == "/api/v1/status") {
      query = [this](Session& session) {
        const std::chrono::duration<double> uptime = Session::Clock::now() - started_;
        return query::get_status(session, {.version = SIGNALBOX_VERSION,
                                           .uptime_s = uptime.count(),
                                           .otlp_grpc_port = options_.otlp_grpc_port,
                                           .otlp_http_port = options_.otlp_http_port});
      };
    } else if (path.starts_with(kTracePrefix)) {
      query = trace_query(path);
    } else if (path != "/api/v1/openapi.yaml") {
      is_known = false;
      for (const auto& [route, parse] : kRoutes) {
        if (path != route) continue;
        query = parse(target);
        is_known = true;
      }
    }
    if (!is_known) {
      throw QueryError(ErrorCode::kNotFound, "There is nothing at " + path +
                                                 ". /api/v1/openapi.yaml lists what there is.");
    }
    target.refuse_others();
    return query;
  }

  void submit(Query query, ApiCall call, const std::shared_ptr<Client>& client) {
    const auto deadline = Session::Clock::now() + options_.request_deadline;
    const bool taken =
        workers_.try_submit([this, query = std::move(query), call, client, deadline] {
          ApiCall done = call;
          net::Response response = run(query, client->responder, deadline, done);
          tell(std::move(done), response);
          answer(std::move(response), *client);
        });
    if (!taken) {
      const QueryError error(ErrorCode::kUnavailable,
                             "Too many queries are waiting already. Try again in a second.");
      net::Response response = error_response(error);
      call.error = error.what();
      tell(std::move(call), response);
      answer(std::move(response), *client);
    }
  }

  net::Response run(const Query& query, const net::Responder& responder,
                    Session::Clock::time_point deadline, ApiCall& call) {
    const ClientWatch::Guard client(clients_, responder);
    Session session(options_.engine, deadline, client.token(), options_.first_tables);
    net::Response response;
    try {
      response = json_response(200, query(session));
    } catch (const QueryError& error) {
      call.error = error.what();
      response = error_response(error);
    } catch (const std::exception& error) {
      call.error = error.what();
      response = error_response(QueryError(ErrorCode::kInternal, error.what()));
    }
    call.rows_read = session.rows_read();
    call.bytes_read = session.bytes_read();
    return response;
  }

  const Options options_;
  const Session::Clock::time_point started_ = Session::Clock::now();
  const StaticFiles files_;
  ClientWatch clients_;
  WorkerPool workers_;
};

Api::Api(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Api::~Api() = default;

net::Handler Api::handler() {
  return [this](net::Request request, net::Responder responder) {
    impl_->handle(std::move(request), std::move(responder));
  };
}

net::RefusalResponse Api::refusal() {
  return [](const net::Request& /*request*/, net::Refusal refusal) {
    const auto answer = [](unsigned status, const QueryError& error) {
      net::Response response = error_response(error);
      response.status = status;
      add_security_headers(response);
      return response;
    };
    switch (refusal) {
      case net::Refusal::kHeadTooLarge:
        return answer(431, QueryError(ErrorCode::kInvalidArgument,
                                      "The request's header is too large: ask for less at once."));
      case net::Refusal::kBodyTooLarge:
        return answer(413, QueryError(ErrorCode::kInvalidArgument,
                                      "The request's body is too large for settings or a query."));
      case net::Refusal::kOverloaded:
        break;
    }
    return answer(503, QueryError(ErrorCode::kUnavailable,
                                  "Too many requests are being sent at once. Try again in a "
                                  "second."));
  };
}

}  // namespace signalbox::server::api
