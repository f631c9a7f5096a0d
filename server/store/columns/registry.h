#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "server/store/columns/service_edges.h"
#include "server/store/columns/slots.h"
#include "server/store/columns/two_generations.h"

namespace signalbox::server::store {

class Engine;

/// Two signals have slots.
enum class SlottedSignal : std::uint8_t { kSpans, kLogs };
inline constexpr std::size_t kSlottedSignals = 2;
/// "spans", "logs": as the table `attribute_slots` has it.
[[nodiscard]] std::string_view slotted_signal_name(SlottedSignal signal) noexcept;

/// What a block has described in its tables: becomes known once that is on disk.
struct Descriptions {
  struct Id {
    std::uint64_t hash;
    std::uint32_t id;
  };
  struct SeriesHour {
    std::uint64_t series_id;
    std::int64_t hour;  ///< Its first second, since 1970.
  };
  struct KeySlot {
    SlottedSignal signal;
    std::string key;
    Slot slot;
    friend bool operator==(const KeySlot&, const KeySlot&) = default;
  };
  std::vector<Id> resources;
  std::vector<Id> scopes;
  std::vector<std::uint64_t> series;
  std::vector<SeriesHour> series_hours;
  std::vector<KeySlot> slots;
};

/// What all blocks share: the ids assigned to resources and scopes, which series are known, and the
/// slots of attribute keys.
///
/// What it forgets, having a limit, is assigned anew and described once more, which does no harm: a
/// resource may have several ids. No id is assigned twice.
///
/// Thread-safety: all members from any thread.
class Registry {
 public:
  /// Of empty tables. `capacity` is the number of resources, of scopes and of series kept; > 0.
  explicit Registry(std::size_t capacity);
  /// Of the tables behind `engine`. `report` gets sentences for an operator, from any thread.
  /// Errors: EngineError.
  Registry(
      std::size_t capacity, Engine& engine,
      std::function<void(const std::string&)> report = [](const std::string&) {});

  struct Identity {
    std::uint32_t id;
    bool is_described;  ///< In its table, on disk.
  };
  [[nodiscard]] Identity resource(std::uint64_t hash) { return resources_.identity(hash); }
  [[nodiscard]] Identity scope(std::uint64_t hash) { return scopes_.identity(hash); }
  [[nodiscard]] bool is_series_described(std::uint64_t series_id);
  /// Whether the tables know that the series has points in this hour.
  [[nodiscard]] bool is_described(const Descriptions::SeriesHour& series_hour);

  /// As SlotAssignment has them.
  bool choose_slots(SlottedSignal signal, std::span<const SlotAssignment::Wanted> attributes,
                    std::uint32_t sightings, std::vector<Slot>& slots);
  void mark_near_unique(SlottedSignal signal, std::string_view key);
  [[nodiscard]] bool is_slot_described(SlottedSignal signal, std::string_view key, Slot slot);

  void described(const Descriptions& descriptions);

  [[nodiscard]] ServiceEdges& edges() noexcept { return edges_; }

  /// The least identity of a block whose rows the side tables have: queries count those of earlier
  /// blocks from the rows themselves.
  [[nodiscard]] std::int64_t side_tables_since() const noexcept { return side_tables_since_; }

 private:
  class Ids {
   public:
    explicit Ids(std::size_t capacity) : known_(capacity) {}
    Identity identity(std::uint64_t hash);
    void described(std::uint64_t hash, std::uint32_t id);
    void restore(Engine& engine, const std::string& table, const std::string& column,
                 std::size_t limit);

   private:
    std::mutex mutex_;
    TwoGenerations<Identity> known_;
    std::uint32_t next_ = 1;
  };

  Registry(std::size_t capacity, ServiceEdges::Load load_spans);
  void restore_slots(Engine& engine);
  void restore_side_tables_since(Engine& engine);

  Ids resources_, scopes_;
  std::mutex series_mutex_;
  TwoGenerations<char> series_;
  TwoGenerations<char> series_hours_;
  std::mutex slots_mutex_;
  std::array<SlotAssignment, kSlottedSignals> slots_;
  ServiceEdges edges_;
  std::int64_t side_tables_since_ = 0;
};

}  // namespace signalbox::server::store
