#include <algorithm>
#include <bit>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "server/store/columns/attributes.h"
#include "server/store/columns/side_tables.h"

namespace signalbox::server::store {
namespace {

constexpr std::size_t kMaxKeys = 2'000;
/// Of a key: what more there is counts as the rest.
constexpr std::size_t kMaxValues = 200;
constexpr std::size_t kMaxValueBytes = 256;
/// A key with more is not looked at any further: its values hardly repeat.
constexpr std::size_t kMaxDistinct = 4'096;
/// Of a key with so many records, most of whose values are different, none is listed.
constexpr std::uint64_t kFewRecords = 16;

/// The values of one key and type.
struct Values {
  std::uint64_t records = 0;
  std::unordered_map<std::string, std::uint64_t> counts;
  bool is_near_unique = false;

  void add(std::string_view value, std::uint64_t count) {
    if (is_near_unique || value.size() > kMaxValueBytes) return;
    if (counts.size() >= kMaxDistinct) {
      is_near_unique = true;
      counts.clear();
      return;
    }
    counts[std::string(value)] += count;
  }
};

/// Counts of numbers, as long as there are not too many.
struct NumberCounts {
  boost::unordered_flat_map<std::uint64_t, std::uint64_t> counts;
  bool is_near_unique = false;

  void add(std::uint64_t number) {
    if (is_near_unique) return;
    ++counts[number];
    is_near_unique = counts.size() > kMaxDistinct;
  }
};

using ByKey = std::map<std::pair<std::string_view, char>, Values>;

class Counter {
 public:
  explicit Counter(const AttributeColumns& from)
      : from_(from), rows_of_shape_(from.shape.dictionary().size(), 0) {
    for (const std::uint32_t shape : from.shape.indexes()) ++rows_of_shape_[shape];
    const std::vector<KeysOfSlot> slots = keys_of_slots();
    for (Slot slot = 1; slot <= kSlots; ++slot) count_slot(slot, slots[slot]);
    count_overflow();
  }

  [[nodiscard]] const ByKey& by_key() const noexcept { return by_key_; }

 private:
  static constexpr std::int32_t kNone = -1;

  /// The keys that stand in a slot, and which of them each shape has there.
  struct KeysOfSlot {
    std::vector<Values*> keys;
    std::vector<std::int32_t> of_shape;
  };

  std::vector<KeysOfSlot> keys_of_slots() {
    const StringDictionary& shapes = from_.shape.dictionary();
    std::vector<KeysOfSlot> slots(kSlots + 1);
    for (std::uint32_t i = 0; i < shapes.size(); ++i) {
      if (rows_of_shape_[i] == 0) continue;
      for_each_in_shape(shapes[i], [&](std::string_view key, Slot slot, char type) {
        Values* const values = find(key, type);
        values->records += rows_of_shape_[i];
        KeysOfSlot& in_slot = slots[slot];
        auto at = std::find(in_slot.keys.begin(), in_slot.keys.end(), values);
        if (at == in_slot.keys.end()) at = in_slot.keys.insert(at, values);
        in_slot.of_shape.resize(shapes.size(), kNone);
        in_slot.of_shape[i] = static_cast<std::int32_t>(at - in_slot.keys.begin());
      });
    }
    return slots;
  }

  void count_slot(Slot slot, const KeysOfSlot& in_slot) {
    const auto& [keys, of_shape] = in_slot;
    if (keys.empty()) return;
    switch (slot_kind(slot)) {
      case SlotKind::kDictionary:
        count_dictionary(from_.dictionaries[slot - 1U], of_shape, keys);
        break;
      case SlotKind::kText:
        count_texts(from_.texts[slot - kFirstText], of_shape, keys);
        break;
      case SlotKind::kInt:
        count_numbers(
            of_shape, keys,
            [&](std::size_t row) {
              return static_cast<std::uint64_t>(from_.ints[slot - kFirstInt][row]);
            },
            [](std::uint64_t number) { return std::to_string(static_cast<std::int64_t>(number)); });
        break;
      case SlotKind::kDouble:
        count_numbers(
            of_shape, keys,
            [&](std::size_t row) {
              return std::bit_cast<std::uint64_t>(from_.doubles[slot - kFirstDouble][row]);
            },
            [](std::uint64_t number) {
              otlp::ValueView value;
              value.type = otlp::ValueType::kDouble;
              value.double_value = std::bit_cast<double>(number);
              std::string text;
              append_text(text, value);
              return text;
            });
        break;
    }
  }

  /// `visit(number of the key, row)` for each row that has a key there.
  template <typename Visit>
  void for_each_row(const std::vector<std::int32_t>& of_shape, Visit visit) const {
    const std::vector<std::uint32_t>& shapes = from_.shape.indexes();
    for (std::size_t row = 0; row < shapes.size(); ++row) {
      const std::int32_t key = of_shape[shapes[row]];
      if (key != kNone) visit(static_cast<std::size_t>(key), row);
    }
  }

  void count_dictionary(const LowCardinalityColumn& column,
                        const std::vector<std::int32_t>& of_shape,
                        const std::vector<Values*>& keys) {
    const StringDictionary& dictionary = column.dictionary();
    if (dictionary.size() > kMaxDistinct) {
      // One of the keys has very many values; which of them, only numbers tell.
      count_numbers(
          of_shape, keys, [&](std::size_t row) { return column.indexes()[row]; },
          [&](std::uint64_t index) {
            return std::string(dictionary[static_cast<std::uint32_t>(index)]);
          });
      return;
    }
    const std::size_t size = dictionary.size();
    std::vector<std::uint32_t> counts(keys.size() * size, 0);
    for_each_row(of_shape, [&](std::size_t key, std::size_t row) {
      ++counts[key * size + column.indexes()[row]];
    });
    for (std::size_t key = 0; key < keys.size(); ++key) {
      for (std::uint32_t i = 0; i < size; ++i) {
        if (const std::uint32_t count = counts[key * size + i]; count != 0) {
          keys[key]->add(dictionary[i], count);
        }
      }
    }
  }

  void count_texts(const StringColumn& column, const std::vector<std::int32_t>& of_shape,
                   const std::vector<Values*>& keys) {
    for_each_row(of_shape,
                 [&](std::size_t key, std::size_t row) { keys[key]->add(column[row], 1); });
  }

  template <typename NumberOf, typename TextOf>
  void count_numbers(const std::vector<std::int32_t>& of_shape, const std::vector<Values*>& keys,
                     NumberOf number_of, TextOf text_of) {
    std::vector<NumberCounts> counts(keys.size());
    for_each_row(of_shape,
                 [&](std::size_t key, std::size_t row) { counts[key].add(number_of(row)); });
    for (std::size_t key = 0; key < keys.size(); ++key) {
      if (counts[key].is_near_unique) keys[key]->is_near_unique = true;
      for (const auto& [number, count] : counts[key].counts) {
        keys[key]->add(text_of(number), count);
      }
    }
  }

  void count_overflow() {
    const LowCardinalityColumn& keys = from_.overflow.keys();
    const StringColumn& values = from_.overflow.values();
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const std::string_view value = values[i];
      if (value.empty()) continue;
      Values* const known = find(keys[i], value.front());
      ++known->records;
      known->add(value.substr(1), 1);
    }
  }

  /// With too many keys that of the rest, which has no name and no values.
  Values* find(std::string_view key, char type) {
    const auto at = by_key_.find({key, type});
    if (at != by_key_.end()) return &at->second;
    if (by_key_.size() < kMaxKeys) return &by_key_[{key, type}];
    Values* const rest = &by_key_[{{}, static_cast<char>(otlp::ValueType::kEmpty)}];
    rest->is_near_unique = true;
    return rest;
  }

  const AttributeColumns& from_;
  std::vector<std::uint64_t> rows_of_shape_;
  ByKey by_key_;
};

/// What is to be listed, the most frequent first.
std::vector<std::pair<std::string_view, std::uint64_t>> listed(const Values& values) {
  std::vector<std::pair<std::string_view, std::uint64_t>> sorted;
  const bool hardly_repeats =
      values.records >= kFewRecords && values.counts.size() * 5 > values.records * 4;
  if (values.is_near_unique || hardly_repeats) return sorted;
  sorted.assign(values.counts.begin(), values.counts.end());
  const auto before = [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  };
  const std::size_t kept = std::min(sorted.size(), kMaxValues);
  std::partial_sort(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(kept),
                    sorted.end(), before);
  sorted.resize(kept);
  return sorted;
}

}  // namespace

void add_attribute_values(const AttributeColumns& attributes, std::int64_t hour,
                          AttributeValueColumns& to) {
  const auto append = [&](std::string_view key, char type, bool is_rest, std::string_view value,
                          std::uint64_t records) {
    to.hour.append(hour);
    to.key.append(key);
    to.type.append(std::string_view(&type, 1));
    to.is_rest.append(is_rest ? 1 : 0);
    to.value.append(value);
    to.records.append(records);
  };
  const Counter counter(attributes);
  for (const auto& [name, values] : counter.by_key()) {
    std::uint64_t rest = values.records;
    for (const auto& [value, records] : listed(values)) {
      append(name.first, name.second, false, value, records);
      rest -= records;
    }
    if (rest != 0) append(name.first, name.second, true, {}, rest);
  }
}

}  // namespace signalbox::server::store
