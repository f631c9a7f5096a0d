#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace signalbox::server::observe {

/// The server's own log, which no flood of events can fill: of each reason the first report of an
/// interval is written, the others are counted and told in one line at the interval's end.
///
/// Thread-safety: all members from any thread. `sink` is called under a lock.
class Reporter {
 public:
  using Clock = std::chrono::steady_clock;
  enum class Level : std::uint8_t { kInfo, kWarning, kError };

  struct Options {
    std::function<void(Level, const std::string&)> sink;
    std::chrono::seconds interval{10};  ///< > 0.
    /// Further ones share one reason. > 0.
    std::size_t max_reasons = 200;
    std::function<Clock::time_point()> now = [] { return Clock::now(); };
  };

  explicit Reporter(Options options);
  ~Reporter();
  Reporter(const Reporter&) = delete;
  Reporter& operator=(const Reporter&) = delete;

  /// Writes `message`, or counts it if one of this `reason` was written in this interval.
  void report(Level level, std::string_view reason, const std::string& message);

  /// Tells what was counted in the intervals that have ended. To be called every second or so.
  void flush_due();

  /// Tells all that was counted; for the end.
  void flush();

 private:
  struct Held {
    Clock::time_point since;
    std::uint64_t count = 0;  ///< Not written since then.
    Level level = Level::kInfo;
    std::string last_message;
  };
  void tell(const Held& held, Clock::time_point now);
  void flush_older_than(std::chrono::nanoseconds age);

  const Options options_;
  std::mutex mutex_;
  std::map<std::string, Held, std::less<>> held_;
};

}  // namespace signalbox::server::observe
