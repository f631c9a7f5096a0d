#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "otlp/arena.h"
#include "otlp/decode.h"
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

  /// Forgets the record before; its capacity stays.
  void clear_record();
  /// Gives events, links and exemplars their attributes. Nothing may be added to the record after.
  void attach_nested();
  /// Forgets all, and gives back what only an unusually large request needs.
  void reset();
};

/// This thread's scratch, reset. A sink must not decode another request while it is called.
Scratch& thread_scratch();

/// Throws Malformed if one more would exceed a limit.
class LimitChecks {
 public:
  LimitChecks(const DecodeLimits& limits, Scratch& scratch) : limits_(limits), scratch_(scratch) {}

  void one_more_attribute(std::size_t have, const char* position) const {
    if (have >= limits_.max_attributes) too_many("attributes", limits_.max_attributes, position);
  }
  void one_more_nested(std::size_t have, const char* position) const {
    if (have >= limits_.max_nested_items) {
      too_many("nested items", limits_.max_nested_items, position);
    }
  }
  void depth(std::uint32_t depth, const char* position) const {
    if (depth > limits_.max_value_depth) too_deep(position);
  }
  void text(std::size_t more_bytes, const char* position) const {
    if (scratch_.arena.used_bytes() + more_bytes > limits_.max_text_bytes) too_long(position);
  }

 private:
  [[noreturn]] static void too_many(const char* what, std::uint32_t limit, const char* position);
  [[noreturn]] void too_deep(const char* position) const;
  [[noreturn]] void too_long(const char* position) const;

  const DecodeLimits& limits_;
  const Scratch& scratch_;
};

/// Make a record's ids what records.h promises. Return why the record cannot be stored, null if it
/// can. Ids of spans must be right; those of logs and exemplars that are not count as absent.
const char* settle(SpanView& span, std::span<LinkView> links);
const char* settle(LogRecordView& record);
const char* settle(NumberPointView& point, std::span<ExemplarView> exemplars);
const char* settle(HistogramPointView& point, std::span<ExemplarView> exemplars);
const char* settle(ExponentialHistogramPointView& point, std::span<ExemplarView> exemplars);
const char* settle(SummaryPointView& point, std::span<ExemplarView> exemplars);

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
