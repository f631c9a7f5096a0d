#include "server/receive/grpc_services.h"

#include <algorithm>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>
#include <string>
#include <utility>

#include "server/receive/grpc_frame.h"
#include "server/receive/grpc_stream.h"
#include "server/receive/status.h"

namespace signalbox::server::receive {
namespace {

constexpr std::string_view kHealthService = "grpc.health.v1.Health";
constexpr std::string_view kCheck = "/grpc.health.v1.Health/Check";
constexpr std::string_view kWatch = "/grpc.health.v1.Health/Watch";
constexpr std::array<std::string_view, 2> kReflectionServices{
    "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"};

bool is_grpc(const net::Request& request) {
  return request.headers.get("content-type").starts_with("application/grpc");
}

bool is_reflection(std::string_view path) {
  return std::any_of(kReflectionServices.begin(), kReflectionServices.end(), [&](auto service) {
    return path == '/' + std::string(service) + "/ServerReflectionInfo";
  });
}

bool is_known(std::string_view path) {
  const auto& services = otlp_services();
  return path == kCheck || path == kWatch || is_reflection(path) ||
         std::any_of(services.begin(), services.end(),
                     [&](auto service) { return path == '/' + std::string(service) + "/Export"; });
}

/// ServerReflectionResponse.list_services_response.
std::string service_list() {
  std::string list;
  protozero::pbf_writer writer(list);
  const auto add = [&](std::string_view name) {
    protozero::pbf_writer service(writer, 1);
    service.add_string(1, name.data(), name.size());
  };
  for (const auto name : otlp_services()) add(name);
  add(kHealthService);
  for (const auto name : kReflectionServices) add(name);
  return list;
}

/// A ServerReflectionResponse to a ServerReflectionRequest. Throws protozero::exception.
std::string reflect(std::string_view message) {
  constexpr protozero::pbf_tag_type kHost = 1;
  constexpr protozero::pbf_tag_type kListServices = 7;
  std::string host;
  bool lists = false;
  protozero::pbf_reader request(message.data(), message.size());
  while (request.next()) {
    if (request.tag() == kHost) {
      host = request.get_string();
    } else {
      lists = lists || request.tag() == kListServices;
      request.skip();
    }
  }
  std::string response;
  protozero::pbf_writer writer(response);
  if (!host.empty()) writer.add_string(1, host);
  writer.add_message(2, message.data(), message.size());
  if (lists) {
    writer.add_message(6, service_list());
  } else {
    protozero::pbf_writer error(writer, 7);
    error.add_int32(1, 5);  // NOT_FOUND
    error.add_string(2,
                     "The server holds no descriptors; use the .proto files of OpenTelemetry's "
                     "opentelemetry-proto, or of gRPC for health.");
  }
  return response;
}

class Reflection final : public GrpcIncoming {
 public:
  using GrpcIncoming::GrpcIncoming;
  void on_message(std::string_view message) override {
    try {
      send(reflect(message));
    } catch (const protozero::exception&) {
      finish(3, "The ServerReflectionRequest cannot be read.");
    }
  }
};

net::Response unknown_method(const net::Request& request) {
  return grpc_error({ErrorKind::kNoSuchPath,
                     "There is no method " + request.target.substr(0, 200) +
                         "; use Export of OTLP's trace, metrics or logs service.",
                     {}});
}

net::Response check(const GrpcHealth& health, const net::Request& request) {
  const GrpcFrame frame = parse_grpc_frame(request.body);
  if (!frame.ok) return grpc_error({ErrorKind::kMalformed, frame.error, {}});
  if (frame.compressed) {
    return grpc_error(
        {ErrorKind::kUnsupportedEncoding, "This method takes no compressed messages.", {}});
  }
  return health.check(frame.message);
}

}  // namespace

const std::array<std::string_view, 3>& otlp_services() {
  static constexpr std::array<std::string_view, 3> kServices{
      "opentelemetry.proto.collector.trace.v1.TraceService",
      "opentelemetry.proto.collector.metrics.v1.MetricsService",
      "opentelemetry.proto.collector.logs.v1.LogsService"};
  return kServices;
}

net::Handler GrpcServices::handler() const {
  return [otlp = otlp_, health = health_](net::Request request, net::Responder respond) {
    if (request.target == kCheck && is_grpc(request)) return respond(check(*health, request));
    otlp(std::move(request), std::move(respond));
  };
}

net::HeadCheck GrpcServices::head_check() const {
  return [](const net::Request& head) -> std::optional<net::Response> {
    if (is_grpc(head)) {
      return is_known(head.target) ? std::nullopt : std::optional(unknown_method(head));
    }
    // One that names no content type may be no gRPC at all: it is answered when it is whole.
    if (head.headers.get("content-type").empty()) return std::nullopt;
    return http_error({ErrorKind::kUnsupportedMediaType,
                       "This port takes OTLP/gRPC; send OTLP/HTTP to the other one.",
                       {}},
                      BodyFormat::kJson);
  };
}

net::StreamHandler GrpcServices::stream_handler() const {
  return [health = health_](
             const net::Request& head,
             std::shared_ptr<net::OutgoingStream> answer) -> std::optional<net::StreamedAnswer> {
    if (!is_grpc(head)) return std::nullopt;
    std::shared_ptr<net::IncomingStream> incoming;
    if (head.target == kWatch)
      incoming = health->watch(std::move(answer));
    else if (is_reflection(head.target))
      incoming = std::make_shared<Reflection>(std::move(answer));
    if (incoming == nullptr) return std::nullopt;
    return net::StreamedAnswer{.headers = {{"content-type", "application/grpc"}},
                               .incoming = std::move(incoming)};
  };
}

}  // namespace signalbox::server::receive
