#include "server/api/api.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "server/api/answers.h"
#include "server/api/client_watch.h"
#include "server/api/compress.h"
#include "server/api/hosts.h"
#include "server/api/openapi.h"
#include "server/api/routes.h"
#include "server/api/static_files.h"
#include "server/api/tail_route.h"
#include "server/api/target.h"
#include "server/api/worker_pool.h"
#include "server/query/plan/error.h"
#include "server/query/plan/session.h"
#include "server/query/services/status.h"

namespace signalbox::server::api {
namespace {

using query::ErrorCode;
using query::QueryError;
using query::Session;

constexpr std::string_view kApiPrefix = "/api/";
constexpr std::string_view kOpenApiPath = "/api/v1/openapi.yaml";
constexpr std::string_view kRetentionPath = "/api/v1/settings/retention";
constexpr std::string_view kStatusPath = "/api/v1/status";
constexpr std::size_t kSlowWorkers = 1;
constexpr std::size_t kMaxQueuedSlowRequests = 16;

}  // namespace

class Api::Impl {
 public:
  explicit Impl(Options options)
      : options_(std::move(options)),
        files_(options_.web_root),
        workers_(options_.worker_threads, options_.max_queued_requests),
        slow_workers_(kSlowWorkers, kMaxQueuedSlowRequests) {}

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
      if (is_api) call.route = route_of(target.path());
      if (target.path() == kOpenApiPath) {
        check_method(request, "GET");
        target.refuse_others();
        response.headers.add("content-type", "application/yaml");
        response.headers.add("cache-control", "no-cache");
        response.body = openapi_document();
      } else if (target.path() == kTailPath && options_.tails != nullptr) {
        check_method(request, "GET");
        response = open_tail(target, *options_.tails);
      } else if (target.path().starts_with(kApiPrefix)) {
        Query query = understand(request, target);
        submit(std::move(query), std::move(call), client);
        return;
      } else {
        check_method(request, "GET");
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
    for (const std::string_view own : {kOpenApiPath, kRetentionPath, kStatusPath, kTailPath}) {
      if (path == own) return own;
    }
    const auto found = find_route(path);
    return found ? found->route.path : std::string_view();
  }

  void tell(ApiCall call, const net::Response& response) const {
    call.status = response.status;
    call.duration = std::chrono::system_clock::now() - call.start;
    options_.on_call(call);
  }

  static void answer(net::Response response, Client& client) {
    add_security_headers(response.headers);
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

  /// `method` is answered, and HEAD where GET is.
  void check_method(const net::Request& request, std::string_view method) const {
    if (request.method == method || (request.method == "HEAD" && method == "GET")) return;
    if (request.method == "POST" && request.target.starts_with("/v1/")) {
      throw QueryError(ErrorCode::kMethodNotAllowed,
                       "This is the port of the web UI; send OTLP over HTTP to port " +
                           std::to_string(options_.otlp_http_port) + ".");
    }
    throw method_not_allowed(method == "GET" ? "GET, HEAD" : std::string(method), request.method);
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

  Query understand(const net::Request& request, Target& target) const {
    if (target.path() == kRetentionPath && options_.retention != nullptr) {
      return retention_action(request, target);
    }
    Query query;
    if (target.path() == kStatusPath) {
      check_method(request, "GET");
      query = status_query();
    } else if (const auto found = find_route(target.path())) {
      check_method(request, found->route.method);
      RouteCall call{.request = request, .target = target, .path_values = found->path_values};
      query = found->route.parse(call);
    } else {
      check_method(request, "GET");
      throw QueryError(ErrorCode::kNotFound, "There is nothing at " + target.path() +
                                                 ". /api/v1/openapi.yaml lists what there is.");
    }
    target.refuse_others();
    return query;
  }

  [[nodiscard]] Query status_query() const {
    return [this](Session& session) {
      const std::chrono::duration<double> uptime = Session::Clock::now() - started_;
      return query::get_status(session, {.version = SIGNALBOX_VERSION,
                                         .uptime_s = uptime.count(),
                                         .otlp_grpc_port = options_.otlp_grpc_port,
                                         .otlp_http_port = options_.otlp_http_port});
    };
  }

  void submit(Query query, ApiCall call, const std::shared_ptr<Client>& client) {
    const auto deadline = Session::Clock::now() + options_.request_deadline;
    const auto found = find_route(call.route);
    WorkerPool& workers = found && found->route.may_take_long ? slow_workers_ : workers_;
    const bool taken = workers.try_submit([this, query = std::move(query), call, client, deadline] {
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

  static net::Response success(Answer answer) {
    net::Response response;
    response.headers = std::move(answer.headers);
    response.headers.add("content-type", std::move(answer.content_type));
    response.headers.add("cache-control", "no-store");
    response.body = std::move(answer.body);
    return response;
  }

  net::Response run(const Query& query, const net::Responder& responder,
                    Session::Clock::time_point deadline, ApiCall& call) {
    const ClientWatch::Guard client(clients_, responder);
    Session session(options_.engine, deadline, client.token(), options_.first_tables);
    net::Response response;
    try {
      response = success(query(session));
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
  WorkerPool slow_workers_;  ///< For what may take long: nothing else waits for it.
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
      add_security_headers(response.headers);
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
