#pragma once

#include <boost/json/value.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/config/client_options.h"

namespace signalbox::server::cli {

/// One request to the API of openapi.yaml.
struct ApiRequest {
  std::string path;  ///< "/api/v1/logs"
  std::vector<std::pair<std::string, std::string>> parameters;
  std::string body = {};  ///< JSON; not empty: sent as POST.

  /// Path and parameters, as in the first line of HTTP.
  [[nodiscard]] std::string target() const;
};

struct ApiReply {
  unsigned status = 0;
  std::string body;
  std::map<std::string, std::string> headers = {};  ///< By their names in small letters.
};

/// Takes the next piece of a body; false if no more is wanted.
using Sink = std::function<bool(std::string_view)>;

/// Who answers requests to the API.
///
/// Thread-safety: one thread. Errors: Failure, if nobody answers.
class Source {
 public:
  virtual ~Source() = default;
  virtual ApiReply ask(const ApiRequest& request) = 0;

  /// As `ask`, but the body of a success (200) goes to `sink` as it comes, without a limit of time;
  /// false ends it.
  virtual ApiReply stream(const ApiRequest& request, const Sink& sink) = 0;
};

/// The server, or the stopped server's folder, that `connection` names.
std::unique_ptr<Source> open_source(const config::Connection& connection);

/// An answer that is not an error.
struct Answer {
  std::string text;  ///< As it came.
  boost::json::value json;
};

/// Asks; an error of the API becomes a Failure that says what it said.
Answer ask(Source& source, const ApiRequest& request);

/// The same where the answer is no JSON.
ApiReply ask_plain(Source& source, const ApiRequest& request);

/// As `ask`, for an answer that comes in pieces without an end; returns when it ends nevertheless.
void stream(Source& source, const ApiRequest& request, const Sink& sink);

/// As `ask`; nothing where there is no such thing (404).
std::unique_ptr<Answer> find(Source& source, const ApiRequest& request);

}  // namespace signalbox::server::cli
