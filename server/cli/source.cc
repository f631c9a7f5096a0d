#include "server/cli/source.h"

#include <boost/json.hpp>

#include "server/cli/failure.h"
#include "server/cli/folder_source.h"
#include "server/cli/http_source.h"
#include "server/cli/json.h"
#include "server/cli/text.h"
#include "server/store/engine/http_exchange.h"

namespace signalbox::server::cli {
namespace {

constexpr unsigned kOk = 200;
constexpr unsigned kBadRequest = 400;
constexpr unsigned kNotFound = 404;

/// The other ports answer errors too, but with numbers for codes.
bool is_of_api(const boost::json::value& error) {
  return !text(error, "code").empty();
}

/// What an error of the API says, in one line.
Failure refusal(const ApiReply& reply) {
  boost::system::error_code error;
  const boost::json::value json = boost::json::parse(reply.body, error);
  if (error || !is_of_api(json)) {
    return {ExitCode::kFailed,
            "what answers there (status " + std::to_string(reply.status) +
                ") is not Signalbox's web UI; give --server its address, with https:// if it has "
                "a certificate"};
  }
  std::string message = text(json, "message");
  if (const std::string hint = text(json, "hint"); !hint.empty()) message += " " + hint;
  const bool is_usage = reply.status == kBadRequest;
  return {is_usage ? ExitCode::kUsage : ExitCode::kFailed, printable(message)};
}

Answer parsed(ApiReply reply) {
  boost::system::error_code error;
  boost::json::value json = boost::json::parse(reply.body, error);
  if (error) {
    throw Failure(ExitCode::kFailed,
                  "the answer is no JSON: is this the address of Signalbox's web UI (--server)?");
  }
  return {.text = std::move(reply.body), .json = std::move(json)};
}

}  // namespace

std::string ApiRequest::target() const {
  std::string target = path;
  char separator = '?';
  for (const auto& [name, value] : parameters) {
    target += separator + name + '=' + store::url_encoded(value);
    separator = '&';
  }
  return target;
}

std::unique_ptr<Source> open_source(const config::Connection& connection) {
  if (!connection.data_folder.empty()) return open_folder_source(connection.data_folder);
  return std::make_unique<HttpSource>(connection);
}

Answer ask(Source& source, const ApiRequest& request) {
  return parsed(ask_plain(source, request));
}

ApiReply ask_plain(Source& source, const ApiRequest& request) {
  ApiReply reply = source.ask(request);
  if (reply.status != kOk) throw refusal(reply);
  return reply;
}

void stream(Source& source, const ApiRequest& request, const Sink& sink) {
  const ApiReply reply = source.stream(request, sink);
  if (reply.status != kOk) throw refusal(reply);
}

std::unique_ptr<Answer> find(Source& source, const ApiRequest& request) {
  ApiReply reply = source.ask(request);
  if (reply.status != kOk) {
    boost::system::error_code error;
    const boost::json::value json = boost::json::parse(reply.body, error);
    if (reply.status == kNotFound && is_of_api(json)) return nullptr;
    throw refusal(reply);
  }
  return std::make_unique<Answer>(parsed(std::move(reply)));
}

}  // namespace signalbox::server::cli
