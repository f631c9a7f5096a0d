#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/net/http.h"

namespace signalbox::server::receive {

/// Cuts a streamed gRPC call's body into its messages, which must be small and uncompressed, and
/// ends the call with a status when one is not. One thread at a time.
class GrpcIncoming : public net::IncomingStream {
 public:
  explicit GrpcIncoming(std::shared_ptr<net::OutgoingStream> answer) : answer_(std::move(answer)) {}

  void on_data(std::string_view bytes) final;
  void on_end() override { finish(0, {}); }

 protected:
  virtual void on_message(std::string_view message) = 0;
  void send(std::string_view message);
  /// Ends the call; what comes after it is dropped.
  void finish(int status, std::string_view message);
  [[nodiscard]] const std::shared_ptr<net::OutgoingStream>& answer() const { return answer_; }

 private:
  static constexpr std::size_t kMaxMessageBytes = 4096;
  std::shared_ptr<net::OutgoingStream> answer_;
  std::string rest_;
  bool finished_ = false;
};

}  // namespace signalbox::server::receive
