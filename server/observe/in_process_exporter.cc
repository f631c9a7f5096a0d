#include "server/observe/in_process_exporter.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace signalbox::server::observe {
namespace {

using Status = sdk::ExportResult::Status;

class Answer final : public net::Responder::Exchange {
 public:
  void respond(net::Response response) noexcept override {
    {
      const std::scoped_lock lock(mutex_);
      response_ = std::move(response);
    }
    there_.notify_all();
  }
  [[nodiscard]] bool abandoned() const noexcept override { return false; }

  std::optional<net::Response> wait_until(std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    there_.wait_until(lock, deadline, [&] { return response_.has_value(); });
    return std::move(response_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable there_;
  std::optional<net::Response> response_;
};

const char* path_of(sdk::Signal signal) {
  switch (signal) {
    case sdk::Signal::kTraces:
      return "/v1/traces";
    case sdk::Signal::kMetrics:
      return "/v1/metrics";
    case sdk::Signal::kLogs:
      break;
  }
  return "/v1/logs";
}

sdk::ExportResult failure(Status status, std::string message) {
  return {.status = status, .rejected_items = 0, .message = std::move(message)};
}

}  // namespace

InProcessExporter::InProcessExporter(net::Handler otlp_http) : handler_(std::move(otlp_http)) {}

sdk::ExportResult InProcessExporter::export_request(
    sdk::Signal signal, std::string_view request, std::uint64_t items,
    std::chrono::steady_clock::time_point deadline) noexcept {
  try {
    net::Request message;
    message.method = "POST";
    message.target = path_of(signal);
    message.headers.add("content-type", "application/x-protobuf");
    message.body = std::string(request);
    auto answer = std::make_shared<Answer>();
    handler_(std::move(message), net::Responder(answer));
    if (cancelled_.load()) {
      deadline = std::min(deadline, std::chrono::steady_clock::now() + std::chrono::seconds(1));
    }
    const auto response = answer->wait_until(deadline);
    if (!response) return failure(Status::kUnreachable, "the store did not answer in time");
    constexpr unsigned kOk = 200;
    if (response->status != kOk) {
      return failure(Status::kRejected, "the store answered " + std::to_string(response->status));
    }
    requests_ += 1;
    items_ += items;
    return {};
  } catch (const std::exception& error) {
    return {.status = Status::kRejected, .rejected_items = 0, .message = {}};
  }
}

void InProcessExporter::cancel() noexcept {
  cancelled_ = true;
}

}  // namespace signalbox::server::observe
