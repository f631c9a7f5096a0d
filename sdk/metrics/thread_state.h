#pragma once

#include <signalbox/common/attribute.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace signalbox::metrics::detail {

class Instrument;

/// What one thread remembers of the series that it has recorded to: a cache from spelled attributes
/// to its cells, and cells by slot. Used by its thread only.
///
/// The cells belong to the instruments; an entry of an instrument that is gone is never found
/// again, since ids and slots are not reused. At thread exit the cells are given back, for later
/// threads to go on with.
class ThreadState {
 public:
  /// The calling thread's; null if memory is exhausted.
  [[nodiscard]] static ThreadState* current() noexcept;

  ThreadState() = default;
  ThreadState(const ThreadState&) = delete;
  ThreadState& operator=(const ThreadState&) = delete;
  ~ThreadState();

  /// The cell of these attributes; null if it is not cached. `hash` is of the spelling, seeded with
  /// the instrument's.
  [[nodiscard]] void* find(std::uint64_t hash, const Instrument& instrument,
                           Attributes attributes) const noexcept;
  void insert(std::uint64_t hash, const Instrument& instrument, std::string spelling, void* cell);
  void set_slot(std::uint32_t slot, void* cell);
  /// Whose cells to give back.
  void remember(const std::shared_ptr<Instrument>& instrument);

  // For tests: what the cache holds.
  [[nodiscard]] std::size_t cached() const noexcept { return cached_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return entries_.size(); }

 private:
  struct Entry {
    std::uint64_t hash = 0;
    std::uint64_t instrument_id = 0;
    void* cell = nullptr;
    std::string spelling;
  };
  void grow();
  Entry* place_for(std::uint64_t hash) noexcept;
  void forget_dead_instruments();

  std::vector<Entry> entries_;
  std::size_t cached_ = 0;
  std::size_t next_victim_ = 0;
  std::vector<void*> slots_;
  std::vector<std::pair<const Instrument*, std::weak_ptr<Instrument>>> instruments_;
  std::size_t sweep_at_ = 16;
};

}  // namespace signalbox::metrics::detail
