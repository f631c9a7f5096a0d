#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "server/cli/doctor/finding.h"
#include "server/config/options.h"

/// What the machine gives the server. None of them changes anything, but for a small file that
/// `check_disk` writes and removes.
namespace signalbox::server::cli {

/// Room on the disk of `folder`, or of where it would be, and how long a sync takes there.
Findings check_disk(const std::filesystem::path& folder, std::uint64_t least_free_bytes);

/// The limit on open files.
Finding check_open_files(std::size_t wanted_connections);

/// The same of a given limit.
Finding judge_open_files(std::size_t hard_limit, std::size_t wanted_connections);

/// Memory that the server needs against that of the machine and of the control groups it is in.
/// `root`: of the file system, for tests.
Finding check_memory(std::uint64_t engine_bytes, std::uint64_t queue_bytes,
                     const std::filesystem::path& root = "/");

/// The clock is not absurd, not behind the newest file of the folder, and kept in step.
Finding check_clock(const std::filesystem::path& folder);

/// "1.5 GiB".
std::string size_text(double bytes);

}  // namespace signalbox::server::cli
