#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "otlp/arena.h"
#include "otlp/decode.h"
#include "otlp/parse_text.h"
#include "otlp/records.h"
#include "otlp/text.h"

/// What the decoders of protobuf and of JSON share: the memory they decode into, and the rules that
/// tell which records can be stored.
namespace signalbox::otlp::internal {

/// A request that cannot be decoded. Thrown within a decoder and caught at its end. `position`
/// points into the request, or is null where the place is not known.
struct Malformed {
  const char* position = nullptr;
  std::string why;
  bool too_large = false;
};

/// Where `bytes` begin, as the `position` of an error.
inline const char* start_of(std::string_view bytes) {
  return bytes.data();
}

/// Where the attributes of an event, a link or an exemplar lie in Scratch::nested_attributes.
struct AttributeRange {
  std::size_t begin = 0;
  std::size_t count = 0;
};

/// The attributes of one thing while they are read: what lies in `items` from `begin` on.
struct AttributeList {
  std::vector<KeyValueView>& items;
  std::size_t begin = 0;
  std::uint32_t dropped = 0;  ///< For lack of room.

  [[nodiscard]] std::size_t size() const { return items.size() - begin; }
};

/// Memory of one decoder, reused from record to record and from request to request.
///
/// `nested_attributes` grows while a record is read, so what lies in it is kept as ranges until
/// `attach_nested` turns them into spans.
struct Scratch {
  Arena arena;
  std::string value_text;

  std::vector<KeyValueView> resource_attributes;
  std::vector<KeyValueView> scope_attributes;
  std::vector<KeyValueView> metric_metadata;

  std::vector<KeyValueView> attributes;
  std::vector<KeyValueView> nested_attributes;
  std::vector<EventView> events;
  std::vector<AttributeRange> event_attributes;
  std::vector<LinkView> links;
  std::vector<AttributeRange> link_attributes;
  std::vector<ExemplarView> exemplars;
  std::vector<AttributeRange> exemplar_attributes;
  std::vector<std::uint64_t> counts;
  std::vector<std::uint64_t> negative_counts;
  std::vector<double> bounds;
  std::vector<double> values;
  std::uint32_t dropped_events = 0;
  std::uint32_t dropped_links = 0;
  std::uint32_t dropped_exemplars = 0;
  bool dropped_numbers = false;

  /// Forgets the record before; its capacity stays.
  void clear_record();
  /// Gives events, links and exemplars their attributes. Nothing may be added to the record after.
  void attach_nested();
  /// Forgets all, and gives back what only an unusually large request needs.
  void reset();
};

/// This thread's scratch for the time of one request; what only a large request needs is given back
/// after it. A sink must not decode another request while it is called.
class ScratchLease {
 public:
  ScratchLease();
  ~ScratchLease();
  ScratchLease(const ScratchLease&) = delete;
  ScratchLease& operator=(const ScratchLease&) = delete;
  Scratch& operator*() const { return scratch_; }

 private:
  Scratch& scratch_;
};

/// Holds one request to its limits. Throws Malformed where the request cannot be taken; tells where
/// only a part has to be dropped.
class LimitChecks {
 public:
  LimitChecks(const DecodeLimits& limits, Scratch& scratch, std::size_t request_bytes)
      : limits_(limits), scratch_(scratch), memory_bytes_(request_bytes) {}

  /// Or one more resource, scope or metric.
  void one_more_record(const char* position) {
    if (++records_ > limits_.max_records) too_many_records(position);
    charge(kRecordBytes, position);
  }
  /// Each returns false if there is no room in a thing that has `have` of them.
  [[nodiscard]] bool one_more_attribute(std::size_t have, const char* position) {
    if (have >= limits_.max_attributes) return false;
    charge(kItemBytes, position);
    return true;
  }
  [[nodiscard]] bool one_more_nested(std::size_t have, const char* position) {
    if (have >= limits_.max_nested_items) return false;
    charge(kItemBytes, position);
    return true;
  }
  [[nodiscard]] bool more_numbers(std::size_t have, std::size_t more, const char* position) {
    if (more > limits_.max_nested_items || have > limits_.max_nested_items - more) return false;
    charge(more * sizeof(std::uint64_t), position);
    return true;
  }
  /// Counts text that does not lie in the request.
  void made_text(std::size_t bytes, const char* position) { charge(bytes, position); }
  void depth(std::uint32_t depth, const char* position) const {
    if (depth > limits_.max_value_depth) too_deep(position);
  }
  void text(std::size_t more_bytes, const char* position) const {
    if (scratch_.arena.used_bytes() + more_bytes > limits_.max_text_bytes) too_long(position);
  }

 private:
  static constexpr std::size_t kRecordBytes = 128;
  static constexpr std::size_t kItemBytes = 64;

  void charge(std::size_t bytes, const char* position) {
    memory_bytes_ += bytes;
    if (memory_bytes_ > limits_.max_memory_bytes) too_much_memory(position);
  }
  [[noreturn]] void too_many_records(const char* position) const;
  [[noreturn]] void too_much_memory(const char* position) const;
  [[noreturn]] void too_deep(const char* position) const;
  [[noreturn]] void too_long(const char* position) const;

  const DecodeLimits& limits_;
  const Scratch& scratch_;
  std::size_t memory_bytes_;
  std::uint32_t records_ = 0;
};

/// Adds what was dropped here to what a sender says that it dropped itself.
void add_dropped(std::uint32_t dropped, std::uint32_t& count);

/// Complete a record that is read: counts, lists, and ids as records.h promises them. Return why
/// the record cannot be stored, null if it can. Ids of spans must be right; those of log records
/// and exemplars that are not count as absent, as OTLP asks of receivers. `attributes` are those of
/// the record.
const char* settle(SpanView& span, const AttributeList& attributes, Scratch& scratch,
                   Alterations& altered);
const char* settle(LogRecordView& record, const AttributeList& attributes, Scratch& scratch,
                   Alterations& altered);
const char* settle(NumberPointView& point, const AttributeList& attributes, Scratch& scratch,
                   Alterations& altered);
const char* settle(HistogramPointView& point, const AttributeList& attributes, Scratch& scratch,
                   Alterations& altered);
const char* settle(ExponentialHistogramPointView& point, const AttributeList& attributes,
                   Scratch& scratch, Alterations& altered);
const char* settle(SummaryPointView& point, const AttributeList& attributes, Scratch& scratch,
                   Alterations& altered);

/// Counts one record, and tells whether the sink shall have it.
inline bool admit(const char* objection, DecodeResult& result) {
  if (objection == nullptr) {
    ++result.accepted;
    return true;
  }
  if (result.rejected++ == 0) result.rejected_reason = objection;
  return false;
}

}  // namespace signalbox::otlp::internal
