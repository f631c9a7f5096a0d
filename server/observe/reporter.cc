#include "server/observe/reporter.h"

#include <algorithm>
#include <utility>

namespace signalbox::server::observe {
namespace {

constexpr std::size_t kLongestMessage = 2000;

/// One line, whatever came from outside.
std::string as_line(std::string_view message) {
  std::string line(message.substr(0, kLongestMessage));
  for (char& c : line) {
    constexpr char kDelete = 127;
    if (static_cast<unsigned char>(c) < ' ' || c == kDelete) c = ' ';
  }
  return line;
}

}  // namespace

Reporter::Reporter(Options options) : options_(std::move(options)) {}

Reporter::~Reporter() {
  flush();
}

void Reporter::report(Level level, std::string_view reason, const std::string& message) {
  const std::scoped_lock lock(mutex_);
  const Clock::time_point now = options_.now();
  if (held_.size() >= options_.max_reasons && held_.find(reason) == held_.end()) reason = "other";
  const auto [at, is_new] = held_.try_emplace(std::string(reason));
  Held& held = at->second;
  if (is_new || now - held.since >= options_.interval) {
    if (held.count > 0) tell(held, now);
    held = Held();
    held.since = now;
    options_.sink(level, as_line(message));
    return;
  }
  ++held.count;
  held.level = std::max(held.level, level);
  held.last_message = message;
}

void Reporter::tell(const Held& held, Clock::time_point now) {
  std::string line = as_line(held.last_message);
  if (held.count > 1) {
    const auto passed = std::chrono::round<std::chrono::seconds>(now - held.since).count();
    line += " (and " + std::to_string(held.count - 1) + " more in the last " +
            std::to_string(std::max<std::int64_t>(1, passed)) + " s)";
  }
  options_.sink(held.level, line);
}

void Reporter::flush_older_than(std::chrono::nanoseconds age) {
  const std::scoped_lock lock(mutex_);
  const Clock::time_point now = options_.now();
  std::erase_if(held_, [&](const auto& item) {
    if (now - item.second.since < age) return false;
    if (item.second.count > 0) tell(item.second, now);
    return true;
  });
}

void Reporter::flush_due() {
  flush_older_than(options_.interval);
}

void Reporter::flush() {
  flush_older_than(std::chrono::nanoseconds(0));
}

}  // namespace signalbox::server::observe
