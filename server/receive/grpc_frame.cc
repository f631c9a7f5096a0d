#include "server/receive/grpc_frame.h"

namespace signalbox::server::receive {
namespace {
constexpr std::size_t kPrefixBytes = 5;
}

GrpcFrame parse_grpc_frame(std::string_view body) {
  GrpcFrame frame;
  if (body.size() < kPrefixBytes) {
    frame.error = "the body is shorter than the 5 bytes before a gRPC message";
    return frame;
  }
  std::size_t length = 0;
  for (std::size_t i = 1; i < kPrefixBytes; ++i) {
    length = length << 8U | static_cast<unsigned char>(body[i]);
  }
  if (static_cast<unsigned char>(body[0]) > 1) {
    frame.error = "the compressed flag of a gRPC message is neither 0 nor 1";
  } else if (length > body.size() - kPrefixBytes) {
    frame.error = "the body ends within the gRPC message";
  } else if (length < body.size() - kPrefixBytes) {
    frame.error = "a unary call has exactly one gRPC message; the body goes on after it";
  } else {
    frame.ok = true;
    frame.compressed = body[0] == 1;
    frame.message = body.substr(kPrefixBytes);
  }
  return frame;
}

std::string make_grpc_frame(std::string_view message) {
  std::string frame;
  frame.reserve(kPrefixBytes + message.size());
  frame += '\0';
  for (int shift = 24; shift >= 0; shift -= 8) {
    frame += static_cast<char>(message.size() >> static_cast<unsigned>(shift) & 0xFFU);
  }
  return frame.append(message);
}

}  // namespace signalbox::server::receive
