#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "otlp/records.h"
#include "server/store/columns/hash.h"

namespace signalbox::server::store {

/// Attributes in the form in which the tables keep them: sorted by key, values as text, and one
/// character a value for its type. Reused from record to record.
///
/// Thread-safety: one thread at a time.
class StoredAttributes {
 public:
  struct Entry {
    std::string_view key;
    std::string_view value;  ///< Text, see `append_text`.
  };

  /// Replaces the contents. The entries refer to `attributes` and to this object.
  void assign(otlp::AttributesView attributes);

  [[nodiscard]] const std::vector<Entry>& entries() const noexcept { return entries_; }
  /// Equal for two records if they have the same keys; differs between objects of this class. > 0.
  [[nodiscard]] std::uint64_t shape() const noexcept { return shape_; }
  /// A character of otlp::ValueType for each entry.
  [[nodiscard]] std::string_view types() const noexcept { return types_; }
  /// The value of the first entry with this key, "" if there is none.
  [[nodiscard]] std::string_view find(std::string_view key) const noexcept;
  void add_to(Hasher& hasher) const noexcept;

 private:
  [[nodiscard]] bool has_keys_of_last(otlp::AttributesView attributes) const noexcept;
  void learn_keys(otlp::AttributesView attributes);

  // Records in a row mostly have the same keys: those of the last one, as they came, and their
  // order by key.
  std::vector<std::string> keys_;
  std::size_t key_count_ = 0;
  std::vector<std::uint32_t> order_;
  std::uint64_t shape_ = 0;

  std::vector<Entry> entries_;
  std::vector<std::size_t> ends_;
  std::string text_;
  std::string types_;
};

/// Appends the text of a value: a string as it is, `true` or `false`, a decimal integer, the
/// shortest decimal that reads back as the same double (or NaN, Infinity, -Infinity), bytes as
/// base64, an array or key-value list as its OTLP/JSON, nothing for an empty value.
void append_text(std::string& out, const otlp::ValueView& value);

}  // namespace signalbox::server::store
