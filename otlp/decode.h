#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "otlp/records.h"

/// Decoders of OTLP export requests: foreign bytes in, flat views out, one pass, no object tree.
namespace signalbox::otlp {

/// Limits on what one request may hold; what exceeds them makes the request malformed.
struct DecodeLimits {
  std::uint32_t max_value_depth = 32;        ///< Nesting of AnyValues.
  std::uint32_t max_attributes = 100'000;    ///< Of one record; as many of all its events.
  std::uint32_t max_nested_items = 100'000;  ///< Events or links of a span; exemplars, buckets,
                                             ///< bounds or quantiles of a point.
  /// Of the text made for one record, its scope and resource: nested values as JSON, decoded
  /// base64, replaced UTF-8.
  std::size_t max_text_bytes = 16 * 1024 * 1024;
};

/// What became of a request. On failure the sink has seen an unspecified part of it: roll back.
struct DecodeResult {
  bool ok = true;
  bool too_large = false;  ///< If not ok: it exceeds a limit of size; smaller ones may pass.
  /// Where it failed, bytes from the start of the request. Of JSON 0 where the place is not known;
  /// then `error` names the field.
  std::size_t offset = 0;
  std::string error;  ///< Why, and what the sender should do; empty if `ok`.
  /// Records that are well-formed but not storable (e.g. a span whose trace_id has 7 bytes), left
  /// out. They become OTLP's partial_success.
  std::uint64_t accepted = 0;
  std::uint64_t rejected = 0;
  std::string rejected_reason;  ///< Of the first of them.
};

/// Each decodes one Export…ServiceRequest from `bytes` into `sink`. Thread-safety: any thread; what
/// is shared is per thread, so a sink must not decode. Errors are returned; exceptions of the sink
/// pass through. Unknown fields are skipped. A field that occurs twice counts as protobuf says: the
/// last scalar wins, messages merge (of an AnyValue the last wins). Bytes that are not UTF-8 in a
/// string of protobuf become U+FFFD; JSON that is not UTF-8 is malformed.
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
