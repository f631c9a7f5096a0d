#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// gRPC's message framing: a flag, a length of four bytes, a message.
namespace signalbox::server::receive {

struct GrpcFrame {
  bool ok = false;
  const char* error = "";  ///< Why not, for the sender.
  bool compressed = false;
  std::string_view message;  ///< A part of the body.
};

/// The one message of a unary call's body. Exactly one frame must fill it.
GrpcFrame parse_grpc_frame(std::string_view body);

/// An uncompressed frame around `message`.
std::string make_grpc_frame(std::string_view message);

}  // namespace signalbox::server::receive
