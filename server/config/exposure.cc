#include "server/config/exposure.h"

#include <vector>

#include "server/config/endpoint.h"

namespace signalbox::server::config {
namespace {

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) text += i + 1 == parts.size() ? " and " : ", ";
    text += parts[i];
  }
  return text;
}

}  // namespace

Exposure check_exposure(const ServeOptions& options, bool has_keys) {
  std::vector<std::string> receivers;
  if (!is_loopback(options.grpc)) receivers.push_back("--grpc-address " + to_string(options.grpc));
  if (!is_loopback(options.http)) receivers.push_back("--http-address " + to_string(options.http));
  std::vector<std::string> open = has_keys ? std::vector<std::string>() : receivers;
  if (!is_loopback(options.ui)) open.push_back("--ui-address " + to_string(options.ui));
  if (open.empty()) return {};
  if (options.insecure) {
    return {.refusal = std::nullopt,
            .warning = "--insecure: whoever reaches " + joined(open) +
                       " may use it without a key or password"};
  }
  std::string advice = "listen on 127.0.0.1";
  if (!has_keys && !receivers.empty()) {
    advice += ", ask senders for a key (signalbox keys create)";
  }
  if (!is_loopback(options.ui)) advice += ", put a proxy that knows its users before the UI";
  return {.refusal = "other machines could reach " + joined(open) + " without a key or password; " +
                     advice + ", or allow it with --insecure",
          .warning = std::nullopt};
}

}  // namespace signalbox::server::config
