#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "server/net/http.h"
#include "server/observe/reporter.h"
#include "server/store/commit/writer.h"
#include "server/store/engine/engine.h"

namespace signalbox::server::observe {

/// What one check found.
struct CheckResult {
  bool ok = false;
  std::string detail;  ///< For people: what was measured, and its limit.
};

/// Whether the server can do its work: checks that `run`, on a thread of its own, makes again and
/// again, so that asking never blocks. A check that does not come back is itself a failure.
///
/// Thread-safety: `add` before all others; `run` from one thread; the others from any.
class Health {
 public:
  using Clock = std::chrono::steady_clock;

  struct Options {
    std::chrono::seconds longest_check{10};  ///< A check that takes longer fails. > 0.
    std::function<Clock::time_point()> now = [] { return Clock::now(); };
  };

  struct Check {
    std::string name;
    bool ok = false;
    std::string detail;
  };

  /// `reporter`, which outlives it, is told when a check begins to fail or recovers.
  Health(Reporter& reporter, Options options);

  void add(std::string name, std::function<CheckResult()> check);

  /// Makes all checks once.
  void run();

  /// What was found last; not ok until the first run.
  [[nodiscard]] std::vector<Check> checks() const;

 private:
  struct State {
    std::string name;
    std::function<CheckResult()> check;
    CheckResult result;
    bool was_made = false;
    bool is_running = false;
    Clock::time_point started;
  };
  void finish(State& state, CheckResult result);

  Reporter& reporter_;
  const Options options_;
  mutable std::mutex mutex_;
  std::vector<State> states_;
};

/// Enough room on the disk of `folder`. `available` tells its bytes; null: ask the system.
std::function<CheckResult()> disk_check(
    std::filesystem::path folder, std::uint64_t least_bytes,
    std::function<std::uint64_t(const std::filesystem::path&)> available = nullptr);

/// The log can be written and is not nearly full, and the engine takes from it. `most_bytes` is
/// where requests are refused.
std::function<CheckResult()> log_check(std::function<store::Writer::Stats()> stats,
                                       std::uint64_t most_bytes);

/// The engine answers a statement in time.
std::function<CheckResult()> engine_check(store::Engine& engine);

/// No partition has more parts than `most`: inserts are slowed down and then refused beyond.
std::function<CheckResult()> parts_check(store::Engine& engine, std::uint64_t most);

/// `next`, and before it GET /healthz (the process is alive) and GET /readyz (200 if every check is
/// ok, else 503; JSON with each). `health` outlives the requests.
net::Handler with_health(net::Handler next, const Health& health);

}  // namespace signalbox::server::observe
