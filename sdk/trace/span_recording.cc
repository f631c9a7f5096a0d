#include "sdk/trace/span_recording.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "otlp/wire.h"
#include "sdk/common/attribute_encoder.h"

namespace signalbox::trace::detail {

namespace wire = otlp::wire;
using sdk::AttributeFilter;
using sdk::WireAttribute;
using sdk::WireText;

namespace {

// Fields of opentelemetry.proto.trace.v1.Span.
constexpr std::uint32_t kTraceId = 1;
constexpr std::uint32_t kSpanId = 2;
constexpr std::uint32_t kTraceState = 3;
constexpr std::uint32_t kParentSpanId = 4;
constexpr std::uint32_t kName = 5;
constexpr std::uint32_t kKind = 6;
constexpr std::uint32_t kStartTime = 7;
constexpr std::uint32_t kEndTime = 8;
constexpr std::uint32_t kAttributes = 9;
constexpr std::uint32_t kDroppedAttributes = 10;
constexpr std::uint32_t kEvents = 11;
constexpr std::uint32_t kDroppedEvents = 12;
constexpr std::uint32_t kLinks = 13;
constexpr std::uint32_t kDroppedLinks = 14;
constexpr std::uint32_t kStatus = 15;
constexpr std::uint32_t kFlags = 16;
// Of ScopeSpans.
constexpr std::uint32_t kSpans = 2;

// SpanFlags: whether it is known if the other side is remote, and if so whether it is.
constexpr std::uint32_t kHasIsRemote = 0x100;
constexpr std::uint32_t kIsRemote = 0x200;

constexpr std::size_t kIdFieldsSize = 2 + TraceId::kSize + 2 + SpanId::kSize;
// Ids, kind, both times, flags: everything at the start but the trace state and the name.
constexpr std::size_t kFixedSize = kIdFieldsSize + (2 + SpanId::kSize) + 2 + 9 + 9 + 6;
// Room for what the end adds, kept free: three dropped counts of up to 5 bytes. The status has its
// own.
constexpr std::size_t kEndReserve = 3 * 6;
// In front of the span in a request: tag and length.
constexpr std::size_t kItemPrefix = 1 + 5;
// A name, state or description that does not fit any more is cut to this.
constexpr std::size_t kMaxNameBytes = 16 * 1024;

std::uint64_t unix_ns(Timestamp time) noexcept {
  const auto since_epoch = time.time_since_epoch().count();
  return since_epoch < 0 ? 0 : static_cast<std::uint64_t>(since_epoch);
}

char* write_id(char* out, std::uint32_t field, const TraceId& id) noexcept {
  out = wire::write_length_prefix(out, field, TraceId::kSize);
  std::memcpy(out, id.bytes().data(), TraceId::kSize);
  return out + TraceId::kSize;
}
char* write_id(char* out, std::uint32_t field, const SpanId& id) noexcept {
  out = wire::write_length_prefix(out, field, SpanId::kSize);
  std::memcpy(out, id.bytes().data(), SpanId::kSize);
  return out + SpanId::kSize;
}

/// Short text, copied and looked at in one go.
struct CopiedText {
  std::uint64_t head = 0;  // Its first and last 8 bytes, or fewer.
  std::uint64_t tail = 0;
  std::uint64_t seen = 0;  // All bytes, or-ed together.

  [[nodiscard]] bool is_ascii() const noexcept { return (seen & 0x8080808080808080ULL) == 0; }
};

/// Copies `text`, which is not empty, to `out`.
inline CopiedText copy_text(char* out, std::string_view text) noexcept {
  CopiedText copied;
  const char* data = text.data();
  const std::size_t size = text.size();
  if (size >= 8) {
    std::memcpy(&copied.head, data, 8);
    std::memcpy(&copied.tail, data + size - 8, 8);
    std::memcpy(out, &copied.head, 8);
    copied.seen = copied.head | copied.tail;
    for (std::size_t i = 8; i + 8 < size; i += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, data + i, 8);
      std::memcpy(out + i, &word, 8);
      copied.seen |= word;
    }
    std::memcpy(out + size - 8, &copied.tail, 8);
    return copied;
  }
  if (size >= 4) {
    std::uint32_t head = 0;
    std::uint32_t tail = 0;
    std::memcpy(&head, data, 4);
    std::memcpy(&tail, data + size - 4, 4);
    std::memcpy(out, &head, 4);
    std::memcpy(out + size - 4, &tail, 4);
    copied.head = head;
    copied.tail = tail;
  } else {
    copied.head = static_cast<unsigned char>(data[0]);
    copied.tail = static_cast<unsigned char>(data[size - 1]) |
                  (std::uint64_t{static_cast<unsigned char>(data[size / 2])} << 8);
    out[0] = data[0];
    out[size / 2] = data[size / 2];
    out[size - 1] = data[size - 1];
  }
  copied.seen = copied.head | copied.tail;
  return copied;
}

/// Cheap, and good enough to tell the keys of one span apart: by both ends and the size.
inline std::uint32_t hash_key(const CopiedText& key, std::size_t size) noexcept {
  const std::uint64_t mixed =
      (key.head ^ (key.tail * 0x9e3779b97f4a7c15ULL) ^ size) * 0xbf58476d1ce4e5b9ULL;
  return static_cast<std::uint32_t>(mixed >> 32);
}

std::uint32_t hash_key(std::string_view key) noexcept {
  CopiedText ends;
  char ignored[8];
  if (key.size() < 8) {
    ends = copy_text(ignored, key);
  } else {
    std::memcpy(&ends.head, key.data(), 8);
    std::memcpy(&ends.tail, key.data() + key.size() - 8, 8);
  }
  return hash_key(ends, key.size());
}

// A KeyValue field whose lengths all take one byte: with its own tag and length, at most this.
constexpr std::size_t kShortAttribute = 2 + 127;

/// A varint that this library wrote.
std::size_t read_varint(const char*& at) noexcept {
  std::size_t value = 0;
  for (int shift = 0;; shift += 7) {
    const auto byte = static_cast<unsigned char>(*at++);
    value |= std::size_t{byte & 0x7FU} << shift;
    if (byte < 0x80) return value;
  }
}

/// The KeyValue field that starts at `at`: its size and its key.
struct AttributeAt {
  explicit AttributeAt(const char* at) noexcept {
    const char* position = at + 1;  // The tag of field 9 takes one byte.
    const std::size_t content = read_varint(position);
    size = static_cast<std::size_t>(position - at) + content;
    ++position;
    const std::size_t key_size = read_varint(position);
    key = {position, key_size};
  }
  std::size_t size;
  std::string_view key;
};

std::size_t attributes_size(std::uint32_t field, Attributes attributes, std::uint32_t max_count,
                            std::size_t value_limit, std::uint32_t& dropped) noexcept {
  std::size_t size = 0;
  dropped = AttributeFilter(attributes, max_count).for_each([&](const Attribute& attribute) {
    size += WireAttribute(field, attribute.key, attribute.value, value_limit).size();
  });
  return size;
}

char* write_attributes(char* out, std::uint32_t field, Attributes attributes,
                       std::uint32_t max_count, std::size_t value_limit) noexcept {
  AttributeFilter(attributes, max_count).for_each([&](const Attribute& attribute) {
    out = WireAttribute(field, attribute.key, attribute.value, value_limit).write(out);
  });
  return out;
}

}  // namespace

void SpanRecording::begin(const TracerCore& core, const sdk::SpanLimits& limits, const Start& start,
                          std::string_view name, std::optional<Timestamp> time) noexcept {
  core_ = &core;
  limits_ = &limits;
  size_ = 0;
  key_bits_ = 0;
  attributes_ = 0;
  dropped_attributes_ = 0;
  events_ = 0;
  dropped_events_ = 0;
  links_ = 0;
  dropped_links_ = 0;
  status_ = StatusCode::kUnset;
  shared.store(false, std::memory_order_relaxed);

  static_assert(kFixedSize <= kInlineBytes / 2);
  char* out = write_id(data_, kTraceId, start.trace_id);
  out = write_id(out, kSpanId, start.span_id);
  const bool has_parent = start.parent_span_id.is_valid();
  if (has_parent) out = write_id(out, kParentSpanId, start.parent_span_id);
  out = wire::write_varint_field(out, kKind, static_cast<std::uint64_t>(start.kind));
  out = wire::write_fixed32_field(
      out, kFlags,
      start.flags | kHasIsRemote | (has_parent && start.parent_is_remote ? kIsRemote : 0U));
  if (time) [[unlikely]] {
    start_ = {unix_ns(*time), 0};
  } else {
    start_ = sdk::read_clock();
  }
  out = wire::write_fixed64_field(out, kStartTime, start_.unix_ns);
  out = wire::write_fixed64_field(out, kEndTime, 0);
  end_time_offset_ = static_cast<std::uint32_t>(out - data_) - 8;
  advance(out);
  if (!start.trace_state.empty()) [[unlikely]] {
    // Of a valid state: ASCII, and 32 members of at most 513 bytes.
    if (ensure(wire::bytes_field_size(kTraceState, start.trace_state.size()))) {
      advance(wire::write_bytes_field(end(), kTraceState, start.trace_state));
    }
  }
  write_name(name);
}

void SpanRecording::write_name(std::string_view name) noexcept {
  if (name.size() < 128 && !name.empty() && size_ + 2 + name.size() <= capacity_) [[likely]] {
    char* out = end();
    if (copy_text(out + 2, name).is_ascii()) [[likely]] {
      out[0] = wire::tag(kName, wire::WireType::kLengthDelimited);
      out[1] = static_cast<char>(name.size());
      name_offset_ = size_;
      name_size_ = static_cast<std::uint32_t>(2 + name.size());
      size_ += name_size_;
      return;
    }
  }
  const WireText text(name, kMaxNameBytes);
  name_offset_ = size_;
  name_size_ = 0;
  if (!ensure(wire::bytes_field_size(kName, text.size()))) return;
  advance(sdk::write_text_field(end(), kName, text));
  name_size_ = size_ - name_offset_;
}

void SpanRecording::set_attribute(std::string_view name, const AttributeValue& value) noexcept {
  if (name.empty()) return;
  if (!append_short_attribute(name, value)) set_any_attribute(name, value);
}

/// The usual case in one pass: a short key not seen before, a short string or a plain number, and
/// room for them. False, with nothing done, in any other case.
inline bool SpanRecording::append_short_attribute(std::string_view name,
                                                  const AttributeValue& value) noexcept {
  constexpr std::size_t kMaxKey = 64;
  if (name.size() > kMaxKey || size_ + kShortAttribute > capacity_ ||
      attributes_ >= std::min<std::uint32_t>(limits_->attribute_count, kInlineKeys)) [[unlikely]] {
    return false;
  }
  // Tag, length; tag, length, key; tag, length, AnyValue.
  char* const field = end();
  char* const key_at = field + 4;
  const CopiedText key = copy_text(key_at, name);
  const std::uint32_t hash = hash_key(key, name.size());
  const std::uint64_t bit = std::uint64_t{1} << (hash % 64);
  if (!key.is_ascii() || (key_bits_ & bit) != 0) [[unlikely]] {
    return false;
  }
  char* const value_at = key_at + name.size() + 2;
  char* out = value_at;
  switch (value.type()) {
    case AttributeValue::Type::kString: {
      const std::string_view text = value.as_string();
      // Of the 127 bytes that a length of one byte can count, 6 are tags and lengths.
      if (text.size() > 121 - name.size() || text.size() > limits_->attribute_value_length) {
        return false;
      }
      *out++ = wire::tag(1, wire::WireType::kLengthDelimited);
      *out++ = static_cast<char>(text.size());
      if (!text.empty() && !copy_text(out, text).is_ascii()) return false;
      out += text.size();
      break;
    }
    case AttributeValue::Type::kBool:
      *out++ = wire::tag(2, wire::WireType::kVarint);
      *out++ = value.as_bool() ? 1 : 0;
      break;
    case AttributeValue::Type::kInt:
      *out++ = wire::tag(3, wire::WireType::kVarint);
      out = wire::write_varint(out, static_cast<std::uint64_t>(value.as_int()));
      break;
    case AttributeValue::Type::kDouble:
      out = wire::write_double_field(out, 4, value.as_double());
      break;
    default:
      return false;
  }
  field[0] = wire::tag(kAttributes, wire::WireType::kLengthDelimited);
  field[1] = static_cast<char>(out - field - 2);
  field[2] = wire::tag(1, wire::WireType::kLengthDelimited);
  field[3] = static_cast<char>(name.size());
  value_at[-2] = wire::tag(2, wire::WireType::kLengthDelimited);
  value_at[-1] = static_cast<char>(out - value_at);
  keys_[attributes_] = {hash, size_};
  key_bits_ |= bit;
  ++attributes_;
  advance(out);
  return true;
}

void SpanRecording::set_any_attribute(std::string_view name, const AttributeValue& value) noexcept {
  const std::uint32_t hash = hash_key(name);
  const std::uint64_t bit = std::uint64_t{1} << (hash % 64);
  if ((key_bits_ & bit) != 0) [[unlikely]] {
    erase_if_present(hash, name);
  }
  const WireAttribute attribute(kAttributes, name, value, limits_->attribute_value_length);
  if (attributes_ >= limits_->attribute_count || !ensure(attribute.size()) ||
      !add_key({hash, size_})) [[unlikely]] {
    ++dropped_attributes_;
    return;
  }
  key_bits_ |= bit;
  ++attributes_;
  advance(attribute.write(end()));
}

bool SpanRecording::add_key(Key added) noexcept {
  if (attributes_ < kInlineKeys) [[likely]] {
    keys_[attributes_] = added;
    return true;
  }
  try {
    more_keys_.resize(attributes_ - kInlineKeys);
    more_keys_.push_back(added);
    return true;
  } catch (...) {
    return false;
  }
}

/// The last value of a key is the one to keep: the earlier one is taken out, which almost never
/// happens.
void SpanRecording::erase_if_present(std::uint32_t hash, std::string_view name) noexcept {
  for (std::uint32_t i = 0; i < attributes_; ++i) {
    if (key(i).hash != hash) continue;
    const std::uint32_t offset = key(i).offset;
    const AttributeAt found(data_ + offset);
    if (found.key != name) continue;
    for (std::uint32_t later = i + 1; later < attributes_; ++later) key(later - 1) = key(later);
    --attributes_;
    move_tail(offset + found.size, -static_cast<std::ptrdiff_t>(found.size));
    return;
  }
}

/// Moves everything from offset `from` on by `by` bytes, for which there is room.
void SpanRecording::move_tail(std::size_t from, std::ptrdiff_t by) noexcept {
  std::memmove(data_ + from + by, data_ + from, size_ - from);
  size_ = static_cast<std::uint32_t>(size_ + by);
  for (std::uint32_t i = 0; i < attributes_; ++i) {
    if (key(i).offset >= from) key(i).offset = static_cast<std::uint32_t>(key(i).offset + by);
  }
}

void SpanRecording::add_event(std::string_view name, Attributes attributes,
                              std::optional<Timestamp> time) noexcept {
  const WireText text(name);
  const std::uint32_t max_count = limits_->attribute_count_per_event;
  const std::size_t value_limit = limits_->attribute_value_length;
  std::uint32_t dropped = 0;
  std::size_t content = wire::fixed64_field_size(1) + wire::bytes_field_size(2, text.size()) +
                        attributes_size(3, attributes, max_count, value_limit, dropped);
  if (dropped != 0) content += wire::varint_field_size(4, dropped);
  if (events_ >= limits_->event_count || !ensure(wire::bytes_field_size(kEvents, content))) {
    ++dropped_events_;
    return;
  }
  ++events_;
  char* out = wire::write_length_prefix(end(), kEvents, content);
  out = wire::write_fixed64_field(out, 1, time ? unix_ns(*time) : sdk::read_clock_since(start_));
  out = sdk::write_text_field(out, 2, text);
  out = write_attributes(out, 3, attributes, max_count, value_limit);
  if (dropped != 0) out = wire::write_varint_field(out, 4, dropped);
  advance(out);
}

void SpanRecording::add_link(const Link& link) noexcept {
  if (!link.context.is_valid()) return;
  const std::string_view state = link.context.trace_state().to_header();
  const std::uint32_t max_count = limits_->attribute_count_per_link;
  const std::size_t value_limit = limits_->attribute_value_length;
  std::uint32_t dropped = 0;
  std::size_t content = kIdFieldsSize + wire::fixed32_field_size(6) +
                        attributes_size(4, link.attributes, max_count, value_limit, dropped);
  if (!state.empty()) content += wire::bytes_field_size(3, state.size());
  if (dropped != 0) content += wire::varint_field_size(5, dropped);
  if (links_ >= limits_->link_count || !ensure(wire::bytes_field_size(kLinks, content))) {
    ++dropped_links_;
    return;
  }
  ++links_;
  char* out = wire::write_length_prefix(end(), kLinks, content);
  out = write_id(out, 1, link.context.trace_id());
  out = write_id(out, 2, link.context.span_id());
  if (!state.empty()) out = wire::write_bytes_field(out, 3, state);
  out = write_attributes(out, 4, link.attributes, max_count, value_limit);
  if (dropped != 0) out = wire::write_varint_field(out, 5, dropped);
  out = wire::write_fixed32_field(
      out, 6, link.context.flags() | kHasIsRemote | (link.context.is_remote() ? kIsRemote : 0U));
  advance(out);
}

void SpanRecording::set_status(StatusCode code, std::string_view description) noexcept {
  if (code == StatusCode::kUnset || status_ == StatusCode::kOk) return;
  status_ = code;
  try {
    status_description_.clear();
    if (code == StatusCode::kError) {
      status_description_ = sdk::detail::cut(description, kMaxNameBytes);
    }
  } catch (...) {
    // No memory for the description: the code says the most.
  }
}

void SpanRecording::update_name(std::string_view name) noexcept {
  const WireText text(name, kMaxNameBytes);
  const std::size_t size = wire::bytes_field_size(kName, text.size());
  if (size > name_size_ && !ensure(size - name_size_)) return;
  move_tail(name_offset_ + name_size_,
            static_cast<std::ptrdiff_t>(size) - static_cast<std::ptrdiff_t>(name_size_));
  sdk::write_text_field(data_ + name_offset_, kName, text);
  name_size_ = static_cast<std::uint32_t>(size);
}

void SpanRecording::write_status() noexcept {
  const WireText description(status_description_);
  const std::size_t text_size = status_ == StatusCode::kError && description.size() != 0
                                    ? wire::bytes_field_size(2, description.size())
                                    : 0;
  const std::size_t content = text_size + 2;
  // Beyond the limit if need be: a failed span must not look as if it had succeeded.
  if (!ensure(wire::bytes_field_size(kStatus, content))) {
    if (text_size == 0 || !ensure(4)) return;
    status_description_.clear();
    return write_status();
  }
  char* out = wire::write_length_prefix(end(), kStatus, content);
  if (text_size != 0) out = sdk::write_text_field(out, 2, description);
  advance(wire::write_varint_field(out, 3, static_cast<std::uint64_t>(status_)));
}

void SpanRecording::finish(std::optional<Timestamp> time) noexcept {
  std::uint64_t end_ns = 0;
  if (time) [[unlikely]] {
    end_ns = std::max(unix_ns(*time), start_.unix_ns);
  } else {
    end_ns = sdk::read_clock_since(start_);
  }
  wire::write_fixed64(data_ + end_time_offset_, end_ns);
  if ((dropped_attributes_ | dropped_events_ | dropped_links_) != 0 && ensure(kEndReserve)) {
    char* out = end();
    if (dropped_attributes_ != 0) {
      out = wire::write_varint_field(out, kDroppedAttributes, dropped_attributes_);
    }
    if (dropped_events_ != 0) out = wire::write_varint_field(out, kDroppedEvents, dropped_events_);
    if (dropped_links_ != 0) out = wire::write_varint_field(out, kDroppedLinks, dropped_links_);
    advance(out);
  }
  if (status_ != StatusCode::kUnset) write_status();

  sdk::BatchPipeline& pipeline = *core_->pipeline;
  const std::size_t item = wire::bytes_field_size(kSpans, size_);
  if (char* out = pipeline.reserve(item)) {
    out = wire::write_length_prefix(out, kSpans, size_);
    std::memcpy(out, data_, size_);
    pipeline.commit(core_->scope, item);
  }
  if (capacity_ > kMaxKeptBytes) reset_memory();
}

bool SpanRecording::grow(std::size_t bytes) noexcept {
  const std::size_t needed = size_ + bytes;
  if (needed + kItemPrefix > core_->pipeline->max_item_bytes()) return false;
  const std::size_t capacity = std::max(needed, std::size_t{capacity_} * 2);
  auto* memory = static_cast<char*>(std::malloc(capacity));
  if (memory == nullptr) return false;
  std::memcpy(memory, data_, size_);
  reset_memory();
  data_ = memory;
  capacity_ = static_cast<std::uint32_t>(capacity);
  return true;
}

void SpanRecording::reset_memory() noexcept {
  if (data_ != inline_) std::free(data_);
  data_ = inline_;
  capacity_ = kInlineBytes;
}

}  // namespace signalbox::trace::detail
