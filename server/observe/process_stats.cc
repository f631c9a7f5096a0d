#include "server/observe/process_stats.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

namespace signalbox::server::observe {
namespace {

double seconds(const timeval& time) {
  constexpr double kMicroseconds = 1e6;
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / kMicroseconds;
}

std::int64_t entries(const char* folder) {
  std::error_code error;
  const std::filesystem::directory_iterator begin(folder, error);
  return error ? 0 : std::distance(begin, std::filesystem::directory_iterator());
}

}  // namespace

ProcessStats read_process_stats() {
  ProcessStats stats;
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    stats.user_cpu_s = seconds(usage.ru_utime);
    stats.system_cpu_s = seconds(usage.ru_stime);
  }
  std::int64_t total_pages = 0;
  std::int64_t resident_pages = 0;
  if (std::ifstream file("/proc/self/statm"); file >> total_pages >> resident_pages) {
    stats.resident_bytes = resident_pages * sysconf(_SC_PAGESIZE);
  }
  stats.open_files = entries("/proc/self/fd");
  stats.threads = entries("/proc/self/task");
  return stats;
}

}  // namespace signalbox::server::observe
