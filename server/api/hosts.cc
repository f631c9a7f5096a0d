#include "server/api/hosts.h"

#include <algorithm>

#include "server/ascii.h"

namespace signalbox::server::api {
namespace {

/// Four numbers. Browsers write every other spelling of an address so.
bool is_ipv4(std::string_view name) {
  return std::count(name.begin(), name.end(), '.') == 3 &&
         name.find_first_not_of("0123456789.") == std::string_view::npos;
}

std::string without_port(std::string_view host) {
  if (host.starts_with('[')) return std::string(host.substr(0, host.find(']') + 1));
  std::string name = to_lower(host.substr(0, host.find(':')));
  if (name.ends_with('.')) name.pop_back();
  return name;
}

}  // namespace

bool is_allowed_host(std::string_view host, const std::vector<std::string>& allowed) {
  const std::string name = without_port(host);
  if (name.size() > 2 && name.front() == '[' && name.back() == ']') return true;
  if (is_ipv4(name) || name == "localhost" || name.ends_with(".localhost")) return true;
  return std::any_of(allowed.begin(), allowed.end(), [&](const std::string& known) {
    return known == "*" || without_port(known) == name;
  });
}

}  // namespace signalbox::server::api
