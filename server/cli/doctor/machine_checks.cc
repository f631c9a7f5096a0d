#include "server/cli/doctor/machine_checks.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/timex.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <system_error>
#include <vector>

#include "server/cli/times.h"
#include "server/cli/units.h"
#include "server/net/file_limit.h"

namespace signalbox::server::cli {
namespace {

namespace fs = std::filesystem;
using Level = Finding::Level;
using Clock = std::chrono::steady_clock;

constexpr int kSyncs = 15;
constexpr double kSlowSyncNs = 20e6;  // Each answer to a sender waits for one.
constexpr double kVerySlowSyncNs = 200e6;
constexpr std::uint64_t kBesideEngine = 256ULL << 20;  // What the rest of the server takes.
constexpr std::int64_t kSecondNs = 1'000'000'000;
constexpr std::int64_t kEarliestNs = 1'735'689'600 * kSecondNs;  // 2025
constexpr std::int64_t kClockSlackNs = 120 * kSecondNs;

/// The folder, or the nearest above it that is there.
fs::path existing(const fs::path& folder) {
  std::error_code error;
  fs::path at = fs::absolute(folder, error);
  while (!fs::exists(at, error) && at.has_parent_path() && at != at.parent_path()) {
    at = at.parent_path();
  }
  return at;
}

/// A file without a name that others could find; -1 with errno.
int temporary_file(const fs::path& folder) {
  std::string name = (folder / ".signalbox-doctor-XXXXXX").string();
  const int file = mkostemp(name.data(), O_CLOEXEC);
  if (file >= 0) unlink(name.c_str());
  return file;
}

/// The median; nothing if one failed, with errno.
std::optional<double> measure_sync(int file) {
  const std::array<char, 4096> bytes{};
  std::vector<double> times;
  for (int i = 0; i < kSyncs; ++i) {
    const auto start = Clock::now();
    if (pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(i) * 4096) < 0 ||
        fdatasync(file) != 0) {
      return std::nullopt;
    }
    times.push_back(std::chrono::duration<double, std::nano>(Clock::now() - start).count());
  }
  std::nth_element(times.begin(), times.begin() + kSyncs / 2, times.end());
  return times[kSyncs / 2];
}

Finding check_sync(const fs::path& folder) {
  const int file = temporary_file(folder);
  const std::optional<double> median = file < 0 ? std::nullopt : measure_sync(file);
  const std::string reason = std::generic_category().message(errno);
  if (file >= 0) close(file);
  if (!median) {
    return {.level = Level::kFault,
            .check = "sync",
            .what = "a file in " + folder.string() + " cannot be written: " + reason,
            .advice = "run this as the server's user, or give that user the folder"};
  }
  Finding finding{.check = "sync",
                  .what = "a write reaches the disk of " + folder.string() + " in " +
                          duration_text(*median) + " (median of " + std::to_string(kSyncs) + ")"};
  if (*median > kSlowSyncNs) {
    finding.level = *median > kVerySlowSyncNs ? Level::kFault : Level::kDoubt;
    finding.advice = "each answer to a sender waits for it: put the data folder on a faster disk";
  }
  return finding;
}

Finding check_room(const fs::path& folder, std::uint64_t least_free_bytes) {
  std::error_code error;
  const fs::space_info space = fs::space(folder, error);
  if (error) {
    return {
        .level = Level::kFault,
        .check = "disk",
        .what = "the disk of " + folder.string() + " does not say what is free: " + error.message(),
        .advice = "look whether it is mounted"};
  }
  const auto available = static_cast<double>(space.available);
  Finding finding{.check = "disk",
                  .what = size_text(available) + " of " +
                          size_text(static_cast<double>(space.capacity)) + " are free for " +
                          folder.string()};
  if (space.available < least_free_bytes) {
    finding.level = Level::kFault;
    finding.advice = "the server is not ready below " +
                     size_text(static_cast<double>(least_free_bytes)) +
                     ": remove files, keep less (--retention-traces, --max-disk), or enlarge it";
  } else if (space.available < 5 * least_free_bytes ||
             available < 0.05 * static_cast<double>(space.capacity)) {
    finding.level = Level::kDoubt;
    finding.advice = "set --max-disk, so that the oldest days go before the disk is full";
  }
  return finding;
}

/// A number of bytes from a file; nothing for "max" and what is not there.
std::optional<std::uint64_t> read_bytes(const fs::path& path) {
  std::ifstream file(path);
  std::uint64_t bytes = 0;
  return file >> bytes ? std::optional(bytes) : std::nullopt;
}

/// From /proc/meminfo, in bytes.
std::uint64_t memory_of_machine(const fs::path& root) {
  std::ifstream file(root / "proc/meminfo");
  std::string name;
  std::uint64_t kib = 0;
  std::string unit;
  while (file >> name >> kib) {
    if (name == "MemTotal:") return kib * 1024;
    std::getline(file, unit);
  }
  return 0;
}

/// The least limit of the process's control group and those above it.
std::optional<std::uint64_t> limit_of_groups(const fs::path& root) {
  std::ifstream file(root / "proc/self/cgroup");
  std::string line;
  std::optional<std::uint64_t> least;
  const auto take = [&](const fs::path& path) {
    if (const auto bytes = read_bytes(path)) {
      least = std::min(*bytes, least.value_or(std::numeric_limits<std::uint64_t>::max()));
    }
  };
  while (std::getline(file, line)) {
    if (!line.starts_with("0::/")) continue;
    fs::path group = fs::path(line.substr(4));
    for (;; group = group.parent_path()) {
      take(root / "sys/fs/cgroup" / group / "memory.max");
      if (group.empty()) break;
    }
  }
  take(root / "sys/fs/cgroup/memory/memory.limit_in_bytes");  // Version 1.
  return least;
}

std::int64_t newest_file_ns(const fs::path& folder) {
  std::int64_t newest = 0;
  std::error_code error;
  for (auto at = fs::directory_iterator(folder, error); !error && at != fs::directory_iterator();
       at.increment(error)) {
    std::error_code gone;
    const auto time = at->last_write_time(gone);
    if (gone) continue;
    const auto system = std::chrono::file_clock::to_sys(time).time_since_epoch();
    newest = std::max(
        newest, std::int64_t{std::chrono::duration_cast<std::chrono::nanoseconds>(system).count()});
  }
  return newest;
}

}  // namespace

std::string size_text(double bytes) {
  return value_text(bytes, "By");
}

Findings check_disk(const fs::path& folder, std::uint64_t least_free_bytes) {
  const fs::path there = existing(folder);
  return {check_room(there, least_free_bytes), check_sync(there)};
}

Finding check_open_files(std::size_t wanted_connections) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max == RLIM_INFINITY) {
    return {.check = "files", .what = "the number of open files is not limited"};
  }
  return judge_open_files(limit.rlim_max, wanted_connections);
}

Finding judge_open_files(std::size_t hard_limit, std::size_t wanted_connections) {
  const std::size_t connections =
      net::connections_within({.before = hard_limit, .now = hard_limit});
  Finding finding{.check = "files",
                  .what = std::to_string(hard_limit) + " open files are allowed, which leaves " +
                          std::to_string(connections) + " connections"};
  if (connections < wanted_connections) {
    finding.level = Level::kDoubt;
    finding.advice = "the server is to take " + std::to_string(wanted_connections) +
                     ": raise the hard limit (ulimit -Hn, LimitNOFILE=)";
  }
  return finding;
}

Finding check_memory(std::uint64_t engine_bytes, std::uint64_t queue_bytes, const fs::path& root) {
  const std::uint64_t machine = memory_of_machine(root);
  const std::optional<std::uint64_t> group = limit_of_groups(root);
  const bool is_limited = group && (machine == 0 || *group < machine);
  const std::uint64_t available = is_limited ? *group : machine;
  const std::uint64_t needed = engine_bytes + queue_bytes + kBesideEngine;
  Finding finding{
      .check = "memory",
      .what = size_text(static_cast<double>(available)) +
              (is_limited ? " are what this control group may have" : " are in the machine") +
              "; the server takes " + size_text(static_cast<double>(needed)) + " at most"};
  if (available == 0) {
    finding.level = Level::kDoubt;
    finding.what = "the system does not say how much memory there is";
  } else if (needed > available) {
    finding.level = needed > available + available / 2 ? Level::kFault : Level::kDoubt;
    finding.advice = "it may be killed under load: lower --engine-memory-mib, or give it more";
  }
  return finding;
}

Finding check_clock(const fs::path& folder) {
  const std::int64_t now_ns = now();
  if (now_ns < kEarliestNs) {
    return {.level = Level::kFault,
            .check = "clock",
            .what = "it is " + date_time_text(now_ns) + ", says the clock",
            .advice = "set the clock (timedatectl)"};
  }
  if (const std::int64_t newest = newest_file_ns(folder); newest > now_ns + kClockSlackNs) {
    return {.level = Level::kDoubt,
            .check = "clock",
            .what = "files of the data folder are from " + date_time_text(newest) +
                    ", which is in the future: the clock was set back",
            .advice = "set the clock (timedatectl)"};
  }
  timex state{};
  const bool is_synchronised = adjtimex(&state) != TIME_ERROR;
  Finding finding{.check = "clock", .what = "the clock is kept in step"};
  if (!is_synchronised) {
    finding.level = Level::kDoubt;
    finding.what = "nothing keeps the clock in step, as far as the kernel knows";
    finding.advice =
        "run chronyd or systemd-timesyncd, here or on the machine around this "
        "container: spans of several machines are put in order by their clocks";
  }
  return finding;
}

}  // namespace signalbox::server::cli
