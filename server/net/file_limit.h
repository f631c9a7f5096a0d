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

/// How many connections all servers together may have: what `limit` leaves when half of the files,
/// but 256 to 8192, are kept for the store's tables. At least 24.
[[nodiscard]] std::size_t connections_within(const FileLimit& limit) noexcept;

}  // namespace signalbox::server::net
