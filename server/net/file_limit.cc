#include "server/net/file_limit.h"

#include <sys/resource.h>

#include <algorithm>

namespace signalbox::server::net {

FileLimit raise_file_limit() noexcept {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return {.before = 1024, .now = 1024};
  FileLimit result{.before = limit.rlim_cur, .now = limit.rlim_cur};
  if (limit.rlim_cur >= limit.rlim_max) return result;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) == 0) result.now = limit.rlim_cur;
  return result;
}

std::size_t connections_within(const FileLimit& limit, std::size_t wanted,
                               std::size_t servers) noexcept {
  constexpr std::size_t kLeastForTables = 256;
  constexpr std::size_t kLeastConnections = 8;
  const std::size_t for_tables = std::max(limit.now / 2, kLeastForTables);
  const std::size_t left = limit.now > for_tables ? limit.now - for_tables : 0;
  return std::max(std::min(wanted, left / servers), kLeastConnections);
}

}  // namespace signalbox::server::net
