#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
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
///   `truncate(rows)`    back to an earlier size,
///   `clear()`           no rows, memory kept,
///   `memory_bytes()`    about what it holds,
///   `type_name()`       ClickHouse's name of its type,
///   `write_prefix(out)` and `write_data(out)`: what Native holds of it, in this order.
///
/// Thread-safety: one thread at a time.
namespace signalbox::server::store {

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

/// Numbers of one width. `Name::kName` is the type's name.
template <typename T, typename Name>
class FixedColumn {
 public:
  void append(T value) { values_.push_back(value); }
  [[nodiscard]] std::size_t size() const noexcept { return values_.size(); }
  [[nodiscard]] T operator[](std::size_t row) const noexcept { return values_[row]; }
  void truncate(std::size_t rows) { values_.resize(rows); }
  void clear() noexcept { values_.clear(); }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return values_.size() * sizeof(T); }
  static std::string type_name() { return Name::kName; }
  static void write_prefix(std::string& /*out*/) {}
  void write_data(std::string& out) const {
    out.append(reinterpret_cast<const char*>(values_.data()), values_.size() * sizeof(T));
  }

 private:
  std::vector<T> values_;
};

namespace native_names {
struct UInt8 {
  static constexpr const char* kName = "UInt8";
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
}  // namespace native_names

using UInt8Column = FixedColumn<std::uint8_t, native_names::UInt8>;
using UInt32Column = FixedColumn<std::uint32_t, native_names::UInt32>;
using UInt64Column = FixedColumn<std::uint64_t, native_names::UInt64>;
using Int32Column = FixedColumn<std::int32_t, native_names::Int32>;
using Int64Column = FixedColumn<std::int64_t, native_names::Int64>;
using Float64Column = FixedColumn<double, native_names::Float64>;
using BoolColumn = FixedColumn<std::uint8_t, native_names::Bool>;  ///< 0 or 1.

/// Nanoseconds since 1970, up to 2262.
using DateTimeColumn = FixedColumn<std::int64_t, native_names::DateTime64>;

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
  void truncate(std::size_t rows) { bytes_.resize(rows * Width); }
  void clear() noexcept { bytes_.clear(); }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return bytes_.size(); }
  static std::string type_name() { return "FixedString(" + std::to_string(Width) + ")"; }
  static void write_prefix(std::string& /*out*/) {}
  void write_data(std::string& out) const { out += bytes_; }

 private:
  std::string bytes_;
};

class StringColumn {
 public:
  void append(std::string_view value) {
    append_string(bytes_, value);
    ++rows_;
  }
  template <typename Entries>
  void append_values(const Entries& entries) {
    for (const auto& entry : entries) append(entry.value);
  }
  [[nodiscard]] std::size_t size() const noexcept { return rows_; }
  void truncate(std::size_t rows);  ///< Takes time in proportion to `rows`.
  void clear() noexcept {
    bytes_.clear();
    rows_ = 0;
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return bytes_.size(); }
  static std::string type_name() { return "String"; }
  static void write_prefix(std::string& /*out*/) {}
  void write_data(std::string& out) const { out += bytes_; }

 private:
  std::string bytes_;  // As Native holds it.
  std::size_t rows_ = 0;
};

/// Distinct strings, numbered from 0 in the order in which they came.
class StringDictionary {
 public:
  std::uint32_t index_of(std::string_view value) { return index_of(value, hash_bytes(value)); }
  /// `hash` is `hash_bytes(value)`.
  std::uint32_t index_of(std::string_view value, std::uint64_t hash);
  /// Fetches what `index_of` will look at first.
  void prefetch(std::uint64_t hash) const noexcept {
    if (!slots_.empty()) __builtin_prefetch(&slots_[hash & (slots_.size() - 1)]);
  }
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  [[nodiscard]] std::string_view operator[](std::uint32_t index) const noexcept {
    const Entry& entry = entries_[index];
    return {bytes_.data() + entry.begin, entry.size};
  }
  /// All of them, as Native holds strings.
  [[nodiscard]] std::string_view native() const noexcept { return bytes_; }
  [[nodiscard]] std::size_t memory_bytes() const noexcept;
  void truncate(std::size_t size);  ///< Keeps the first `size`.
  void clear();

 private:
  struct Entry {
    std::size_t begin;
    std::size_t size;
  };
  struct Slot {
    std::uint32_t hash = 0;
    std::uint32_t index_plus_one = 0;  // 0: free.
  };
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
    if (indexes_.empty() || dictionary_[indexes_.back()] != value) {
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
  [[nodiscard]] std::size_t size() const noexcept { return indexes_.size(); }
  [[nodiscard]] std::string_view operator[](std::size_t row) const noexcept {
    return dictionary_[indexes_[row]];
  }
  void truncate(std::size_t rows);  ///< Takes time in proportion to `rows`.
  void clear() {
    dictionary_.clear();
    indexes_.clear();
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return dictionary_.memory_bytes() + indexes_.size() * sizeof(std::uint32_t);
  }
  static std::string type_name() { return "LowCardinality(String)"; }
  static void write_prefix(std::string& out);
  void write_data(std::string& out) const;

 private:
  StringDictionary dictionary_;
  std::vector<std::uint32_t> indexes_;
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
    nulls_.push_back(has_value ? 0 : 1);
    values_.push_back(has_value ? value : 0);
  }
  [[nodiscard]] std::size_t size() const noexcept { return values_.size(); }
  void truncate(std::size_t rows) {
    nulls_.resize(rows);
    values_.resize(rows);
  }
  void clear() noexcept {
    nulls_.clear();
    values_.clear();
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return nulls_.size() + values_.size() * sizeof(double);
  }
  static std::string type_name() { return "Nullable(Float64)"; }
  static void write_prefix(std::string& /*out*/) {}
  void write_data(std::string& out) const {
    out.append(reinterpret_cast<const char*>(nulls_.data()), nulls_.size());
    out.append(reinterpret_cast<const char*>(values_.data()), values_.size() * sizeof(double));
  }

 private:
  std::vector<std::uint8_t> nulls_;
  std::vector<double> values_;
};

/// Array(…): append the elements to `elements()`, then call `end_row`.
template <typename Elements>
class ArrayColumn {
 public:
  [[nodiscard]] Elements& elements() noexcept { return elements_; }
  [[nodiscard]] const Elements& elements() const noexcept { return elements_; }
  void end_row() { ends_.push_back(elements_.size()); }
  [[nodiscard]] std::size_t size() const noexcept { return ends_.size(); }
  void truncate(std::size_t rows) {
    ends_.resize(rows);
    elements_.truncate(ends_.empty() ? 0 : ends_.back());
  }
  void clear() {
    ends_.clear();
    elements_.clear();
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return ends_.size() * sizeof(std::uint64_t) + elements_.memory_bytes();
  }
  static std::string type_name() { return "Array(" + Elements::type_name() + ")"; }
  static void write_prefix(std::string& out) { Elements::write_prefix(out); }
  void write_data(std::string& out) const {
    out.append(reinterpret_cast<const char*>(ends_.data()), ends_.size() * sizeof(std::uint64_t));
    elements_.write_data(out);
  }

 private:
  std::vector<std::uint64_t> ends_;
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
  void truncate(std::size_t rows) {
    last_shape_ = 0;
    ends_.resize(rows);
    const std::size_t entries = ends_.empty() ? 0 : ends_.back();
    keys_.truncate(entries);
    values_.truncate(entries);
  }
  void clear() {
    last_shape_ = 0;
    ends_.clear();
    keys_.clear();
    values_.clear();
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return ends_.size() * sizeof(std::uint64_t) + keys_.memory_bytes() + values_.memory_bytes();
  }
  static std::string type_name() {
    return "Map(" + LowCardinalityColumn::type_name() + ", " + Values::type_name() + ")";
  }
  static void write_prefix(std::string& out) {
    LowCardinalityColumn::write_prefix(out);
    Values::write_prefix(out);
  }
  void write_data(std::string& out) const {
    out.append(reinterpret_cast<const char*>(ends_.data()), ends_.size() * sizeof(std::uint64_t));
    keys_.write_data(out);
    values_.write_data(out);
  }

 private:
  std::uint64_t last_shape_ = 0;  // Of the last row; 0: unknown.
  std::vector<std::uint64_t> ends_;
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
void truncate(Columns& table, std::size_t rows) {
  table.visit([&](const char* /*name*/, auto& column) { column.truncate(rows); });
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

/// Appends the table as one Native block; it must have rows. With `received_us`, microseconds since
/// 1970, it gets the column `received` in front.
template <typename Columns>
void write_native(Columns& table, std::string& out, std::optional<std::int64_t> received_us = {}) {
  std::size_t columns = received_us ? 1 : 0;
  table.visit([&](const char* /*name*/, auto& /*column*/) { ++columns; });
  append_varint(out, columns);
  append_varint(out, rows(table));
  if (received_us) append_received(out, *received_us, rows(table));
  table.visit([&](const char* name, auto& column) {
    append_string(out, name);
    append_string(out, column.type_name());
    column.write_prefix(out);
    column.write_data(out);
  });
}

}  // namespace signalbox::server::store
