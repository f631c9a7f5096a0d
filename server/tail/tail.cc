#include "server/tail/tail.h"

#include <utility>

namespace signalbox::server::tail {
namespace {

constexpr std::size_t kPieceBytes = 64 * 1024;
/// A comment, which clients pass over.
constexpr std::string_view kHeartbeat = ":\n\n";

}  // namespace

Tail::Tail(query::Signal signal, query::FilterMatcher filter, Limits limits,
           std::function<void()> on_close)
    : signal_(signal),
      filter_(std::move(filter)),
      limits_(limits),
      on_close_(std::move(on_close)) {}

Tail::~Tail() {
  on_close_();
}

void Tail::push(std::shared_ptr<const std::string> json) {
  {
    const std::scoped_lock lock(mutex_);
    bytes_ += json->size();
    entries_.push_back({.json = std::move(json), .missed = {}});
    while (entries_.size() > limits_.records || bytes_ > limits_.bytes) drop_oldest();
  }
  wake();
}

void Tail::miss(std::uint64_t unchecked) {
  {
    const std::scoped_lock lock(mutex_);
    if (entries_.empty()) {
      missed_.unchecked += unchecked;
    } else if (entries_.back().json == nullptr) {
      entries_.back().missed.unchecked += unchecked;
    } else {
      entries_.push_back({.json = nullptr, .missed = {.count = 0, .unchecked = unchecked}});
    }
  }
  wake();
}

void Tail::drop_oldest() {
  const Entry& oldest = entries_.front();
  missed_.unchecked += oldest.missed.unchecked;
  if (oldest.json != nullptr) {
    ++missed_.count;
    bytes_ -= oldest.json->size();
  }
  entries_.pop_front();
}

void Tail::on_start(std::function<void()> wake) {
  const std::scoped_lock lock(mutex_);
  wake_ = std::move(wake);
}

void Tail::wake() {
  std::function<void()> wake;
  {
    const std::scoped_lock lock(mutex_);
    if (std::exchange(is_woken_, true)) return;
    wake = wake_;
  }
  if (wake) wake();
}

void Tail::write(const Missed& missed, std::string& out) {
  out += "event: missed\ndata: {\"count\":" + std::to_string(missed.count) +
         ",\"unchecked\":" + std::to_string(missed.unchecked) + "}\n\n";
}

net::BodySource::Piece Tail::take() {
  Piece piece;
  const auto now = Clock::now();
  const std::scoped_lock lock(mutex_);
  is_woken_ = false;
  if (missed_.count != 0 || missed_.unchecked != 0) {
    last_id_ += missed_.count;
    write(std::exchange(missed_, {}), piece.bytes);
  }
  while (!entries_.empty() && piece.bytes.size() < kPieceBytes) {
    const Entry entry = std::move(entries_.front());
    entries_.pop_front();
    if (entry.json == nullptr) {
      write(entry.missed, piece.bytes);
      continue;
    }
    bytes_ -= entry.json->size();
    piece.bytes += "id: " + std::to_string(++last_id_) + "\nevent: record\ndata: ";
    piece.bytes += *entry.json;
    piece.bytes += "\n\n";
  }
  // The first one tells that the tail has begun.
  const bool is_silent = !std::exchange(is_begun_, true) || now - last_sent_ >= limits_.heartbeat;
  if (piece.bytes.empty() && is_silent) piece.bytes = kHeartbeat;
  if (!piece.bytes.empty()) last_sent_ = now;
  return piece;
}

}  // namespace signalbox::server::tail
