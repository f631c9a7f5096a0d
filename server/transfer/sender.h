#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "otlp/encode.h"

namespace signalbox::server::transfer {

/// Nothing further can be sent. `what()` says why, and what to do.
class CannotSend : public std::runtime_error {
 public:
  CannotSend(const std::string& why, bool unreachable)
      : std::runtime_error(why), is_unreachable(unreachable) {}

  bool is_unreachable;  ///< Else the endpoint refuses whatever is sent.
};

/// What became of a message.
struct Receipt {
  bool is_refused = false;     ///< As a whole; the next one may be taken.
  std::uint64_t rejected = 0;  ///< Records of it, that were left out.
  std::string message;         ///< What the endpoint said of it; mostly empty.
};

/// Sends messages to an OTLP/HTTP endpoint, one at a time over one connection. What an endpoint
/// refuses for now, or does not answer, is sent again, the same bytes.
///
/// Thread-safety: one thread. Errors: CannotSend.
class Sender {
 public:
  struct Options {
    std::string endpoint = "http://127.0.0.1:4318";  ///< Without /v1/….
    std::vector<std::pair<std::string, std::string>> headers = {};
    bool insecure = false;     ///< Take any certificate.
    std::string ca_file = {};  ///< PEM; empty: the system's.
    /// For how long a message is sent again; > 0.
    std::chrono::milliseconds patience{60'000};
    /// Told of each wait: why, and for how long.
    std::function<void(const std::string&, std::chrono::milliseconds)> on_wait =
        [](const std::string& /*why*/, std::chrono::milliseconds /*wait*/) {};
  };

  explicit Sender(Options options);
  ~Sender();
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  Receipt send(otlp::Signal signal, bool is_json, std::string_view message);

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

/// The partial_success of an answer; nothing of one that has none or cannot be read.
Receipt read_receipt(std::string_view body, bool is_json);

}  // namespace signalbox::server::transfer
