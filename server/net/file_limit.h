#pragma once

#include <cstddef>

namespace signalbox::server::net {

/// How many files and connections this process may have open at one time.
struct FileLimit {
  std::size_t before = 0;  ///< The soft limit as it was found.
  std::size_t now = 0;     ///< The soft limit as it is.
};

/// Raises the soft limit on open files to the hard one. Called once at the start, from one thread.
/// Never fails: where nothing can be raised, `now` is `before`.
FileLimit raise_file_limit() noexcept;

/// How many connections each of `servers` servers may have: `wanted`, or what `limit` leaves when
/// half of the files, at least 256, are kept for the store's tables. At least 8.
[[nodiscard]] std::size_t connections_within(const FileLimit& limit, std::size_t wanted,
                                             std::size_t servers) noexcept;

}  // namespace signalbox::server::net
