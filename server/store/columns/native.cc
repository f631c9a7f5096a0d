#include "server/store/columns/native.h"

#include <limits>
#include <stdexcept>

namespace signalbox::server::store {
namespace {

// Of ClickHouse's serialisation of LowCardinality: each block brings its own keys, after a version.
constexpr std::uint64_t kDictionaryVersion = 1;
constexpr std::uint64_t kHasAdditionalKeys = 1ULL << 9;
constexpr std::size_t kFirstSlots = 64;
constexpr std::size_t kMaxKeptSlots = 1 << 17;
/// With room for a length.
constexpr std::size_t kMaxDictionaryBytes = std::numeric_limits<std::uint32_t>::max() - 16;

template <typename Index>
void append_indexes(std::string& out, const std::vector<std::uint32_t>& indexes, RowOrder order) {
  append_each<Index>(out, indexes.size(), [&](std::size_t i) {
    return static_cast<Index>(indexes[order.empty() ? i : order[i]]);
  });
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
  append_each<std::int64_t>(out, rows, [&](std::size_t /*row*/) { return unix_us; });
}

void RowNumberColumn::write_data(std::string& out, RowOrder /*order*/) const {
  append_each<std::uint32_t>(out, rows_,
                             [](std::size_t row) { return static_cast<std::uint32_t>(row); });
}

std::string_view StringColumn::operator[](std::size_t row) const noexcept {
  const std::size_t begin = row == 0 ? 0 : ends_[row - 1];
  std::size_t at = begin;
  while ((static_cast<unsigned char>(bytes_[at]) & 0x80) != 0) ++at;  // The length, as a varint.
  return {bytes_.data() + at + 1, ends_[row] - at - 1};
}

void StringColumn::pad(std::size_t rows) {
  while (ends_.size() < rows) {
    bytes_.push_back('\0');
    ends_.push_back(bytes_.size());
  }
}

void StringColumn::roll_back() {
  ends_.resize(mark_);
  bytes_.resize(ends_.empty() ? 0 : ends_.back());
}

void StringColumn::write_data(std::string& out, RowOrder order) const {
  if (order.empty()) {
    out += bytes_;
    return;
  }
  out.reserve(out.size() + bytes_.size());
  for (const std::uint32_t row : order) {
    const std::size_t begin = row == 0 ? 0 : ends_[row - 1];
    out.append(bytes_, begin, ends_[row] - begin);
  }
}

std::vector<std::uint32_t> RowEnds::write(std::string& out, RowOrder order) const {
  std::vector<std::uint32_t> elements;
  if (order.empty()) {
    out.append(reinterpret_cast<const char*>(ends_.data()), ends_.size() * sizeof(std::uint64_t));
    return elements;
  }
  if (!ends_.empty()) elements.reserve(ends_.back());
  out.reserve(out.size() + ends_.size() * sizeof(std::uint64_t));
  for (const std::uint32_t row : order) {
    for (std::uint64_t at = row == 0 ? 0 : ends_[row - 1]; at < ends_[row]; ++at) {
      elements.push_back(static_cast<std::uint32_t>(at));
    }
    append_fixed<std::uint64_t>(out, elements.size());
  }
  return elements;
}

std::uint32_t StringDictionary::index_of(std::string_view value, std::uint64_t hash) {
  if (entries_.size() * 2 >= slots_.size()) rehash(std::max(kFirstSlots, slots_.size() * 2));
  const auto tag = static_cast<std::uint32_t>(hash >> 32);
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
    Slot& slot = slots_[at];
    if (slot.index_plus_one == 0) {
      if (bytes_.size() + value.size() > kMaxDictionaryBytes) {
        throw std::length_error("a column's distinct texts take more than 4 GiB");
      }
      const Entry entry = append_entry(value);
      slot = {tag, static_cast<std::uint32_t>(entries_.size()), entry};
      return slot.index_plus_one - 1;
    }
    if (slot.hash == tag && equal_bytes(text(slot.entry), value)) return slot.index_plus_one - 1;
  }
}

StringDictionary::Entry StringDictionary::append_entry(std::string_view value) {
  // If memory is short, all is as before. An entry never lies behind the end of `bytes_`.
  const std::size_t before = bytes_.size();
  try {
    append_varint(bytes_, value.size());
    const Entry entry{static_cast<std::uint32_t>(bytes_.size()),
                      static_cast<std::uint32_t>(value.size())};
    bytes_.append(value);
    entries_.push_back(entry);
    return entry;
  } catch (...) {
    bytes_.resize(before);
    throw;
  }
}

void StringDictionary::rehash(std::size_t slots) {
  slots_.assign(slots, Slot{});
  const std::size_t mask = slots_.size() - 1;
  for (std::uint32_t index = 0; index < entries_.size(); ++index) {
    const std::uint64_t hash = hash_bytes((*this)[index]);
    std::size_t at = hash & mask;
    while (slots_[at].index_plus_one != 0) at = (at + 1) & mask;
    slots_[at] = {static_cast<std::uint32_t>(hash >> 32), index + 1, entries_[index]};
  }
}

std::size_t StringDictionary::memory_bytes() const noexcept {
  return bytes_.size() + entries_.size() * sizeof(Entry) + slots_.size() * sizeof(Slot);
}

void StringDictionary::truncate(std::size_t size) {
  if (size >= entries_.size()) return;
  // The last to come leaves first: nothing has been put behind it that a free slot would hide.
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t index = entries_.size(); index-- > size;) {
    std::size_t at = hash_bytes((*this)[static_cast<std::uint32_t>(index)]) & mask;
    while (slots_[at].index_plus_one != index + 1) at = (at + 1) & mask;
    slots_[at] = {};
  }
  entries_.resize(size);
  bytes_.resize(size == 0 ? 0 : entries_.back().begin + entries_.back().size);
}

void StringDictionary::clear() {
  // Emptying a large table costs as much as filling it: one that was hardly used shrinks.
  if (slots_.size() > kMaxKeptSlots || entries_.size() * 16 < slots_.size()) {
    std::vector<Slot>().swap(slots_);
  } else {
    std::fill(slots_.begin(), slots_.end(), Slot{});
  }
  clear_buffer(bytes_);
  clear_buffer(entries_);
}

void LowCardinalityColumn::write_prefix(std::string& out) {
  append_fixed(out, kDictionaryVersion);
}

void LowCardinalityColumn::write_data(std::string& out, RowOrder order) const {
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
    append_indexes<std::uint8_t>(out, indexes_, order);
  } else if (index_type == 1) {
    append_indexes<std::uint16_t>(out, indexes_, order);
  } else {
    append_indexes<std::uint32_t>(out, indexes_, order);
  }
}

}  // namespace signalbox::server::store
