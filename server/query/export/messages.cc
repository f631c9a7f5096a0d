#include "server/query/export/messages.h"

namespace signalbox::server::query {
namespace {

/// The Collector's receiver of such files takes lines of a mebibyte.
constexpr std::size_t kLargeMessageBytes = std::size_t{512} << 10;

}  // namespace

bool Messages::end_if_large() {
  if (encoder_->size_bytes() < kLargeMessageBytes) return false;
  end();
  return true;
}

std::string Messages::take() {
  if (encoder_->size_bytes() != 0) end();
  return std::move(body_);
}

void Messages::end() {
  const std::string message = encoder_->take();
  if (encoding_ == otlp::Encoding::kJson) {
    body_ += message;
    body_ += '\n';
    return;
  }
  const auto size = static_cast<std::uint32_t>(message.size());
  for (int shift = 24; shift >= 0; shift -= 8) body_ += static_cast<char>(size >> shift);
  body_ += message;
}

}  // namespace signalbox::server::query
