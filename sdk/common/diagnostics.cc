#include <signalbox/common/diagnostics.h>

#include <chrono>
#include <cstdio>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "sdk/common/fork.h"

namespace signalbox::sdk {
namespace {

constexpr std::chrono::seconds kInterval{10};
constexpr std::size_t kMaxKeys = 256;

struct Limiter {
  std::chrono::steady_clock::time_point last;
  std::uint64_t held_back = 0;
};

void write_to_stderr(DiagnosticLevel level, std::string_view message) {
  constexpr std::string_view kNames[] = {"info", "warning", "error"};
  const std::string_view name = kNames[static_cast<std::size_t>(level)];
  std::fprintf(stderr, "signalbox: %.*s: %.*s\n", static_cast<int>(name.size()), name.data(),
               static_cast<int>(message.size()), message.data());
}

struct State {
  DiagnosticHandler handler = write_to_stderr;
  std::map<std::string, Limiter, std::less<>> limiters;
};

ForkSafeMutex mutex;

// Never destroyed: losses are reported until the very end of the process.
State& state() {
  static State& instance = *new State;
  return instance;
}

}  // namespace

void set_diagnostic_handler(DiagnosticHandler handler) {
  const std::scoped_lock lock(mutex);
  state().handler = std::move(handler);
  state().limiters.clear();
}

void report_diagnostic(DiagnosticLevel level, std::string_view key,
                       std::string_view message) noexcept {
  try {
    const std::scoped_lock lock(mutex);
    State& shared = state();
    if (!shared.handler) return;
    const auto now = std::chrono::steady_clock::now();
    auto found = shared.limiters.find(key);
    if (found == shared.limiters.end()) {
      if (shared.limiters.size() == kMaxKeys) shared.limiters.clear();
      found = shared.limiters.emplace(std::string(key), Limiter{now, 0}).first;
    } else if (now - found->second.last < kInterval) {
      ++found->second.held_back;
      return;
    }
    Limiter& limiter = found->second;
    limiter.last = now;
    if (const std::uint64_t held_back = std::exchange(limiter.held_back, 0); held_back != 0) {
      shared.handler(level, std::string(message) + " (" + std::to_string(held_back) +
                                " earlier messages like this were held back.)");
    } else {
      shared.handler(level, message);
    }
  } catch (...) {
    // A handler that throws, or no memory for the message: there is nobody left to tell.
  }
}

}  // namespace signalbox::sdk
