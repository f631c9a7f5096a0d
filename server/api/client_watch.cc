#include "server/api/client_watch.h"

#include <chrono>
#include <utility>

namespace signalbox::server::api {
namespace {

constexpr std::chrono::milliseconds kAskEvery{250};

}  // namespace

ClientWatch::ClientWatch() : thread_([this](const std::stop_token& end) { run(end); }) {}

ClientWatch::~ClientWatch() = default;

ClientWatch::Guard::Guard(ClientWatch& watch, const net::Responder& responder) : watch_(watch) {
  std::stop_source stop;
  if (responder.abandoned()) stop.request_stop();
  {
    const std::scoped_lock lock(watch_.mutex_);
    entry_ = watch_.entries_.insert(watch_.entries_.end(), {&responder, std::move(stop)});
  }
  watch_.changed_.notify_all();
}

ClientWatch::Guard::~Guard() {
  const std::scoped_lock lock(watch_.mutex_);
  watch_.entries_.erase(entry_);
}

void ClientWatch::run(const std::stop_token& end) {
  std::unique_lock lock(mutex_);
  while (!end.stop_requested()) {
    if (!changed_.wait(lock, end, [this] { return !entries_.empty(); })) return;
    // A stop only wakes the engine's own watch: short enough to be done under the lock.
    for (Entry& entry : entries_) {
      if (entry.responder->abandoned()) entry.stop.request_stop();
    }
    changed_.wait_for(lock, end, kAskEvery, [] { return false; });
  }
}

}  // namespace signalbox::server::api
