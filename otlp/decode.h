#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "otlp/records.h"

/// Decoders of OTLP export requests: foreign bytes in, flat views out, one pass, no object tree.
namespace signalbox::otlp {

/// Limits on what one request may hold. They bound memory however few bytes a sender spends: a
/// compressed request of 65 KB can hold 30 million empty records.
struct DecodeLimits {
  // What exceeds these makes the whole request too large; in smaller requests it would be taken.

  /// Records, and the resources, scopes and metrics around them.
  std::uint32_t max_records = 1'000'000;
  /// What the request becomes, estimated while it is decoded: its own bytes, 128 for a record,
  /// resource, scope or metric, 64 for an attribute, event, link or exemplar, 8 for a bucket, bound
  /// or quantile, and the text that is made of values.
  std::size_t max_memory_bytes = 256 * 1024 * 1024;
  /// A JSON document is parsed as a whole, into up to twelve times its size.
  std::size_t max_json_bytes = 32 * 1024 * 1024;
  /// Of the text made for one record, its scope and resource: nested values as JSON, decoded
  /// base64, replaced UTF-8.
  std::size_t max_text_bytes = 16 * 1024 * 1024;

  // What exceeds these costs the part that does: it is dropped and counted as dropped in the record
  // (as SDKs do at their own limits), or, of a metric's point, the point is rejected, for without
  // all its attributes it would belong to another series.

  /// Of one resource, scope, record, event, link or exemplar.
  std::uint32_t max_attributes = 1024;
  /// Events or links of a span; exemplars, buckets, bounds or quantiles of a point.
  std::uint32_t max_nested_items = 10'000;

  /// Nesting of AnyValues; what is deeper makes the request malformed.
  std::uint32_t max_value_depth = 32;
};

/// What was changed so that records could be stored, in numbers. The records are accepted; the
/// sender learns of it by the message of partial_success.
struct Alterations {
  std::uint64_t replaced_texts = 0;      ///< With bytes or surrogates that are not Unicode: U+FFFD.
  std::uint64_t dropped_attributes = 0;  ///< Beyond DecodeLimits::max_attributes.
  std::uint64_t dropped_items = 0;       ///< Events, links, exemplars beyond max_nested_items.
  std::uint64_t ignored_ids = 0;    ///< Of log records and exemplars, of a wrong length: as absent.
  std::uint64_t unknown_names = 0;  ///< Of enumerators in JSON: unspecified (0).

  bool operator==(const Alterations&) const = default;
};

/// What became of a request. On failure the sink has seen an unspecified part of it: roll back.
struct DecodeResult {
  bool ok = true;
  bool too_large = false;  ///< Not ok because of a limit: in smaller requests it would be taken.
  /// Where it failed, bytes from the start of the request. Of JSON 0 where the place is not known;
  /// then `error` names the field.
  std::size_t offset = 0;
  std::string error;  ///< Why, and what the sender should do; empty if `ok`.
  /// Records that are well-formed but not storable (e.g. a span whose trace_id has 7 bytes), left
  /// out. They become OTLP's partial_success.
  std::uint64_t accepted = 0;
  std::uint64_t rejected = 0;
  std::string rejected_reason;  ///< Of the first of them.
  Alterations altered;          ///< Of the others.
};

/// What the sender should know of a request that was taken: why records were rejected, what was
/// altered. Empty if there is nothing to say.
std::string partial_success_message(const DecodeResult& result);

/// Each decodes one Export…ServiceRequest from `bytes` into `sink`. Thread-safety: any thread; what
/// is shared is per thread, so a sink must not decode. Errors are returned; exceptions of the sink
/// pass through. Unknown fields are skipped. A field that occurs twice counts as protobuf says: the
/// last scalar wins, messages merge (of an AnyValue the last wins). Bytes that are not UTF-8 in a
/// string of protobuf become U+FFFD, and so does half a surrogate pair in JSON; JSON that is not
/// UTF-8 is malformed. The name of an enumerator that JSON gives and nobody knows becomes 0
/// (unspecified); unknown numbers stay. Attributes with the same key are handed on as they were
/// sent, all of them, in their order. A record with a time from 2262 on, which the store's
/// nanoseconds cannot express, is rejected.
DecodeResult decode_traces_protobuf(std::string_view bytes, TraceSink& sink,
                                    const DecodeLimits& limits = {});
DecodeResult decode_logs_protobuf(std::string_view bytes, LogsSink& sink,
                                  const DecodeLimits& limits = {});
DecodeResult decode_metrics_protobuf(std::string_view bytes, MetricsSink& sink,
                                     const DecodeLimits& limits = {});
DecodeResult decode_traces_json(std::string_view text, TraceSink& sink,
                                const DecodeLimits& limits = {});
DecodeResult decode_logs_json(std::string_view text, LogsSink& sink,
                              const DecodeLimits& limits = {});
DecodeResult decode_metrics_json(std::string_view text, MetricsSink& sink,
                                 const DecodeLimits& limits = {});

}  // namespace signalbox::otlp
