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

std::size_t connections_within(const FileLimit& limit) noexcept {
  constexpr std::size_t kLeastForTables = 256;
  constexpr std::size_t kMostForTables = 8192;
  constexpr std::size_t kLeastConnections = 24;
  const std::size_t for_tables = std::clamp(limit.now / 2, kLeastForTables, kMostForTables);
  return std::max(limit.now - std::min(limit.now, for_tables), kLeastConnections);
}

}  // namespace signalbox::server::net
