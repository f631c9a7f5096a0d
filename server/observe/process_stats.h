#pragma once

#include <cstdint>

namespace signalbox::server::observe {

/// What the system says of this process; 0 where it says nothing.
struct ProcessStats {
  double user_cpu_s = 0;
  double system_cpu_s = 0;
  std::int64_t resident_bytes = 0;
  std::int64_t open_files = 0;
  std::int64_t threads = 0;
};

ProcessStats read_process_stats();

}  // namespace signalbox::server::observe
