#include "server/cli/doctor/server_checks.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <string_view>

#include "server/cli/failure.h"
#include "server/cli/http_source.h"
#include "server/cli/json.h"
#include "server/cli/times.h"
#include "server/cli/units.h"

namespace signalbox::server::cli {
namespace {

using Level = Finding::Level;

constexpr std::int64_t kSecondNs = 1'000'000'000;
constexpr std::int64_t kHourNs = 3600 * kSecondNs;
constexpr std::int64_t kSlackNs = 120 * kSecondNs;

/// 0 if a socket can listen there, else errno.
int try_to_listen(const net::Endpoint& endpoint) {
  sockaddr_in6 v6{};
  sockaddr_in v4{};
  const bool is_v4 = inet_pton(AF_INET, endpoint.address.c_str(), &v4.sin_addr) == 1;
  if (!is_v4 && inet_pton(AF_INET6, endpoint.address.c_str(), &v6.sin6_addr) != 1) {
    return EADDRNOTAVAIL;
  }
  v4.sin_family = AF_INET;
  v4.sin_port = htons(endpoint.port);
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(endpoint.port);
  const int file = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (file < 0) return errno;
  const int on = 1;
  setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const auto* const address =
      is_v4 ? reinterpret_cast<const sockaddr*>(&v4) : reinterpret_cast<const sockaddr*>(&v6);
  const socklen_t size = is_v4 ? sizeof v4 : sizeof v6;
  const bool listens = bind(file, address, size) == 0 && listen(file, 1) == 0;
  const int error = listens ? 0 : errno;
  close(file);
  return error;
}

Listener identify(const std::string& url) {
  HttpSource source({.server = url, .data_folder = {}, .insecure = true, .ca_file = {}});
  boost::system::error_code error;
  const ApiReply status = source.ask({.path = "/api/v1/status", .parameters = {}});
  const boost::json::value json = boost::json::parse(status.body, error);
  if (!error && !text(json, "version").empty()) return Listener::kUi;
  if (status.body.find("OTLP/gRPC") != std::string::npos) return Listener::kOtlpGrpc;
  const ApiReply ready = source.ask({.path = "/readyz", .parameters = {}});
  const boost::json::value checks = boost::json::parse(ready.body, error);
  return !error && member(checks, "checks").is_array() ? Listener::kOtlpHttp : Listener::kOther;
}

std::string_view name_of(Listener listener) {
  switch (listener) {
    case Listener::kUi:
      return "Signalbox's web UI";
    case Listener::kOtlpHttp:
      return "Signalbox's OTLP/HTTP";
    case Listener::kOtlpGrpc:
      return "Signalbox's OTLP/gRPC";
    default:
      return "another program";
  }
}

Findings check_readiness(HttpSource& source) {
  const ApiReply reply = source.ask({.path = "/readyz", .parameters = {}});
  boost::system::error_code error;
  const boost::json::value json = boost::json::parse(reply.body, error);
  Findings findings;
  for (const boost::json::value& check : items(json, "checks")) {
    const bool is_ok = boolean(check, "ok");
    findings.push_back({.level = is_ok ? Level::kGood : Level::kFault,
                        .check = text(check, "name"),
                        .what = "the server says: " + text(check, "detail"),
                        .advice = is_ok ? ""
                                        : "the server's log has more; while this lasts it is not "
                                          "ready"});
  }
  return findings;
}

struct Counted {
  std::string_view metric;
  std::string_view what;
  std::string_view advice;
};

/// What senders did wrong, or the server could not take.
constexpr std::array<Counted, 5> kCounted = {{
    {"signalbox.receive.malformed_requests", "requests that are no OTLP",
     "the server's log names the senders; OTLP/gRPC and OTLP/HTTP have a port each"},
    {"signalbox.receive.unauthenticated_requests", "requests without a key that is known",
     "signalbox keys list names the keys; senders give theirs in OTEL_EXPORTER_OTLP_HEADERS"},
    {"signalbox.receive.rejected_records", "records that cannot be stored",
     "the answers to the senders say why (partial_success)"},
    {"signalbox.writer.overloaded_requests", "requests for which there was no room",
     "senders repeat them; if it lasts, the disk or the engine is too slow"},
    {"signalbox.server.refused_requests", "requests that are too large, or too many at once",
     "the server's log names the senders; let them send smaller batches"},
}};

boost::json::object counting(std::int64_t now_ns) {
  boost::json::object queries;
  for (std::size_t i = 0; i < kCounted.size(); ++i) {
    queries["q" + std::to_string(i)] = boost::json::object{
        {"signal", "metrics"},
        {"metric", kCounted.at(i).metric.data()},
        {"filter", "service.name = signalbox"},
        {"aggregations", boost::json::array{boost::json::object{{"op", "increase"}}}}};
  }
  return {{"start", std::to_string(now_ns - kHourNs)},
          {"end", std::to_string(now_ns)},
          {"queries", std::move(queries)}};
}

Findings check_senders(HttpSource& source) {
  const ApiReply reply = source.ask(
      {.path = "/api/v1/query", .parameters = {}, .body = boost::json::serialize(counting(now()))});
  boost::system::error_code error;
  const boost::json::value json = boost::json::parse(reply.body, error);
  Findings findings;
  for (std::size_t i = 0; !error && i < kCounted.size(); ++i) {
    const boost::json::value& result = member(member(json, "results"), "q" + std::to_string(i));
    for (const boost::json::value& group : items(result, "groups")) {
      const boost::json::array& values = items(group, "values");
      const double count = values.empty() ? 0 : number(values.front());
      if (count < 0.5) continue;
      findings.push_back(
          {.level = Level::kDoubt,
           .check = "senders",
           .what = count_text(count) + " " + std::string(kCounted.at(i).what) + " in the last hour",
           .advice = std::string(kCounted.at(i).advice)});
    }
  }
  if (findings.empty()) {
    findings.push_back({.check = "senders",
                        .what = "no request was refused in the last hour, "
                                "as far as the server's own metrics tell"});
  }
  return findings;
}

/// Telemetry from the future tells of a clock that is wrong, here or there.
Finding check_newest(HttpSource& source) {
  const std::int64_t now_ns = now();
  const ApiReply reply = source.ask({.path = "/api/v1/services",
                                     .parameters = {{"start", std::to_string(now_ns - kHourNs)},
                                                    {"end", std::to_string(now_ns + kHourNs)}}});
  boost::system::error_code error;
  const boost::json::value json = boost::json::parse(reply.body, error);
  std::int64_t newest = 0;
  std::string service;
  for (const boost::json::value& one : items(json, "services")) {
    if (text(one, "name") == "signalbox" || integer(one, "last_seen") <= newest) continue;
    newest = integer(one, "last_seen");
    service = text(one, "name");
  }
  if (newest == 0) {
    return {.level = Level::kDoubt,
            .check = "telemetry",
            .what = "nobody has sent anything in the last hour",
            .advice = "point a program here: OTEL_EXPORTER_OTLP_ENDPOINT=http://HOST:4317"};
  }
  if (newest > now_ns + kSlackNs) {
    return {.level = Level::kDoubt,
            .check = "telemetry",
            .what = "the newest telemetry, of '" + service + "', is " +
                    duration_text(static_cast<double>(newest - now_ns)) + " in the future",
            .advice = "its machine's clock or this one's is wrong"};
  }
  return {.check = "telemetry",
          .what = "the newest telemetry is of '" + service + "', " + age_text(newest, now_ns)};
}

}  // namespace

std::string url_of(const net::Endpoint& endpoint, bool has_tls) {
  net::Endpoint reached = endpoint;
  if (reached.address == "0.0.0.0") reached.address = "127.0.0.1";
  if (reached.address == "::") reached.address = "::1";
  return (has_tls ? "https://" : "http://") + net::to_string(reached);
}

Listener who_listens(const net::Endpoint& endpoint, bool has_tls) {
  switch (try_to_listen(endpoint)) {
    case 0:
      return Listener::kNobody;
    case EACCES:
      return Listener::kForbidden;
    case EADDRINUSE:
      break;
    default:
      return Listener::kNotOurs;
  }
  try {
    return identify(url_of(endpoint, has_tls));
  } catch (const Failure&) {
    return Listener::kOther;
  }
}

Finding judge_port(const std::string& name, const net::Endpoint& endpoint, Listener expected,
                   Listener found, bool server_runs) {
  const std::string where = net::to_string(endpoint);
  Finding finding{.check = "port", .what = where + " (" + name + ") "};
  if (found == expected) {
    finding.what += "is answered by Signalbox";
  } else if (found == Listener::kNobody) {
    finding.what += server_runs ? "has nobody listening, although a server runs" : "is free";
    if (server_runs) {
      finding.level = Level::kDoubt;
      finding.advice =
          "the server may have been started with another address for it: give doctor "
          "its --config";
    }
  } else if (found == Listener::kForbidden || found == Listener::kNotOurs) {
    finding.level = Level::kFault;
    finding.what += found == Listener::kForbidden ? "is a port that this user may not listen on"
                                                  : "is no address of this machine";
    finding.advice = "choose another address for it";
  } else {
    finding.level = Level::kFault;
    finding.what += "is taken by " + std::string(name_of(found));
    finding.advice = "find it (ss -ltnp 'sport = :" + std::to_string(endpoint.port) +
                     "') and stop it, or choose another port";
  }
  return finding;
}

Findings check_server(const std::string& url) {
  HttpSource source({.server = url, .data_folder = {}, .insecure = true, .ca_file = {}});
  try {
    Findings findings = check_readiness(source);
    findings.push_back(check_newest(source));
    for (Finding& finding : check_senders(source)) findings.push_back(std::move(finding));
    return findings;
  } catch (const Failure& failure) {
    return {{.level = Level::kFault,
             .check = "server",
             .what = failure.what(),
             .advice = "look at the server's log"}};
  }
}

Finding check_sender_variables(const std::string& endpoint, const std::string& protocol) {
  const bool is_http_port = endpoint.find(":4318") != std::string::npos;
  const bool is_grpc_port = endpoint.find(":4317") != std::string::npos;
  const bool is_ui_port = endpoint.find(":8080") != std::string::npos;
  Finding finding{.check = "variables",
                  .what = endpoint.empty() ? "OTEL_EXPORTER_OTLP_ENDPOINT is not set here"
                                           : "OTEL_EXPORTER_OTLP_ENDPOINT is " + endpoint};
  const bool is_confused = (protocol == "grpc" && is_http_port) ||
                           (protocol.starts_with("http/") && is_grpc_port) || is_ui_port;
  if (is_confused) {
    finding.level = Level::kFault;
    finding.what += protocol.empty() ? "" : " with OTEL_EXPORTER_OTLP_PROTOCOL " + protocol;
    finding.advice =
        "grpc belongs to port 4317, http/protobuf and http/json to 4318; 8080 is the "
        "web UI's";
  }
  return finding;
}

}  // namespace signalbox::server::cli
