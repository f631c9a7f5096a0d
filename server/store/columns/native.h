#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "server/store/columns/hash.h"

/// Columns that are filled value by value and written as ClickHouse's Native format.
///
/// Every column has
///   `append(…)`         one more row,
///   `size()`            rows,
///   `mark()`            remembers where it ends,
///   `roll_back()`       back to there, in time proportional to what came since,
///   `clear()`           no rows; memory is kept up to a limit,
///   `memory_bytes()`    about what it holds,
///   `type_name()`       ClickHouse's name of its type,
///   `write_prefix(out)` and `write_data(out, order)`: what Native holds of it, in this order.
///
/// Thread-safety: one thread at a time.
namespace signalbox::server::store {

/// The rows in the order in which they are written; empty: as they came.
using RowOrder = std::span<const std::uint32_t>;

/// What a buffer keeps for the next block; more is given back.
inline constexpr std::size_t kMaxKeptBytes = std::size_t{16} << 20;

/// Empties a vector or string.
template <typename Buffer>
void clear_buffer(Buffer& buffer) {
  if (buffer.capacity() * sizeof(typename Buffer::value_type) > kMaxKeptBytes) {
    Buffer().swap(buffer);
  } else {
    buffer.clear();
  }
}

void append_varint(std::string& out, std::uint64_t value);

/// Text or bytes with its length in front.
void append_string(std::string& out, std::string_view value);

template <typename T>
void append_fixed(std::string& out, T value) {
  static_assert(std::is_trivially_copyable_v<T>);
  const std::size_t at = out.size();
  out.resize(at + sizeof value);
  std::memcpy(out.data() + at, &value, sizeof value);
}

/// Appends `value_of(i)`, of type T, for each i < `count`: through a small buffer, so that `out`
/// does not have to be filled with zeros first.
template <typename T, typename ValueOf>
void append_each(std::string& out, std::size_t count, ValueOf value_of) {
  static_assert(std::is_trivially_copyable_v<T>);
  constexpr std::size_t kAtOnce = 4096 / sizeof(T);
  std::array<T, kAtOnce> some;
  out.reserve(out.size() + count * sizeof(T));
  for (std::size_t begin = 0; begin < count; begin += kAtOnce) {
    const std::size_t size = std::min(kAtOnce, count - begin);
    for (std::size_t i = 0; i < size; ++i) some[i] = value_of(begin + i);
    out.append(reinterpret_cast<const char*>(some.data()), size * sizeof(T));
  }
}

/// Numbers of one width. `Name::kName` is the type's name.
template <typename T, typename Name>
class FixedColumn {
 public:
  void append(T value) { values_.push_back(value); }
  [[nodiscard]] std::size_t size() const noexcept { return values_.size(); }
  [[nodiscard]] T operator[](std::size_t row) const noexcept { return values_[row]; }
  void pad(std::size_t rows) { values_.resize(std::max(rows, values_.size())); }
  void mark() noexcept { mark_ = values_.size(); }
  void roll_back() { values_.resize(mark_); }
  void clear() {
    clear_buffer(values_);
    mark_ = 0;
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return values_.size() * sizeof(T); }
  static std::string type_name() { return Name::kName; }
  static void write_prefix(std::string& /*out*/) {}
  void write_data(std::string& out, RowOrder order) const {
    if (order.empty()) {
      out.append(reinterpret_cast<const char*>(values_.data()), values_.size() * sizeof(T));
    } else {
      append_each<T>(out, order.size(), [&](std::size_t i) { return values_[order[i]]; });
    }
  }

 private:
  std::vector<T> values_;
  std::size_t mark_ = 0;
};

namespace native_names {
struct UInt8 {
  static constexpr const char* kName = "UInt8";
};
struct UInt16 {
  static constexpr const char* kName = "UInt16";
};
struct UInt32 {
  static constexpr const char* kName = "UInt32";
};
struct UInt64 {
  static constexpr const char* kName = "UInt64";
};
struct Int32 {
  static constexpr const char* kName = "Int32";
};
struct Int64 {
  static constexpr const char* kName = "Int64";
};
struct Float64 {
  static constexpr const char* kName = "Float64";
};
struct Bool {
  static constexpr const char* kName = "Bool";
};
struct DateTime64 {
  static constexpr const char* kName = "DateTime64(9, 'UTC')";
};
struct Seconds {
  static constexpr const char* kName = "DateTime64(0, 'UTC')";
};
}  // namespace native_names

using UInt8Column = FixedColumn<std::uint8_t, native_names::UInt8>;
using UInt16Column = FixedColumn<std::uint16_t, native_names::UInt16>;
using UInt32Column = FixedColumn<std::uint32_t, native_names::UInt32>;
using UInt64Column = FixedColumn<std::uint64_t, native_names::UInt64>;
using Int32Column = FixedColumn<std::int32_t, native_names::Int32>;
using Int64Column = FixedColumn<std::int64_t, native_names::Int64>;
using Float64Column = FixedColumn<double, native_names::Float64>;
using BoolColumn = FixedColumn<std::uint8_t, native_names::Bool>;  ///< 0 or 1.

/// Nanoseconds since 1970, up to 2262.
using DateTimeColumn = FixedColumn<std::int64_t, native_names::DateTime64>;

/// Seconds since 1970.
using SecondsColumn = FixedColumn<std::int64_t, native_names::Seconds>;

/// UInt32: the number of the row in the order in which rows are written, from 0.
class RowNumberColumn {
 public:
  void append() noexcept { ++rows_; }
  [[nodiscard]] std::size_t size() const noexcept { return rows_; }
  void mark() noexcept { mark_ = rows_; }
  void roll_back() noexcept { rows_ = mark_; }
  void clear() noexcept { rows_ = mark_ = 0; }
  static std::size_t memory_bytes() noexcept { return 0; }
  static std::string type_name() { return native_names::UInt32::kName; }
  static void write_prefix(std::string& /*out*/) {}
  void write_data(std::string& out, RowOrder /*order*/) const;

 private:
  std::size_t rows_ = 0;
  std::size_t mark_ = 0;
};

/// `Width` bytes a row; shorter values are filled up with zero bytes, longer ones cut.
template <std::size_t Width>
class FixedStringColumn {
 public:
  void append(std::string_view value) {
    const std::size_t at = bytes_.size();
    bytes_.resize(at + Width, '\0');
    const std::size_t length = value.size() < Width ? value.size() : Width;
    if (length != 0) std::memcpy(bytes_.data() + at, value.data(), length);
  }
  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size() / Width; }
  [[nodiscard]] std::string_view operator[](std::size_t row) const noexcept {
    return {bytes_.data() + row * Width, Width};
  }
  void mark() noexcept { mark_ = bytes_.size(); }
  void roll_back() { bytes_.resize(mark_); }
  void clear() {
    clear_buffer(bytes_);
    mark_ = 0;
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return bytes_.size(); }
  static std::string type_name() { return "FixedString(" + std::to_string(Width) + ")"; }
  static void write_prefix(std::string& /*out*/) {}
  void write_data(std::string& out, RowOrder order) const {
    if (order.empty()) {
      out += bytes_;
      return;
    }
    append_each<std::array<char, Width>>(out, order.size(), [&](std::size_t i) {
      std::array<char, Width> value;
      std::memcpy(value.data(), bytes_.data() + order[i] * Width, Width);
      return value;
    });
  }

 private:
  std::string bytes_;
  std::size_t mark_ = 0;
};

class StringColumn {
 public:
  void append(std::string_view value) {
    append_string(bytes_, value);
    ends_.push_back(bytes_.size());
  }
  template <typename Entries>
  void append_values(const Entries& entries) {
    for (const auto& entry : entries) append(entry.value);
  }
  /// Appends empty rows until there are `rows`.
  void pad(std::size_t rows);
  [[nodiscard]] std::size_t size() const noexcept { return ends_.size(); }
  [[nodiscard]] std::string_view operator[](std::size_t row) const noexcept;
  void mark() noexcept { mark_ = ends_.size(); }
  void roll_back();
  void clear() {
    clear_buffer(bytes_);
    clear_buffer(ends_);
    mark_ = 0;
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return bytes_.size() + ends_.size() * sizeof(std::size_t);
  }
  static std::string type_name() { return "String"; }
  static void write_prefix(std::string& /*out*/) {}
  void write_data(std::string& out, RowOrder order) const;

 private:
  std::string bytes_;  // As Native holds it.
  std::vector<std::size_t> ends_;
  std::size_t mark_ = 0;
};

/// Distinct strings, numbered from 0 in the order in which they came; less than 4 GiB of them,
/// more throw std::length_error.
class StringDictionary {
 public:
  std::uint32_t index_of(std::string_view value) { return index_of(value, hash_bytes(value)); }
  /// `hash` is `hash_bytes(value)`.
  std::uint32_t index_of(std::string_view value, std::uint64_t hash);
  /// Fetches what `index_of` will look at first.
  void prefetch(std::uint64_t hash) const noexcept {
    if (!slots_.empty()) __builtin_prefetch(&slots_[hash & (slots_.size() - 1)]);
  }
  /// Some time after that: fetches the text to which it will compare.
  void prefetch_text(std::uint64_t hash) const noexcept {
    if (slots_.empty()) return;
    __builtin_prefetch(bytes_.data() + slots_[hash & (slots_.size() - 1)].entry.begin);
  }
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  [[nodiscard]] std::string_view operator[](std::uint32_t index) const noexcept {
    return text(entries_[index]);
  }
  /// All of them, as Native holds strings.
  [[nodiscard]] std::string_view native() const noexcept { return bytes_; }
  [[nodiscard]] std::size_t memory_bytes() const noexcept;
  /// Keeps the first `size`; takes time in proportion to what goes.
  void truncate(std::size_t size);
  void clear();

 private:
  struct Entry {
    std::uint32_t begin;
    std::uint32_t size;
  };
  /// With the entry, so that a look-up goes from here to the bytes at once.
  struct Slot {
    std::uint32_t hash = 0;
    std::uint32_t index_plus_one = 0;  // 0: free.
    Entry entry{};
  };
  [[nodiscard]] std::string_view text(const Entry& entry) const noexcept {
    return {bytes_.data() + entry.begin, entry.size};
  }
  Entry append_entry(std::string_view value);
  void rehash(std::size_t slots);

  std::string bytes_;
  std::vector<Entry> entries_;
  std::vector<Slot> slots_;  // A power of two, at most half full; linear probing.
};

/// LowCardinality(String), with one dictionary for the block.
class LowCardinalityColumn {
 public:
  void append(std::string_view value) {
    // What came last often comes next.
    if (indexes_.empty() || !equal_bytes(dictionary_[indexes_.back()], value)) {
      indexes_.push_back(dictionary_.index_of(value));
    } else {
      indexes_.push_back(indexes_.back());
    }
  }
  /// Appends the `value` of each entry; looks all of them up at once, which hides the time that a
  /// large dictionary's memory takes to answer.
  template <typename Entries>
  void append_values(const Entries& entries);
  /// Appends the `count` rows from `begin` on once more.
  void append_again(std::size_t begin, std::size_t count) {
    indexes_.resize(indexes_.size() + count);
    std::copy_n(indexes_.begin() + static_cast<std::ptrdiff_t>(begin), count,
                indexes_.end() - static_cast<std::ptrdiff_t>(count));
  }
  /// The same in steps, for a caller that has other work in between: `prefetch`, `prefetch_text`,
  /// `append`.
  void prefetch(std::uint64_t hash) const noexcept { dictionary_.prefetch(hash); }
  void prefetch_text(std::uint64_t hash) const noexcept { dictionary_.prefetch_text(hash); }
  void append(std::string_view value, std::uint64_t hash) {
    indexes_.push_back(dictionary_.index_of(value, hash));
  }
  /// Appends what `index_of` has numbered.
  std::uint32_t index_of(std::string_view value) { return dictionary_.index_of(value); }
  void append_index(std::uint32_t index) { indexes_.push_back(index); }
  /// Appends empty rows until there are `rows`.
  void pad(std::size_t rows) {
    if (indexes_.size() < rows) indexes_.resize(rows, dictionary_.index_of({}));
  }
  [[nodiscard]] std::size_t size() const noexcept { return indexes_.size(); }
  [[nodiscard]] std::string_view operator[](std::size_t row) const noexcept {
    return dictionary_[indexes_[row]];
  }
  [[nodiscard]] const std::vector<std::uint32_t>& indexes() const noexcept { return indexes_; }
  [[nodiscard]] const StringDictionary& dictionary() const noexcept { return dictionary_; }
  void mark() noexcept {
    mark_ = indexes_.size();
    marked_keys_ = dictionary_.size();
  }
  void roll_back() {
    indexes_.resize(mark_);
    dictionary_.truncate(marked_keys_);
  }
  void clear() {
    dictionary_.clear();
    clear_buffer(indexes_);
    mark_ = marked_keys_ = 0;
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return dictionary_.memory_bytes() + indexes_.size() * sizeof(std::uint32_t);
  }
  static std::string type_name() { return "LowCardinality(String)"; }
  static void write_prefix(std::string& out);
  void write_data(std::string& out, RowOrder order) const;

 private:
  StringDictionary dictionary_;
  std::vector<std::uint32_t> indexes_;
  std::size_t mark_ = 0;
  std::size_t marked_keys_ = 0;
};

template <typename Entries>
void LowCardinalityColumn::append_values(const Entries& entries) {
  constexpr std::size_t kAtOnce = 16;
  std::array<std::uint64_t, kAtOnce> hashes;
  for (std::size_t begin = 0; begin < entries.size(); begin += kAtOnce) {
    const std::size_t count = std::min(kAtOnce, entries.size() - begin);
    for (std::size_t i = 0; i < count; ++i) {
      hashes[i] = hash_bytes(entries[begin + i].value);
      dictionary_.prefetch(hashes[i]);
    }
    for (std::size_t i = 0; i < count; ++i) {
      indexes_.push_back(dictionary_.index_of(entries[begin + i].value, hashes[i]));
    }
  }
}

/// Nullable(Float64).
class NullableFloat64Column {
 public:
  void append(bool has_value, double value) {
    nulls_.append(has_value ? 0 : 1);
    values_.append(has_value ? value : 0);
  }
  [[nodiscard]] std::size_t size() const noexcept { return values_.size(); }
  void mark() noexcept {
    nulls_.mark();
    values_.mark();
  }
  void roll_back() {
    nulls_.roll_back();
    values_.roll_back();
  }
  void clear() {
    nulls_.clear();
    values_.clear();
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return nulls_.memory_bytes() + values_.memory_bytes();
  }
  static std::string type_name() { return "Nullable(Float64)"; }
  static void write_prefix(std::string& /*out*/) {}
  void write_data(std::string& out, RowOrder order) const {
    nulls_.write_data(out, order);
    values_.write_data(out, order);
  }

 private:
  UInt8Column nulls_;
  Float64Column values_;
};

/// Where the elements of each row of an array or map end.
class RowEnds {
 public:
  void push_back(std::uint64_t end) { ends_.push_back(end); }
  [[nodiscard]] std::size_t size() const noexcept { return ends_.size(); }
  void mark() noexcept { mark_ = ends_.size(); }
  void roll_back() { ends_.resize(mark_); }
  void clear() {
    clear_buffer(ends_);
    mark_ = 0;
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return ends_.size() * sizeof(std::uint64_t);
  }
  /// Writes the ends as they are in `order`; returns the order of the elements.
  std::vector<std::uint32_t> write(std::string& out, RowOrder order) const;

 private:
  std::vector<std::uint64_t> ends_;
  std::size_t mark_ = 0;
};

/// Array(…): append the elements to `elements()`, then call `end_row`.
template <typename Elements>
class ArrayColumn {
 public:
  [[nodiscard]] Elements& elements() noexcept { return elements_; }
  [[nodiscard]] const Elements& elements() const noexcept { return elements_; }
  void end_row() { ends_.push_back(elements_.size()); }
  [[nodiscard]] std::size_t size() const noexcept { return ends_.size(); }
  void mark() noexcept {
    ends_.mark();
    elements_.mark();
  }
  void roll_back() {
    ends_.roll_back();
    elements_.roll_back();
  }
  void clear() {
    ends_.clear();
    elements_.clear();
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return ends_.memory_bytes() + elements_.memory_bytes();
  }
  static std::string type_name() { return "Array(" + Elements::type_name() + ")"; }
  static void write_prefix(std::string& out) { Elements::write_prefix(out); }
  void write_data(std::string& out, RowOrder order) const {
    elements_.write_data(out, ends_.write(out, order));
  }

 private:
  RowEnds ends_;
  Elements elements_;
};

/// Map(LowCardinality(String), …).
template <typename Values>
class MapColumn {
 public:
  /// One row. `entries` have `key` and `value`. Rows with the same `shape`, not 0, have the same
  /// keys.
  template <typename Entries>
  void append(const Entries& entries, std::uint64_t shape) {
    if (shape != 0 && shape == last_shape_) {
      keys_.append_again(keys_.size() - entries.size(), entries.size());
    } else {
      for (const auto& entry : entries) keys_.append(entry.key);
    }
    last_shape_ = shape;
    values_.append_values(entries);
    ends_.push_back(keys_.size());
  }
  [[nodiscard]] std::size_t size() const noexcept { return ends_.size(); }
  /// Of all rows, one after the other.
  [[nodiscard]] const LowCardinalityColumn& keys() const noexcept { return keys_; }
  [[nodiscard]] const Values& values() const noexcept { return values_; }
  void mark() noexcept {
    ends_.mark();
    keys_.mark();
    values_.mark();
  }
  void roll_back() {
    last_shape_ = 0;
    ends_.roll_back();
    keys_.roll_back();
    values_.roll_back();
  }
  void clear() {
    last_shape_ = 0;
    ends_.clear();
    keys_.clear();
    values_.clear();
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return ends_.memory_bytes() + keys_.memory_bytes() + values_.memory_bytes();
  }
  static std::string type_name() {
    return "Map(" + LowCardinalityColumn::type_name() + ", " + Values::type_name() + ")";
  }
  static void write_prefix(std::string& out) {
    LowCardinalityColumn::write_prefix(out);
    Values::write_prefix(out);
  }
  void write_data(std::string& out, RowOrder order) const {
    const std::vector<std::uint32_t> elements = ends_.write(out, order);
    keys_.write_data(out, elements);
    values_.write_data(out, elements);
  }

 private:
  std::uint64_t last_shape_ = 0;  // Of the last row; 0: unknown.
  RowEnds ends_;
  LowCardinalityColumn keys_;
  Values values_;
};

/// A table's columns: a class with `template <typename F> void visit(F f)` that calls
/// `f(name, column)` for each; the functions below do the rest. All columns have as many rows as
/// `rows(table)` says.
template <typename Columns>
std::size_t rows(Columns& table) {
  std::size_t count = 0;
  bool first = true;
  table.visit([&](const char* /*name*/, auto& column) {
    if (first) count = column.size();
    first = false;
  });
  return count;
}

template <typename Columns>
void mark(Columns& table) {
  table.visit([](const char* /*name*/, auto& column) { column.mark(); });
}

template <typename Columns>
void roll_back(Columns& table) {
  table.visit([](const char* /*name*/, auto& column) { column.roll_back(); });
}

template <typename Columns>
void clear(Columns& table) {
  table.visit([](const char* /*name*/, auto& column) { column.clear(); });
}

template <typename Columns>
std::size_t memory_bytes(Columns& table) {
  std::size_t bytes = 0;
  table.visit([&](const char* /*name*/, auto& column) { bytes += column.memory_bytes(); });
  return bytes;
}

/// Appends a column `received`, DateTime64(6, 'UTC'), with the same value in each of `rows` rows.
void append_received(std::string& out, std::int64_t unix_us, std::size_t rows);

/// A column's name and type, and what stands before its data; about.
inline constexpr std::size_t kMaxColumnHeadBytes = 256;

/// Appends the table as one Native block; it must have rows. With `received_us`, microseconds since
/// 1970, it gets the column `received` in front.
template <typename Columns>
void write_native(Columns& table, std::string& out, std::optional<std::int64_t> received_us = {},
                  RowOrder order = {}) {
  std::size_t columns = received_us ? 1 : 0;
  table.visit([&](const char* /*name*/, auto& /*column*/) { ++columns; });
  // At once: what grows is copied again and again.
  out.reserve(out.size() + memory_bytes(table) + rows(table) * sizeof(std::int64_t) +
              columns * kMaxColumnHeadBytes);
  append_varint(out, columns);
  append_varint(out, rows(table));
  if (received_us) append_received(out, *received_us, rows(table));
  table.visit([&](const char* name, auto& column) {
    append_string(out, name);
    append_string(out, column.type_name());
    column.write_prefix(out);
    column.write_data(out, order);
  });
}

}  // namespace signalbox::server::store
