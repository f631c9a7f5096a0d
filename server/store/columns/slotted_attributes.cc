#include "server/store/columns/slotted_attributes.h"

#include <algorithm>
#include <bit>
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
  // Only with several zeros at the end or after the point is an exponent shorter.
  const bool has_zeros =
      magnitude < 1e-3 || (magnitude >= 1e5 && std::trunc(magnitude) == magnitude);
  if (!has_zeros) return false;
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
  last_plan_ = nullptr;
  plans_.clear();
  plan_bytes_ = 0;
}

bool SlottedAttributes::Plan::fits(otlp::AttributesView attributes) const noexcept {
  if (types.size() != attributes.size()) return false;
  const char* at = keys.data();
  const char* const begin = at;
  for (std::size_t i = 0; i < attributes.size(); ++i) {
    const auto& [key, value] = attributes[i];
    const char* const end = begin + key_ends[i];
    if (types[i] != plan_type(value) || !equal_bytes({at, end}, key)) return false;
    at = end;
  }
  return true;
}

SlottedAttributes::Plan& SlottedAttributes::plan_for(otlp::AttributesView attributes) {
  if (attributes.size() > kMaxSlottedAttributes) {
    make_plan(unshared_, attributes, 0);
    return unshared_;
  }
  // Programs record the same kinds of things in the same order again and again.
  Plan* plan = last_plan_ == nullptr ? nullptr : last_plan_->next;
  if (plan == nullptr || !plan->fits(attributes)) {
    plan = &find_plan(attributes);
    if (last_plan_ != nullptr) last_plan_->next = plan;
  }
  last_plan_ = plan;
  if (!plan->is_settled && ++plan->uses == kSightings) make_plan(*plan, attributes, kSightings);
  return *plan;
}

SlottedAttributes::Plan& SlottedAttributes::find_plan(otlp::AttributesView attributes) {
  std::uint64_t hash = attributes.size();
  for (const auto& [key, value] : attributes) {
    // The hashes of the keys do not wait for each other.
    const std::uint64_t of_this = hash_bytes(key) + static_cast<unsigned char>(plan_type(value));
    hash = (std::rotl(hash, 5) ^ of_this) * hash_detail::kSecond;
  }
  auto at = plans_.find(hash);
  if (at == plans_.end()) {
    if (plans_.size() >= kMaxPlans || plan_bytes_ > kMaxPlanBytes) forget_plans();
    at = plans_.emplace(hash, Plan{}).first;
    make_plan(at->second, attributes, 1);
    plan_bytes_ += at->second.keys.size() + attributes.size() * kPlanBytesOfKey;
  } else if (!at->second.fits(attributes)) {
    make_plan(at->second, attributes, 1);
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
      plan.types += plan_type(attributes[i].value);
      plan.keys += attributes[i].key;
      plan.key_ends.push_back(static_cast<std::uint32_t>(plan.keys.size()));
      if (i > 0 && attributes[order[i - 1]].key == attributes[at].key) continue;
      const bool is_text_only = plan_type(attributes[at].value) == kOddDouble;
      wanted.push_back(
          {attributes[at].key, is_text_only ? ValueType::kString : attributes[at].value.type});
      places.push_back(i);
    }
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
      const int by_key = plan.key(a.at).compare(plan.key(b.at));
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
  std::size_t begin = 0;
  for (std::size_t i = 0; i < plan.slotted.size(); ++i) {
    const Entry& entry = plan.slotted[i];
    auto& [text, hash] = values_[i];
    text = entry.is_made ? std::string_view(made_).substr(begin, ends_[i] - begin)
                         : attributes[entry.at].value.text;
    begin = ends_[i];
    if (slot_kind(entry.slot) != SlotKind::kDictionary) continue;
    hash = hash_bytes(text);
    to_.dictionaries[entry.slot - 1U].prefetch(hash);
  }
  for (std::size_t i = 0; i < plan.slotted.size(); ++i) {
    const Slot slot = plan.slotted[i].slot;
    if (slot_kind(slot) == SlotKind::kDictionary) {
      to_.dictionaries[slot - 1U].prefetch_text(values_[i].hash);
    }
  }
  for (std::size_t i = 0; i < plan.slotted.size(); ++i) {
    const Entry& entry = plan.slotted[i];
    const auto put = [&](auto& column, const auto&... value) {
      column.pad(row);
      column.append(value...);
    };
    switch (slot_kind(entry.slot)) {
      case SlotKind::kDictionary:
        put(to_.dictionaries[entry.slot - 1U], values_[i].text, values_[i].hash);
        break;
      case SlotKind::kText:
        put(to_.texts[entry.slot - kFirstText], values_[i].text);
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
