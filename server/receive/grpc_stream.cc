#include "server/receive/grpc_stream.h"

#include "server/receive/grpc_frame.h"
#include "server/receive/status.h"

namespace signalbox::server::receive {

void GrpcIncoming::on_data(std::string_view bytes) {
  constexpr std::size_t kPrefixBytes = 5;
  while (!finished_ && !bytes.empty()) {
    const std::size_t room = kMaxMessageBytes + kPrefixBytes - rest_.size();
    rest_.append(bytes.substr(0, room));
    bytes.remove_prefix(std::min(bytes.size(), room));
    while (!finished_ && rest_.size() >= kPrefixBytes) {
      std::size_t length = 0;
      for (std::size_t i = 1; i < kPrefixBytes; ++i) {
        length = length << 8U | static_cast<unsigned char>(rest_[i]);
      }
      if (length > kMaxMessageBytes) {
        finish(8, "The message is too large for this method.");
        return;
      }
      if (rest_[0] != 0) {
        finish(12, "This method takes no compressed messages.");
        return;
      }
      if (rest_.size() < kPrefixBytes + length) break;
      const std::string message = rest_.substr(kPrefixBytes, length);
      rest_.erase(0, kPrefixBytes + length);
      on_message(message);
    }
  }
}

void GrpcIncoming::send(std::string_view message) {
  answer_->send(make_grpc_frame(message));
}

void GrpcIncoming::finish(int status, std::string_view message) {
  if (std::exchange(finished_, true)) return;
  net::Headers trailers;
  trailers.add("grpc-status", std::to_string(status));
  if (!message.empty()) trailers.add("grpc-message", percent_encode(message));
  answer_->finish(std::move(trailers));
}

}  // namespace signalbox::server::receive
