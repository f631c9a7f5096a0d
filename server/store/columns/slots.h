#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "otlp/records.h"

/// Where the attributes of spans and log records stand in a row.
///
/// A row has a fixed number of columns for values, the slots, numbered from 1. Keys are assigned to
/// them as variables are to registers: keys that occur in one record get different slots, and a
/// slot serves many keys. The column `shape` of a row says which key stands in which slot with
/// which type, so a row can be read without knowing how keys were assigned when it was written.
/// What finds no slot stands in the map `overflow`, each value behind the character of its type.
///
/// All of this is bounded, whatever clients send: a key gets a slot after it has been seen in
/// `kSightings` records, at most `kMaxKeys` keys of a signal get one, and a key has at most
/// `kMaxSlotsOfKey` of them.
namespace signalbox::server::store {

enum class SlotKind : std::uint8_t {
  kDictionary,  ///< LowCardinality(String): any value as text.
  kText,        ///< String: values of keys that hardly ever repeat one.
  kInt,         ///< Int64.
  kDouble,      ///< Float64.
};

inline constexpr std::size_t kDictionarySlots = 16;
inline constexpr std::size_t kTextSlots = 4;
inline constexpr std::size_t kIntSlots = 6;
inline constexpr std::size_t kDoubleSlots = 2;
inline constexpr std::size_t kSlots = kDictionarySlots + kTextSlots + kIntSlots + kDoubleSlots;

/// A slot by its number; 0 is the map `overflow`.
using Slot = std::uint8_t;
inline constexpr Slot kOverflow = 0;
inline constexpr Slot kFirstText = kDictionarySlots + 1;
inline constexpr Slot kFirstInt = kFirstText + kTextSlots;
inline constexpr Slot kFirstDouble = kFirstInt + kIntSlots;

[[nodiscard]] SlotKind slot_kind(Slot slot) noexcept;

inline constexpr std::uint32_t kSightings = 16;
inline constexpr std::size_t kMaxKeys = 1024;
inline constexpr std::size_t kMaxSlotsOfKey = 3;
inline constexpr std::size_t kMaxSlottedKeyBytes = 128;

/// Before each entry of a shape, and between its key and the rest: two digits of the slot and a
/// character of otlp::ValueType. Entries are sorted by key.
inline constexpr char kShapeEntry = '\x1E';
inline constexpr char kShapeKeyEnd = '\x1F';

/// The keys of one signal and their slots.
///
/// Thread-safety: one thread at a time; `Registry` sees to that.
class SlotAssignment {
 public:
  struct Wanted {
    std::string_view key;  ///< Distinct within a record.
    otlp::ValueType type = otlp::ValueType::kString;
  };

  /// The slots of the attributes of a record that stands for `sightings` more like it; no slot is
  /// there twice. Returns whether another `kSightings` of them would change nothing.
  bool choose(std::span<const Wanted> attributes, std::uint32_t sightings,
              std::vector<Slot>& slots);

  /// From now on `key` takes text slots.
  void mark_near_unique(std::string_view key);

  [[nodiscard]] bool is_described(std::string_view key, Slot slot) const;
  void described(const std::string& key, Slot slot);
  /// A slot that the tables know already.
  void restore(const std::string& key, Slot slot);

 private:
  struct Key {
    std::array<Slot, kMaxSlotsOfKey> slots{};
    std::array<bool, kMaxSlotsOfKey> is_described{};
    std::uint8_t count = 0;
    bool is_near_unique = false;
  };
  using Taken = std::array<bool, kSlots + 1>;

  [[nodiscard]] const Key* find(std::string_view key) const;
  Key* assigned(std::string_view key, std::uint32_t sightings);
  void add_slot(Key& key, Slot slot);
  [[nodiscard]] Slot free_slot(SlotKind kind, const Taken& taken) const;
  [[nodiscard]] Slot new_slot(const Key& key, otlp::ValueType type, const Taken& taken) const;

  std::unordered_map<std::string, Key> keys_;
  std::array<std::uint32_t, kSlots + 1> load_{};  // Keys in each slot.
  // Keys without a slot and how often they were seen; the older half is forgotten.
  std::unordered_map<std::string, std::uint32_t> candidates_, older_candidates_;
};

}  // namespace signalbox::server::store
