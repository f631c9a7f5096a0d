#include "server/store/columns/attributes.h"

#include <algorithm>
#include <atomic>
#include <cstddef>

#include "otlp/text.h"

namespace signalbox::server::store {
namespace {

bool is_text(otlp::ValueType type) noexcept {
  return type == otlp::ValueType::kString || type == otlp::ValueType::kArray ||
         type == otlp::ValueType::kKeyValueList;
}

std::uint64_t next_shape() noexcept {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

}  // namespace

void append_text(std::string& out, const otlp::ValueView& value) {
  switch (value.type) {
    case otlp::ValueType::kString:
    case otlp::ValueType::kArray:
    case otlp::ValueType::kKeyValueList:
      out += value.text;
      return;
    case otlp::ValueType::kBool:
      out += value.bool_value ? "true" : "false";
      return;
    case otlp::ValueType::kInt:
      otlp::append_int(value.int_value, out);
      return;
    case otlp::ValueType::kDouble:
      otlp::append_double(value.double_value, out);
      return;
    case otlp::ValueType::kBytes:
      otlp::append_base64(value.text, out);
      return;
    case otlp::ValueType::kEmpty:
      return;
  }
}

bool StoredAttributes::has_keys_of_last(otlp::AttributesView attributes) const noexcept {
  if (shape_ == 0 || attributes.size() != key_count_) return false;
  for (std::size_t i = 0; i < key_count_; ++i) {
    if (!equal_bytes(attributes[i].key, keys_[i])) return false;
  }
  return true;
}

void StoredAttributes::learn_keys(otlp::AttributesView attributes) {
  key_count_ = attributes.size();
  if (keys_.size() < key_count_) keys_.resize(key_count_);
  order_.clear();
  for (std::size_t i = 0; i < key_count_; ++i) {
    keys_[i].assign(attributes[i].key);
    order_.push_back(static_cast<std::uint32_t>(i));
  }
  std::sort(order_.begin(), order_.end(), [&](std::uint32_t a, std::uint32_t b) {
    const int order = attributes[a].key.compare(attributes[b].key);
    return order != 0 ? order < 0 : a < b;
  });
  shape_ = next_shape();
}

void StoredAttributes::assign(otlp::AttributesView attributes) {
  if (!has_keys_of_last(attributes)) learn_keys(attributes);
  text_.clear();
  types_.clear();
  entries_.clear();
  ends_.clear();
  // Made text moves while it grows: first all of it, then the views.
  for (const std::uint32_t at : order_) {
    const otlp::ValueView& value = attributes[at].value;
    types_ += static_cast<char>(value.type);
    if (!is_text(value.type)) append_text(text_, value);
    ends_.push_back(text_.size());
  }
  std::size_t begin = 0;
  for (std::size_t i = 0; i < order_.size(); ++i) {
    const otlp::KeyValueView& attribute = attributes[order_[i]];
    const std::string_view made(text_.data() + begin, ends_[i] - begin);
    entries_.push_back(
        {attribute.key, is_text(attribute.value.type) ? attribute.value.text : made});
    begin = ends_[i];
  }
}

std::string_view StoredAttributes::find(std::string_view key) const noexcept {
  for (const Entry& entry : entries_) {
    if (entry.key == key) return entry.value;
  }
  return {};
}

void StoredAttributes::add_to(Hasher& hasher) const noexcept {
  hasher.add(types_);
  for (const Entry& entry : entries_) hasher.add(entry.key).add(entry.value);
}

}  // namespace signalbox::server::store
