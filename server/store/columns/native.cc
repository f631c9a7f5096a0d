#include "server/store/columns/native.h"

#include <limits>

namespace signalbox::server::store {
namespace {

// Of ClickHouse's serialisation of LowCardinality: each block brings its own keys, after a version.
constexpr std::uint64_t kDictionaryVersion = 1;
constexpr std::uint64_t kHasAdditionalKeys = 1ULL << 9;
constexpr std::size_t kFirstSlots = 64;
constexpr std::size_t kMaxKeptSlots = 1 << 18;

template <typename Index>
void append_indexes(std::string& out, const std::vector<std::uint32_t>& indexes) {
  const std::size_t at = out.size();
  out.resize(at + indexes.size() * sizeof(Index));
  char* to = out.data() + at;
  for (const std::uint32_t index : indexes) {
    const auto narrow = static_cast<Index>(index);
    std::memcpy(to, &narrow, sizeof narrow);
    to += sizeof narrow;
  }
}

std::size_t read_varint(const char*& at) noexcept {
  std::size_t value = 0;
  for (unsigned shift = 0;; shift += 7) {
    const auto byte = static_cast<unsigned char>(*at++);
    value |= static_cast<std::size_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return value;
  }
}

}  // namespace

void append_varint(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

void append_string(std::string& out, std::string_view value) {
  append_varint(out, value.size());
  out.append(value);
}

void append_received(std::string& out, std::int64_t unix_us, std::size_t rows) {
  append_string(out, "received");
  append_string(out, "DateTime64(6, 'UTC')");
  out.reserve(out.size() + rows * sizeof unix_us);
  for (std::size_t row = 0; row < rows; ++row) append_fixed(out, unix_us);
}

void StringColumn::truncate(std::size_t rows) {
  const char* at = bytes_.data();
  for (std::size_t row = 0; row < rows; ++row) {
    const std::size_t size = read_varint(at);
    at += size;
  }
  bytes_.resize(static_cast<std::size_t>(at - bytes_.data()));
  rows_ = rows;
}

std::uint32_t StringDictionary::index_of(std::string_view value, std::uint64_t hash) {
  if (entries_.size() * 2 >= slots_.size()) rehash(std::max(kFirstSlots, slots_.size() * 2));
  const auto tag = static_cast<std::uint32_t>(hash >> 32);
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
    Slot& slot = slots_[at];
    if (slot.index_plus_one == 0) {
      append_varint(bytes_, value.size());
      entries_.push_back({bytes_.size(), value.size()});
      bytes_.append(value);
      const auto index = static_cast<std::uint32_t>(entries_.size() - 1);
      slot = {tag, index + 1};
      return index;
    }
    if (slot.hash == tag && (*this)[slot.index_plus_one - 1] == value) {
      return slot.index_plus_one - 1;
    }
  }
}

void StringDictionary::rehash(std::size_t slots) {
  slots_.assign(slots, Slot{});
  const std::size_t mask = slots_.size() - 1;
  for (std::uint32_t index = 0; index < entries_.size(); ++index) {
    const std::uint64_t hash = hash_bytes((*this)[index]);
    std::size_t at = hash & mask;
    while (slots_[at].index_plus_one != 0) at = (at + 1) & mask;
    slots_[at] = {static_cast<std::uint32_t>(hash >> 32), index + 1};
  }
}

std::size_t StringDictionary::memory_bytes() const noexcept {
  return bytes_.size() + entries_.size() * sizeof(Entry) + slots_.size() * sizeof(Slot);
}

void StringDictionary::truncate(std::size_t size) {
  if (size >= entries_.size()) return;
  if (size == 0) {
    clear();
    return;
  }
  bytes_.resize(entries_[size - 1].begin + entries_[size - 1].size);
  entries_.resize(size);
  rehash(slots_.size());
}

void StringDictionary::clear() {
  // Emptying a large table costs as much as filling it: one that was hardly used shrinks.
  if (slots_.size() > kMaxKeptSlots || entries_.size() * 16 < slots_.size()) {
    slots_.clear();
  } else {
    std::fill(slots_.begin(), slots_.end(), Slot{});
  }
  bytes_.clear();
  entries_.clear();
}

void LowCardinalityColumn::truncate(std::size_t rows) {
  if (rows >= indexes_.size()) return;
  indexes_.resize(rows);
  // Keys are numbered as they come: those above the highest that is left came later.
  const auto highest = std::max_element(indexes_.begin(), indexes_.end());
  dictionary_.truncate(highest == indexes_.end() ? 0 : *highest + std::size_t{1});
}

void LowCardinalityColumn::write_prefix(std::string& out) {
  append_fixed(out, kDictionaryVersion);
}

void LowCardinalityColumn::write_data(std::string& out) const {
  if (indexes_.empty()) return;
  const std::size_t keys = dictionary_.size();
  std::uint64_t index_type = 0;
  if (keys > std::numeric_limits<std::uint8_t>::max()) index_type = 1;
  if (keys > std::numeric_limits<std::uint16_t>::max()) index_type = 2;
  append_fixed(out, index_type | kHasAdditionalKeys);
  append_fixed<std::uint64_t>(out, keys);
  out.append(dictionary_.native());
  append_fixed<std::uint64_t>(out, indexes_.size());
  if (index_type == 0) {
    append_indexes<std::uint8_t>(out, indexes_);
  } else if (index_type == 1) {
    append_indexes<std::uint16_t>(out, indexes_);
  } else {
    append_indexes<std::uint32_t>(out, indexes_);
  }
}

}  // namespace signalbox::server::store
