#include "server/observe/refusals.h"

#include <boost/json.hpp>
#include <charconv>
#include <memory>
#include <optional>
#include <protozero/pbf_reader.hpp>
#include <string_view>
#include <utility>

namespace signalbox::server::observe {
namespace {

constexpr unsigned kFirstError = 400;
constexpr unsigned kFirstServerError = 500;
constexpr std::size_t kLargestBody = 64 * 1024;

/// The inverse of gRPC's percent encoding.
std::string percent_decode(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    constexpr int kHexadecimal = 16;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(&text[i + 1], &text[i + 3], value, kHexadecimal).ptr == &text[i + 3]) {
      decoded += static_cast<char>(value);
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

std::string message_of_json(std::string_view body) {
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse(body, error);
  const auto* const object = value.if_object();
  const auto* const message = error || object == nullptr ? nullptr : object->if_contains("message");
  return message != nullptr && message->is_string() ? std::string(message->as_string()) : "";
}

/// Of google.rpc.Status.
std::string message_of_protobuf(std::string_view body) {
  try {
    protozero::pbf_reader reader(body.data(), body.size());
    while (reader.next()) {
      constexpr protozero::pbf_tag_type kMessage = 2;
      if (reader.tag() == kMessage) return reader.get_string();
      reader.skip();
    }
  } catch (const protozero::exception&) {
  }
  return {};
}

std::string http_text(const net::Response& response) {
  std::string text = std::to_string(response.status);
  const std::string_view body = response.content();
  if (body.size() > kLargestBody) return text;
  const std::string_view type = response.headers.get("content-type");
  std::string message;
  if (type == "application/json") message = message_of_json(body);
  if (type == "application/x-protobuf") message = message_of_protobuf(body);
  return message.empty() ? text : text + " " + message;
}

/// Passes the answer on, and reports it if it is a refusal.
class ReportingExchange final : public net::Responder::Exchange {
 public:
  ReportingExchange(net::Responder responder, std::string peer,
                    std::shared_ptr<const std::string> transport, Reporter& reporter)
      : responder_(std::move(responder)),
        peer_(std::move(peer)),
        transport_(std::move(transport)),
        reporter_(reporter) {}

  void respond(net::Response response) noexcept override {
    try {
      report(response, peer_, *transport_, reporter_);
    } catch (...) {  // Out of memory, at worst: the answer matters more.
    }
    responder_(std::move(response));
  }
  [[nodiscard]] bool abandoned() const noexcept override { return responder_.abandoned(); }

  static void report(const net::Response& response, const std::string& peer,
                     const std::string& transport, Reporter& reporter) {
    const std::string text = refusal_text(response);
    if (text.empty()) return;
    const std::string status = text.substr(0, text.find(' '));
    const bool is_ours = response.status >= kFirstServerError || status == "13";
    reporter.report(is_ours ? Reporter::Level::kError : Reporter::Level::kWarning,
                    transport + " " + status,
                    "Refused " + transport + " from " + (peer.empty() ? "?" : peer) + ": " + text);
  }

 private:
  net::Responder responder_;
  const std::string peer_;
  const std::shared_ptr<const std::string> transport_;
  Reporter& reporter_;
};

}  // namespace

std::string refusal_text(const net::Response& response) {
  auto grpc = response.headers.find("grpc-status");
  if (!grpc) grpc = response.trailers.find("grpc-status");
  if (grpc && *grpc != "0") {
    return std::string(*grpc) + " " + percent_decode(response.headers.get("grpc-message"));
  }
  return response.status < kFirstError ? std::string() : http_text(response);
}

net::Handler report_refusals(net::Handler handler, std::string transport, Reporter& reporter) {
  return [handler = std::move(handler),
          name = std::make_shared<const std::string>(std::move(transport)),
          &reporter](net::Request request, net::Responder responder) {
    auto exchange =
        std::make_shared<ReportingExchange>(std::move(responder), request.peer, name, reporter);
    handler(std::move(request), net::Responder(std::move(exchange)));
  };
}

net::RefusalResponse report_refusals(net::RefusalResponse refusal, std::string transport,
                                     Reporter& reporter) {
  return [refusal = std::move(refusal), transport = std::move(transport), &reporter](
             const net::Request& request, net::Refusal why) {
    net::Response response = refusal(request, why);
    ReportingExchange::report(response, request.peer, transport, reporter);
    return response;
  };
}

net::HeadCheck report_refusals(net::HeadCheck check, std::string transport, Reporter& reporter) {
  return [check = std::move(check), transport = std::move(transport),
          &reporter](const net::Request& head) {
    std::optional<net::Response> response = check(head);
    if (response) ReportingExchange::report(*response, head.peer, transport, reporter);
    return response;
  };
}

net::WrongProtocol report_wrong_protocol(std::string transport, Reporter& reporter) {
  return [transport = std::move(transport), &reporter](const std::string& peer,
                                                       const std::string& what) {
    try {
      reporter.report(Reporter::Level::kWarning, transport + " protocol",
                      "Refused " + transport + " from " + peer + ": " + what);
    } catch (...) {  // Out of memory, at worst.
    }
  };
}

}  // namespace signalbox::server::observe
