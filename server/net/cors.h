#pragma once

#include <string>
#include <vector>

#include "server/net/http.h"

namespace signalbox::server::net {

/// Lets web pages of the listed origins send to an HttpServer (CORS): answers their preflights, and
/// says in each answer to them that they may read it. Nothing else is exposed: no credentials, no
/// further header fields. Pages of other origins get no such answer; their browsers refuse.
///
/// Thread-safety: any thread. Lifetime: what `filter` returns keeps what it needs.
class Cors {
 public:
  /// `origins` are compared as a whole, e.g. "https://shop.example"; "*" stands for all of them.
  /// None: `filter` changes nothing.
  explicit Cors(std::vector<std::string> origins);

  [[nodiscard]] Handler filter(Handler handler) const;
  [[nodiscard]] RefusalResponse filter(RefusalResponse refusal) const;
  [[nodiscard]] HeadCheck filter(HeadCheck check) const;

 private:
  std::shared_ptr<const std::vector<std::string>> origins_;
};

}  // namespace signalbox::server::net
