#include "server/receive/grpc_health.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>
#include <string>
#include <utility>
#include <vector>

#include "server/receive/grpc_frame.h"
#include "server/receive/grpc_services.h"
#include "server/receive/grpc_stream.h"
#include "server/receive/status.h"

namespace signalbox::server::receive {
namespace {

/// HealthCheckResponse.ServingStatus.
enum class ServingStatus : std::int32_t { kServing = 1, kNotServing = 2, kServiceUnknown = 3 };

std::string response_of(ServingStatus status) {
  std::string response;
  protozero::pbf_writer(response).add_enum(1, static_cast<std::int32_t>(status));
  return response;
}

/// The service that a HealthCheckRequest names; nothing if it cannot be read.
std::optional<std::string> service_of(std::string_view message) {
  try {
    std::string service;
    protozero::pbf_reader request(message.data(), message.size());
    while (request.next()) {
      if (request.tag_and_type() ==
          protozero::tag_and_type(1, protozero::pbf_wire_type::length_delimited)) {
        service = request.get_string();
      } else {
        request.skip();
      }
    }
    return service;
  } catch (const protozero::exception&) {
    return std::nullopt;
  }
}

bool is_known(std::string_view service) {
  const auto& services = otlp_services();
  return service.empty() || std::find(services.begin(), services.end(), service) != services.end();
}

}  // namespace

struct GrpcHealth::State {
  /// Keeps the streams that watch a service which is known.
  struct Watcher {
    std::weak_ptr<net::OutgoingStream> answer;
  };

  mutable std::mutex mutex;
  bool serving = true;
  std::vector<Watcher> watchers;

  [[nodiscard]] ServingStatus status() const {
    return serving ? ServingStatus::kServing : ServingStatus::kNotServing;
  }
  /// Sends the status now, in order with the changes, and from then on each of those.
  void add(const std::shared_ptr<net::OutgoingStream>& answer) {
    std::scoped_lock lock(mutex);
    std::erase_if(watchers, [](const Watcher& one) { return one.answer.expired(); });
    watchers.push_back({answer});
    answer->send(make_grpc_frame(response_of(status())));
  }
};

namespace {

template <typename State>
class Watch final : public GrpcIncoming {
 public:
  Watch(std::shared_ptr<State> state, std::shared_ptr<net::OutgoingStream> to)
      : GrpcIncoming(std::move(to)), state_(std::move(state)) {}

  void on_message(std::string_view message) override {
    if (std::exchange(asked_, true)) return finish(3, "Watch takes one request.");
    const auto service = service_of(message);
    if (!service) return finish(3, "The HealthCheckRequest cannot be read.");
    if (is_known(*service)) {
      state_->add(answer());
    } else {
      send(response_of(ServingStatus::kServiceUnknown));
    }
  }
  void on_end() override {  // Of the request: the answer goes on.
    if (!asked_) finish(3, "Watch takes one request.");
  }

 private:
  std::shared_ptr<State> state_;
  bool asked_ = false;
};

}  // namespace

GrpcHealth::GrpcHealth() : state_(std::make_shared<State>()) {}

void GrpcHealth::set_serving(bool serving) {
  std::scoped_lock lock(state_->mutex);
  if (std::exchange(state_->serving, serving) == serving) return;
  const std::string frame = make_grpc_frame(response_of(state_->status()));
  for (const State::Watcher& watcher : state_->watchers) {
    if (const auto answer = watcher.answer.lock()) answer->send(frame);
  }
}

net::Response GrpcHealth::check(std::string_view message) const {
  const auto service = service_of(message);
  if (!service)
    return grpc_error({ErrorKind::kMalformed, "The HealthCheckRequest cannot be read.", {}});
  net::Response response;
  response.headers.add("content-type", "application/grpc");
  if (!is_known(*service)) {
    response.headers.add("grpc-status", "5");  // NOT_FOUND
    response.headers.add("grpc-message", "Ask for no service, or for one of OTLP's.");
    return response;
  }
  std::scoped_lock lock(state_->mutex);
  response.body = make_grpc_frame(response_of(state_->status()));
  response.trailers.add("grpc-status", "0");
  return response;
}

std::shared_ptr<net::IncomingStream> GrpcHealth::watch(
    std::shared_ptr<net::OutgoingStream> answer) const {
  return std::make_shared<Watch<State>>(state_, std::move(answer));
}

}  // namespace signalbox::server::receive
