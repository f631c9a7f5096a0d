#include "server/store/columns/slotted_attributes.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>
#include <utility>

#include "server/store/columns/attributes.h"

namespace signalbox::server::store {
namespace {

using otlp::ValueType;

constexpr std::size_t kMaxPlans = 4096;
constexpr std::size_t kMaxPlanBytes = std::size_t{16} << 20;
constexpr std::size_t kPlanBytesOfKey = 128;  // About, beside its text.
/// What a block's rows may have; others overflow as a whole. So shapes cannot grow with the rows.
constexpr std::size_t kMaxShapesOfBlock = 4096;
/// A record with more attributes overflows as a whole.
constexpr std::size_t kMaxSlottedAttributes = 256;

/// A dictionary with fewer values is worth its while.
constexpr std::size_t kSmallDictionary = 1024;
/// Beyond this ClickHouse begins another one.
constexpr std::size_t kLargeDictionary = 8192;

/// For the plan, a double whose shortest text has an exponent (or no digits) is another type: a
/// Float64 column would not give that text back.
constexpr char kOddDouble = 'D';

bool is_odd(double value) noexcept {
  if (!std::isfinite(value)) return true;
  const double magnitude = std::abs(value);
  if (magnitude >= 1e15 || (magnitude < 1e-4 && magnitude != 0)) return true;
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return std::find(text.data(), end, 'e') != end;
}

char plan_type(const otlp::ValueView& value) noexcept {
  if (value.type == ValueType::kDouble && is_odd(value.double_value)) return kOddDouble;
  return static_cast<char>(value.type);
}

bool is_text(ValueType type) noexcept {
  return type == ValueType::kString || type == ValueType::kArray ||
         type == ValueType::kKeyValueList;
}

}  // namespace

std::array<char, 4> AttributeColumns::slot_name(Slot slot) noexcept {
  constexpr std::array kLetters = {'d', 't', 'i', 'f'};
  return {kLetters.at(static_cast<std::size_t>(slot_kind(slot))),
          static_cast<char>('0' + slot / 10), static_cast<char>('0' + slot % 10), '\0'};
}

void AttributeColumns::pad() {
  const std::size_t rows = shape.size();
  for (auto& column : dictionaries) column.pad(rows);
  for (auto& column : texts) column.pad(rows);
  for (auto& column : ints) column.pad(rows);
  for (auto& column : doubles) column.pad(rows);
}

void SlottedAttributes::append(otlp::AttributesView attributes) {
  const std::size_t row = to_.shape.size();
  Plan& plan = plan_for(attributes);
  if (plan.epoch != epoch_) adopt(plan);
  to_.shape.append_index(plan.shape_index);
  made_.clear();
  append_slotted(plan, attributes, row);
  append_overflow(plan, attributes);
}

void SlottedAttributes::forget_plans() {
  plans_.clear();
  plan_bytes_ = 0;
}

SlottedAttributes::Plan& SlottedAttributes::plan_for(otlp::AttributesView attributes) {
  if (attributes.size() > kMaxSlottedAttributes) {
    make_plan(unshared_, attributes, 0);
    return unshared_;
  }
  types_.clear();
  std::uint64_t hash = attributes.size();
  for (const otlp::KeyValueView& attribute : attributes) {
    types_ += plan_type(attribute.value);
    hash = hash_bytes(attribute.key, hash);
  }
  hash = hash_bytes(types_, hash);
  auto at = plans_.find(hash);
  const auto fits = [&](const Plan& plan) {
    return plan.types == types_ &&
           std::equal(plan.keys.begin(), plan.keys.end(), attributes.begin(), attributes.end(),
                      [](const std::string& key, const auto& one) { return key == one.key; });
  };
  if (at == plans_.end()) {
    if (plans_.size() >= kMaxPlans || plan_bytes_ > kMaxPlanBytes) forget_plans();
    at = plans_.emplace(hash, Plan{}).first;
    make_plan(at->second, attributes, 1);
    for (const std::string& key : at->second.keys) plan_bytes_ += key.size() + kPlanBytesOfKey;
  } else if (!fits(at->second)) {
    make_plan(at->second, attributes, 1);
  } else if (!at->second.is_settled && ++at->second.uses == kSightings) {
    make_plan(at->second, attributes, kSightings);
  }
  return at->second;
}

void SlottedAttributes::make_plan(Plan& plan, otlp::AttributesView attributes,
                                  std::uint32_t sightings) {
  plan = Plan{};
  std::vector<std::uint32_t> order(attributes.size());
  for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    const int by_key = attributes[a].key.compare(attributes[b].key);
    return by_key != 0 ? by_key < 0 : a < b;
  });
  std::vector<Slot> slots(order.size(), kOverflow);
  if (sightings != 0) {
    // Of equal keys the first may have a slot: slots are read before what overflows.
    std::vector<SlotAssignment::Wanted> wanted;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < order.size(); ++i) {
      const std::uint32_t at = order[i];
      plan.keys.emplace_back(attributes[i].key);
      if (i > 0 && attributes[order[i - 1]].key == attributes[at].key) continue;
      const bool is_text_only = types_[at] == kOddDouble;
      wanted.push_back(
          {attributes[at].key, is_text_only ? ValueType::kString : attributes[at].value.type});
      places.push_back(i);
    }
    plan.types = types_;
    std::vector<Slot> chosen;
    plan.is_settled = registry_.choose_slots(signal_, wanted, sightings, chosen);
    for (std::size_t i = 0; i < chosen.size(); ++i) slots[places[i]] = chosen[i];
  }
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto& [key, value] = attributes[order[i]];
    if (slots[i] == kOverflow) {
      plan.overflow.push_back({.at = order[i], .slot = kOverflow, .is_made = true});
      continue;
    }
    const SlotKind kind = slot_kind(slots[i]);
    const bool as_text = kind == SlotKind::kDictionary || kind == SlotKind::kText;
    plan.slotted.push_back(
        {.at = order[i], .slot = slots[i], .is_made = as_text && !is_text(value.type)});
    plan.shape.append(1, kShapeEntry).append(key).append(1, kShapeKeyEnd);
    plan.shape += static_cast<char>('0' + slots[i] / 10);
    plan.shape += static_cast<char>('0' + slots[i] % 10);
    plan.shape += static_cast<char>(value.type);
  }
}

void SlottedAttributes::adopt(Plan& plan) {
  if (!plan.shape.empty() && used_.size() >= kMaxShapesOfBlock && !used_.contains(plan.shape)) {
    for (const Entry& entry : plan.slotted) {
      plan.overflow.push_back({.at = entry.at, .slot = kOverflow, .is_made = true});
    }
    std::sort(plan.overflow.begin(), plan.overflow.end(), [&](const Entry& a, const Entry& b) {
      const int by_key = plan.keys[a.at].compare(plan.keys[b.at]);
      return by_key != 0 ? by_key < 0 : a.at < b.at;
    });
    plan.slotted.clear();
    plan.shape.clear();
  }
  if (!plan.shape.empty()) used_.insert(plan.shape);
  plan.shape_index = to_.shape.index_of(plan.shape);
  plan.epoch = epoch_;
}

void SlottedAttributes::append_slotted(const Plan& plan, otlp::AttributesView attributes,
                                       std::size_t row) {
  // Made text moves while it grows: first all of it, then what refers to it. And all hashes before
  // the look-ups, which hides the time that a large dictionary's memory takes to answer.
  ends_.clear();
  for (const Entry& entry : plan.slotted) {
    if (entry.is_made) append_text(made_, attributes[entry.at].value);
    ends_.push_back(made_.size());
  }
  std::array<std::pair<std::string_view, std::uint64_t>, kSlots> values;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < plan.slotted.size(); ++i) {
    const Entry& entry = plan.slotted[i];
    auto& [text, hash] = values.at(i);
    text = entry.is_made ? std::string_view(made_).substr(begin, ends_[i] - begin)
                         : attributes[entry.at].value.text;
    begin = ends_[i];
    if (slot_kind(entry.slot) != SlotKind::kDictionary) continue;
    hash = hash_bytes(text);
    to_.dictionaries[entry.slot - 1U].prefetch(hash);
  }
  for (std::size_t i = 0; i < plan.slotted.size(); ++i) {
    const Entry& entry = plan.slotted[i];
    const auto put = [&](auto& column, const auto&... value) {
      column.pad(row);
      column.append(value...);
    };
    switch (slot_kind(entry.slot)) {
      case SlotKind::kDictionary:
        put(to_.dictionaries[entry.slot - 1U], values.at(i).first, values.at(i).second);
        break;
      case SlotKind::kText:
        put(to_.texts[entry.slot - kFirstText], values.at(i).first);
        break;
      case SlotKind::kInt:
        put(to_.ints[entry.slot - kFirstInt], attributes[entry.at].value.int_value);
        break;
      case SlotKind::kDouble:
        put(to_.doubles[entry.slot - kFirstDouble], attributes[entry.at].value.double_value);
        break;
    }
  }
}

void SlottedAttributes::append_overflow(const Plan& plan, otlp::AttributesView attributes) {
  made_.clear();
  ends_.clear();
  texts_.clear();
  for (const Entry& entry : plan.overflow) {
    made_ += static_cast<char>(attributes[entry.at].value.type);
    append_text(made_, attributes[entry.at].value);
    ends_.push_back(made_.size());
  }
  std::size_t begin = 0;
  for (std::size_t i = 0; i < plan.overflow.size(); ++i) {
    texts_.push_back({attributes[plan.overflow[i].at].key,
                      std::string_view(made_).substr(begin, ends_[i] - begin)});
    begin = ends_[i];
  }
  to_.overflow.append(texts_, 0);
}

std::vector<Descriptions::KeySlot> SlottedAttributes::undescribed_slots() const {
  std::set<std::pair<std::string_view, Slot>> used;
  for (const std::string& shape : used_) {
    for_each_in_shape(
        shape, [&](std::string_view key, Slot slot, char /*type*/) { used.emplace(key, slot); });
  }
  std::vector<Descriptions::KeySlot> slots;
  for (const auto& [key, slot] : used) {
    if (registry_.is_slot_described(signal_, key, slot)) continue;
    slots.push_back({.signal = signal_, .key = std::string(key), .slot = slot});
  }
  return slots;
}

void SlottedAttributes::find_near_unique_keys() {
  for (Slot slot = 1; slot < kFirstText; ++slot) {
    if (to_.dictionaries[slot - 1U].dictionary().size() > kSmallDictionary) {
      find_near_unique_keys(slot);
    }
  }
}

void SlottedAttributes::find_near_unique_keys(Slot slot) {
  struct Key {
    std::vector<bool> values;
    std::size_t rows = 0;
    std::size_t distinct = 0;
  };
  const LowCardinalityColumn& column = to_.dictionaries[slot - 1U];
  const StringDictionary& shapes = to_.shape.dictionary();
  std::unordered_map<std::string_view, Key> keys;
  std::vector<Key*> key_of_shape(shapes.size(), nullptr);
  for (std::uint32_t i = 0; i < shapes.size(); ++i) {
    for_each_in_shape(shapes[i], [&](std::string_view key, Slot one, char /*type*/) {
      if (one == slot) key_of_shape[i] = &keys[key];
    });
  }
  const std::size_t rows = std::min(column.size(), to_.shape.size());
  for (std::size_t row = 0; row < rows; ++row) {
    Key* const key = key_of_shape[to_.shape.indexes()[row]];
    if (key == nullptr) continue;
    if (key->values.empty()) key->values.resize(column.dictionary().size());
    ++key->rows;
    const std::uint32_t value = column.indexes()[row];
    if (!key->values[value]) ++key->distinct;
    key->values[value] = true;
  }
  for (const auto& [name, key] : keys) {
    const bool is_near_unique = (key.distinct > kSmallDictionary && key.distinct * 2 > key.rows) ||
                                (key.distinct > kLargeDictionary && key.distinct * 8 > key.rows);
    if (!is_near_unique) continue;
    registry_.mark_near_unique(signal_, name);
    forget_plans();
  }
}

void SlottedAttributes::clear() {
  // Beyond the limit, plans have been bent for this block.
  if (used_.size() >= kMaxShapesOfBlock) forget_plans();
  used_.clear();
  forget_rows();
}

}  // namespace signalbox::server::store
