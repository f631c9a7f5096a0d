#pragma once

#include <signalbox/context/context.h>
#include <signalbox/trace/sdk_tracer_provider.h>
#include <signalbox/trace/span.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sdk/batch/batch_pipeline.h"
#include "sdk/common/clock.h"

namespace signalbox::trace::detail {

/// What the spans of one tracer have in common; lives as long as the process.
struct TracerCore {
  const void* provider = nullptr;  // sdk::TracerProvider::Core.
  sdk::BatchPipeline* pipeline = nullptr;
  std::uint32_t scope = 0;
};

/// A span being recorded: the content of an OTLP Span message, complete but for what only the end
/// knows.
///
/// Objects are used again for other spans and never freed, so that a context that outlived its span
/// can safely ask whether that is still recorded. Of the members, only those of RecordingState may
/// be touched without being the span's only user or holding its lock; see Access.
class SpanRecording final : public RecordingState {
 public:
  SpanRecording() noexcept = default;
  SpanRecording(const SpanRecording&) = delete;
  SpanRecording& operator=(const SpanRecording&) = delete;
  ~SpanRecording() { reset_memory(); }

  /// What is fixed at the start.
  struct Start {
    const TraceId& trace_id;
    const SpanId& span_id;
    const SpanId& parent_span_id;
    std::uint8_t flags;
    bool parent_is_remote;
    SpanKind kind;
    std::string_view trace_state;
  };

  void begin(const TracerCore& core, const sdk::SpanLimits& limits, const Start& start,
             std::string_view name, std::optional<Timestamp> time) noexcept;
  void set_attribute(std::string_view key, const AttributeValue& value) noexcept;
  void add_event(std::string_view name, Attributes attributes,
                 std::optional<Timestamp> time) noexcept;
  void add_link(const Link& link) noexcept;
  void set_status(StatusCode code, std::string_view description) noexcept;
  void update_name(std::string_view name) noexcept;
  /// Completes the message and hands it over. Afterwards the object is ready for another span.
  void finish(std::optional<Timestamp> time) noexcept;

  SpanRecording* next_free = nullptr;

 private:
  friend class RecordingPool;

  struct Key {
    std::uint32_t hash;
    std::uint32_t offset;  // Of the attribute's field.
  };
  static constexpr std::size_t kInlineBytes = 768;
  static constexpr std::size_t kInlineKeys = 32;
  /// Memory that a recording may keep between spans.
  static constexpr std::size_t kMaxKeptBytes = 16 * 1024;

  [[nodiscard]] char* end() noexcept { return data_ + size_; }
  void advance(const char* end) noexcept { size_ = static_cast<std::uint32_t>(end - data_); }
  /// Makes room for `bytes` more, if the span may be that large.
  bool ensure(std::size_t bytes) noexcept { return size_ + bytes <= capacity_ || grow(bytes); }
  bool grow(std::size_t bytes) noexcept;
  void reset_memory() noexcept;
  bool append_short_attribute(std::string_view name, const AttributeValue& value) noexcept;
  void set_any_attribute(std::string_view name, const AttributeValue& value) noexcept;
  void write_name(std::string_view name) noexcept;
  [[nodiscard]] Key& key(std::size_t index) noexcept {
    return index < kInlineKeys ? keys_[index] : more_keys_[index - kInlineKeys];
  }
  bool add_key(Key key) noexcept;
  void erase_if_present(std::uint32_t hash, std::string_view name) noexcept;
  void move_tail(std::size_t from, std::ptrdiff_t by) noexcept;
  void write_status() noexcept;

  // Used by every call.
  char* data_ = inline_;
  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = kInlineBytes;
  std::uint64_t key_bits_ = 0;  // Bit hash % 64 of each key: rules most new keys out.
  std::uint32_t attributes_ = 0;
  std::uint32_t dropped_attributes_ = 0;
  const sdk::SpanLimits* limits_ = nullptr;
  const TracerCore* core_ = nullptr;
  sdk::ClockReading start_;
  // Where the end time and the name are.
  std::uint32_t end_time_offset_ = 0;
  std::uint32_t name_offset_ = 0;
  std::uint32_t name_size_ = 0;
  StatusCode status_ = StatusCode::kUnset;
  std::uint32_t events_ = 0;
  std::uint32_t dropped_events_ = 0;
  std::uint32_t links_ = 0;
  std::uint32_t dropped_links_ = 0;
  std::string status_description_;
  std::vector<Key> more_keys_;
  std::array<Key, kInlineKeys> keys_;
  char inline_[kInlineBytes];
};

/// Where recordings come from and go back to: each thread's own list, and one of the process behind
/// it.
class RecordingPool {
 public:
  /// Null if too many spans are open, or there is no memory.
  static SpanRecording* take() noexcept;
  static void give_back(SpanRecording* recording) noexcept;

  /// Most spans that may be open in the process.
  static constexpr std::size_t kMaxRecordings = std::size_t{1} << 18;
};

}  // namespace signalbox::trace::detail
