#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "otlp/records.h"
#include "server/store/columns/native.h"
#include "server/store/columns/registry.h"
#include "server/store/columns/slots.h"

namespace signalbox::server::store {

/// The columns that hold the attributes of spans and of log records; see slots.h. A slot's name has
/// a letter for its kind and its number: d01 … d16, t17 … t20, i21 … i26, f27, f28.
struct AttributeColumns {
  LowCardinalityColumn shape;
  std::array<LowCardinalityColumn, kDictionarySlots> dictionaries;
  std::array<StringColumn, kTextSlots> texts;
  std::array<Int64Column, kIntSlots> ints;
  std::array<Float64Column, kDoubleSlots> doubles;
  MapColumn<StringColumn> overflow;

  /// Slots have only as many rows as they need until this is called.
  void pad();

  template <typename F>
  void visit(F f) {
    f("shape", shape);
    Slot slot = 0;
    for (auto& column : dictionaries) f(slot_name(++slot).data(), column);
    for (auto& column : texts) f(slot_name(++slot).data(), column);
    for (auto& column : ints) f(slot_name(++slot).data(), column);
    for (auto& column : doubles) f(slot_name(++slot).data(), column);
    f("overflow", overflow);
  }

 private:
  static std::array<char, 4> slot_name(Slot slot) noexcept;
};

/// Puts attributes into AttributeColumns, as the registry assigns slots. Records with the same keys
/// and types in the same order follow one plan, which is made once.
///
/// Thread-safety: one thread at a time.
class SlottedAttributes {
 public:
  /// Both outlive it.
  SlottedAttributes(Registry& registry, SlottedSignal signal, AttributeColumns& columns)
      : registry_(registry), signal_(signal), to_(columns) {}

  /// One row.
  void append(otlp::AttributesView attributes);

  /// After the columns have been rolled back or cleared. Plans stay.
  void forget_rows() noexcept { ++epoch_; }

  /// Of the rows since the last `clear`: the slots that the tables do not know yet.
  [[nodiscard]] std::vector<Descriptions::KeySlot> undescribed_slots() const;

  /// Finds keys in dictionary slots whose values hardly repeat, and gives them other slots from the
  /// next record on.
  void find_near_unique_keys();

  void clear();

 private:
  struct Entry {
    std::uint32_t at = 0;  // In the record.
    Slot slot = kOverflow;
    bool is_made = false;  // Its text is made of another type.
  };
  struct Plan {
    std::string keys;  // As they came, one behind the other, where each ends, and their types.
    std::vector<std::uint32_t> key_ends;
    std::string types;
    std::vector<Entry> slotted;   // By key, as in `shape`.
    std::vector<Entry> overflow;  // By key.
    std::string shape;
    std::uint32_t shape_index = 0;
    std::uint64_t epoch = 0;  // For which `shape_index` holds.
    std::uint32_t uses = 0;
    bool is_settled = true;
    Plan* next = nullptr;  // Which followed it last time.

    [[nodiscard]] std::string_view key(std::size_t at) const noexcept {
      const std::size_t begin = at == 0 ? 0 : key_ends[at - 1];
      return {keys.data() + begin, key_ends[at] - begin};
    }
    [[nodiscard]] bool fits(otlp::AttributesView attributes) const noexcept;
  };
  struct HashedText {
    std::string_view text;
    std::uint64_t hash = 0;
  };
  struct Text {
    std::string_view key;
    std::string_view value;
  };

  Plan& plan_for(otlp::AttributesView attributes);
  Plan& find_plan(otlp::AttributesView attributes);
  void make_plan(Plan& plan, otlp::AttributesView attributes, std::uint32_t sightings);
  void forget_plans();
  void adopt(Plan& plan);
  void append_slotted(const Plan& plan, otlp::AttributesView attributes, std::size_t row);
  void append_overflow(const Plan& plan, otlp::AttributesView attributes);
  void find_near_unique_keys(Slot slot);

  Registry& registry_;
  const SlottedSignal signal_;
  AttributeColumns& to_;
  std::uint64_t epoch_ = 1;
  std::unordered_map<std::uint64_t, Plan> plans_;
  std::size_t plan_bytes_ = 0;
  Plan* last_plan_ = nullptr;             // One of `plans_`.
  Plan unshared_;                         // Of a record with very many attributes.
  std::unordered_set<std::string> used_;  // Shapes of the block's rows, rolled back ones included.
  std::string made_;
  std::vector<std::size_t> ends_;
  std::vector<Text> texts_;
  std::array<HashedText, kSlots> values_;
};

/// The entries of a shape: `visit(key, slot, type)`.
template <typename Visit>
void for_each_in_shape(std::string_view shape, Visit visit) {
  while (!shape.empty()) {
    const std::size_t end = shape.find(kShapeEntry, 1);
    const std::string_view entry = shape.substr(1, end == std::string_view::npos ? end : end - 1);
    const std::size_t key_end = entry.find(kShapeKeyEnd);
    if (key_end == std::string_view::npos || entry.size() < key_end + 4) return;
    visit(entry.substr(0, key_end),
          static_cast<Slot>((entry[key_end + 1] - '0') * 10 + (entry[key_end + 2] - '0')),
          entry[key_end + 3]);
    if (end == std::string_view::npos) return;
    shape.remove_prefix(end);
  }
}

}  // namespace signalbox::server::store
