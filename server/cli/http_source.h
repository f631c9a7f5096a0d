#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "server/cli/source.h"

namespace signalbox::server::cli {

/// Asks a server over HTTP or HTTPS.
class HttpSource final : public Source {
 public:
  /// Errors: Failure, if the URL is none.
  explicit HttpSource(const config::Connection& connection);
  ~HttpSource() override;

  ApiReply ask(const ApiRequest& request) override;
  ApiReply stream(const ApiRequest& request, const Sink& sink) override;

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace signalbox::server::cli
