#include "server/config/endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstdint>
#include <stdexcept>

namespace signalbox::server::config {
namespace {

[[noreturn]] void throw_bad_endpoint(std::string_view text) {
  throw std::invalid_argument("\"" + std::string(text) +
                              "\" is not an address with a port, such as 127.0.0.1:4317, "
                              "[::1]:4317 or 0.0.0.0:4317");
}

std::uint16_t parse_port(std::string_view digits, std::string_view text) {
  constexpr std::uint32_t kMost = 65'535;
  if (digits.empty()) throw_bad_endpoint(text);
  std::uint32_t port = 0;
  for (const char digit : digits) {
    if (digit < '0' || digit > '9') throw_bad_endpoint(text);
    port = port * 10 + static_cast<std::uint32_t>(digit - '0');
    if (port > kMost) throw_bad_endpoint(text);
  }
  return static_cast<std::uint16_t>(port);
}

}  // namespace

net::Endpoint parse_endpoint(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) throw_bad_endpoint(text);
  std::string_view address = text.substr(0, colon);
  const std::uint16_t port = parse_port(text.substr(colon + 1), text);
  if (address.size() > 2 && address.front() == '[' && address.back() == ']') {
    address = address.substr(1, address.size() - 2);
  } else if (address.find_first_of(":[]") != std::string_view::npos) {
    throw_bad_endpoint(text);
  }
  if (address.empty()) throw_bad_endpoint(text);
  if (address == "localhost") address = "127.0.0.1";
  return {std::string(address), port};
}

bool is_loopback(const net::Endpoint& endpoint) {
  in_addr v4{};
  if (inet_pton(AF_INET, endpoint.address.c_str(), &v4) == 1) {
    constexpr std::uint32_t kLoopbackNet = 127;
    return ntohl(v4.s_addr) >> 24U == kLoopbackNet;
  }
  in6_addr v6{};
  if (inet_pton(AF_INET6, endpoint.address.c_str(), &v6) != 1) return false;
  return IN6_IS_ADDR_LOOPBACK(&v6) != 0;
}

}  // namespace signalbox::server::config
