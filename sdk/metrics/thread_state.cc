#include "sdk/metrics/thread_state.h"

#include <pthread.h>

#include <algorithm>
#include <new>
#include <utility>

#include "sdk/metrics/attribute_set.h"
#include "sdk/metrics/instrument.h"

namespace signalbox::metrics::detail {

constinit thread_local ThreadCells thread_cells;

namespace {

constinit thread_local ThreadState* thread_state = nullptr;

constexpr std::size_t kFirstCapacity = 64;
constexpr std::size_t kMaxCapacity = 8192;
constexpr std::size_t kWindow = 8;              // Places that an entry may be in.
constexpr std::size_t kMaxSpellingBytes = 512;  // Longer ones are rare, and not worth keeping.

// A thread-specific key rather than a destructor of a thread_local: it runs after those, so that
// they may still record, and not at all for the main thread, so that static destructors may.
pthread_key_t thread_exit_key() noexcept {
  static const pthread_key_t key = [] {
    pthread_key_t created{};
    pthread_key_create(&created, [](void* state) {
      thread_cells = {};
      thread_state = nullptr;
      delete static_cast<ThreadState*>(state);
    });
    return created;
  }();
  return key;
}

}  // namespace

ThreadState* ThreadState::current() noexcept {
  if (thread_state == nullptr) {
    thread_state = new (std::nothrow) ThreadState();
    pthread_setspecific(thread_exit_key(), thread_state);
  }
  return thread_state;
}

ThreadState::~ThreadState() {
  for (const auto& [address, weak] : instruments_) {
    if (const auto instrument = weak.lock()) {
      instrument->release_cells(*this);
    }
  }
}

void* ThreadState::find(std::uint64_t hash, const Instrument& instrument,
                        Attributes attributes) const noexcept {
  if (entries_.empty()) [[unlikely]] {
    return nullptr;
  }
  const std::size_t mask = entries_.size() - 1;
  for (std::size_t i = 0; i < kWindow; ++i) {
    const Entry& entry = entries_[(hash + i) & mask];
    if (entry.hash == hash && entry.instrument_id == instrument.id() &&
        is_spelled(entry.spelling, attributes)) {
      return entry.cell;
    }
    if (entry.cell == nullptr) {
      return nullptr;
    }
  }
  return nullptr;
}

ThreadState::Entry* ThreadState::place_for(std::uint64_t hash) noexcept {
  const std::size_t mask = entries_.size() - 1;
  for (std::size_t i = 0; i < kWindow; ++i) {
    Entry& entry = entries_[(hash + i) & mask];
    if (entry.cell == nullptr) {
      return &entry;
    }
  }
  return nullptr;
}

void ThreadState::grow() {
  std::vector<Entry> old(entries_.empty() ? kFirstCapacity : entries_.size() * 2);
  old.swap(entries_);
  cached_ = 0;
  for (Entry& entry : old) {
    if (entry.cell == nullptr) {
      continue;
    }
    if (Entry* place = place_for(entry.hash)) {  // Else it is found the slow way once more.
      *place = std::move(entry);
      ++cached_;
    }
  }
}

void ThreadState::insert(std::uint64_t hash, const Instrument& instrument, std::string spelling,
                         void* cell) {
  if (spelling.size() > kMaxSpellingBytes) {
    return;
  }
  if (cached_ * 2 >= entries_.size() && entries_.size() < kMaxCapacity) {
    grow();
  }
  Entry* place = place_for(hash);
  if (place == nullptr) {
    // Attributes of unlimited variety pass through; they push out whatever is there.
    next_victim_ = (next_victim_ + 1) % kWindow;
    place = &entries_[(hash + next_victim_) & (entries_.size() - 1)];
  } else {
    ++cached_;
  }
  *place = Entry{.hash = hash,
                 .instrument_id = instrument.id(),
                 .cell = cell,
                 .spelling = std::move(spelling)};
}

void ThreadState::set_slot(std::uint32_t slot, void* cell) {
  if (slot >= slots_.size()) {
    slots_.resize(std::max<std::size_t>({slot + 1, slots_.size() * 2, 16}));
  }
  slots_[slot] = cell;
  thread_cells = {.cells = slots_.data(), .size = static_cast<std::uint32_t>(slots_.size())};
}

void ThreadState::forget_dead_instruments() {
  std::erase_if(instruments_, [](const auto& known) { return known.second.expired(); });
  sweep_at_ = std::max<std::size_t>(16, instruments_.size() * 2);
}

void ThreadState::remember(const std::shared_ptr<Instrument>& instrument) {
  for (const auto& [address, weak] : instruments_) {
    if (address == instrument.get() && !weak.expired()) {
      return;
    }
  }
  if (instruments_.size() >= sweep_at_) {
    forget_dead_instruments();
  }
  instruments_.emplace_back(instrument.get(), instrument);
}

}  // namespace signalbox::metrics::detail
