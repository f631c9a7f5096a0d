#include "server/tail/hub.h"

#include <algorithm>
#include <exception>
#include <numeric>
#include <optional>
#include <string>
#include <utility>

namespace signalbox::server::tail {
namespace {

store::Signal stored(query::Signal signal) {
  switch (signal) {
    case query::Signal::kTraces:
      return store::Signal::kTraces;
    case query::Signal::kLogs:
      return store::Signal::kLogs;
    case query::Signal::kMetrics:
      break;
  }
  return store::Signal::kMetrics;
}

std::size_t index_of(store::Signal signal) {
  return static_cast<std::size_t>(signal);
}

}  // namespace

Hub::Hub(const store::Decoder& decoder, Limits limits)
    : decoder_(decoder),
      limits_(limits),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

Hub::~Hub() = default;

std::shared_ptr<Tail> Hub::open(query::Signal signal, const query::FilterNode& filter) {
  query::FilterMatcher matcher(filter, signal);
  const std::scoped_lock lock(mutex_);
  const auto is_closed = [](const std::weak_ptr<Tail>& tail) { return tail.expired(); };
  std::erase_if(tails_, is_closed);
  if (tails_.size() >= limits_.tails) return nullptr;
  auto tail = std::make_shared<Tail>(signal, std::move(matcher), limits_.of_tail,
                                     [this, signal] { close(signal); });
  tails_.push_back(tail);
  ++open_.at(index_of(stored(signal)));
  return tail;
}

void Hub::close(query::Signal signal) noexcept {
  --open_.at(index_of(stored(signal)));
}

std::size_t Hub::tails() const {
  return std::accumulate(open_.begin(), open_.end(), std::size_t{0});
}

Hub::Tails Hub::tails_of(store::Signal signal) const {
  Tails tails;
  const std::scoped_lock lock(mutex_);
  for (const std::weak_ptr<Tail>& weak : tails_) {
    std::shared_ptr<Tail> tail = weak.lock();
    if (tail != nullptr && stored(tail->signal()) == signal) tails.push_back(std::move(tail));
  }
  return tails;
}

void Hub::on_request(const store::IngestRequest& request, std::uint64_t records) noexcept {
  const std::size_t signal = index_of(request.signal);
  if (open_.at(signal).load(std::memory_order_relaxed) == 0) return;
  const std::size_t bytes = request.payload.size();
  const std::scoped_lock lock(mutex_);
  const bool has_room = waiting_.empty() || (waiting_.size() < limits_.waiting_requests &&
                                             bytes + waiting_bytes_ <= limits_.waiting_bytes);
  if (!has_room) {
    waiting_.back().unchecked_behind.at(signal) += records;
    return;
  }
  try {
    Waiting& added = waiting_.emplace_back();
    added.signal = request.signal;
    added.content = request.content;
    added.payload = request.payload;
    added.owner = request.owner;
    added.records = records;
  } catch (const std::exception&) {  // Out of memory.
    if (!waiting_.empty()) waiting_.back().unchecked_behind.at(signal) += records;
    return;
  }
  waiting_bytes_ += bytes;
  arrived_.notify_one();
}

void Hub::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (arrived_.wait(lock, stop, [&] { return !waiting_.empty(); }) && !stop.stop_requested()) {
    std::optional<Waiting> waiting = std::move(waiting_.front());
    waiting_.pop_front();
    waiting_bytes_ -= waiting->payload.size();
    lock.unlock();
    serve(*waiting);
    waiting.reset();  // Nobody waits for that.
    lock.lock();
  }
}

void Hub::serve(const Waiting& waiting) {
  if (const Tails tails = tails_of(waiting.signal); !tails.empty()) decode(waiting, tails);
  for (std::size_t signal = 0; signal < kSignals; ++signal) {
    const std::uint64_t unchecked = waiting.unchecked_behind.at(signal);
    if (unchecked == 0) continue;
    for (const auto& tail : tails_of(static_cast<store::Signal>(signal))) tail->miss(unchecked);
  }
}

void Hub::decode(const Waiting& waiting, const Tails& tails) {
  std::uint64_t checked = 0;
  RecordReader reader(
      [&](const query::LiveRecord& record, const std::function<std::string()>& json) {
        std::shared_ptr<const std::string> text;
        for (const std::shared_ptr<Tail>& tail : tails) {
          if (!tail->filter().matches(record)) continue;
          if (text == nullptr) text = std::make_shared<const std::string>(json());
          tail->push(text);
        }
        ++checked;
      });
  try {
    store::Sinks sinks = reader.sinks();
    // It was decoded before.
    static_cast<void>(decoder_.decode(waiting.signal, waiting.content, waiting.payload, sinks));
  } catch (const std::exception&) {  // Out of memory.
    if (checked >= waiting.records) return;
    for (const auto& tail : tails) tail->miss(waiting.records - checked);
  }
}

}  // namespace signalbox::server::tail
