#include "sdk/logs/log_encoder.h"

#include <cstring>
#include <new>

#include "otlp/wire.h"

namespace signalbox::logs::detail {

namespace wire = otlp::wire;
using sdk::WireAttribute;

namespace {

// Fields of opentelemetry.proto.logs.v1.LogRecord.
constexpr std::uint32_t kTime = 1;
constexpr std::uint32_t kSeverityNumber = 2;
constexpr std::uint32_t kSeverityText = 3;
constexpr std::uint32_t kBody = 5;
constexpr std::uint32_t kAttributes = 6;
constexpr std::uint32_t kDroppedAttributes = 7;
constexpr std::uint32_t kFlags = 8;
constexpr std::uint32_t kTraceId = 9;
constexpr std::uint32_t kSpanId = 10;
constexpr std::uint32_t kObservedTime = 11;
constexpr std::uint32_t kEventName = 12;
// Of ScopeLogs, AnyValue and KeyValueList.
constexpr std::uint32_t kLogRecords = 2;
constexpr std::uint32_t kKeyValueList = 6;
constexpr std::uint32_t kValues = 1;

constexpr std::size_t kTraceIdsSize =
    2 + trace::TraceId::kSize + 2 + trace::SpanId::kSize + wire::fixed32_field_size(kFlags);

std::uint64_t unix_ns(const std::optional<Timestamp>& time, std::uint64_t otherwise) noexcept {
  if (!time) return otherwise;
  const auto since_epoch = time->time_since_epoch().count();
  return since_epoch < 0 ? 0 : static_cast<std::uint64_t>(since_epoch);
}

std::size_t text_size(std::uint32_t field, const sdk::WireText& text) noexcept {
  return text.size() == 0 ? 0 : wire::bytes_field_size(field, text.size());
}

char* write_text(char* out, std::uint32_t field, const sdk::WireText& text) noexcept {
  return text.size() == 0 ? out : sdk::write_text_field(out, field, text);
}

}  // namespace

WireAttributes::WireAttributes(std::uint32_t field, Attributes attributes, std::uint32_t max_count,
                               std::size_t value_limit) noexcept
    : field_(field), value_limit_(value_limit), filter_(attributes, max_count) {
  if (attributes.empty()) return;
  static_assert(std::is_trivially_destructible_v<WireAttribute>);
  dropped_ = filter_.for_each([&](const Attribute& attribute) {
    const WireAttribute measured(field_, attribute.key, attribute.value, value_limit_);
    size_ += measured.size();
    if (kept_ == kKept) {
      remeasure_ = true;
      return;
    }
    new (storage_ + kept_ * sizeof(WireAttribute)) WireAttribute(measured);
    ++kept_;
  });
}

char* WireAttributes::write(char* out) const noexcept {
  if (size_ == 0) return out;
  const auto* kept = std::launder(reinterpret_cast<const WireAttribute*>(storage_));
  if (!remeasure_) {
    for (std::size_t i = 0; i < kept_; ++i) out = kept[i].write(out);
    return out;
  }
  filter_.for_each([&](const Attribute& attribute) {
    out = WireAttribute(field_, attribute.key, attribute.value, value_limit_).write(out);
  });
  return out;
}

LogEncoder::LogEncoder(const LogRecord& record, const context::detail::ContextFields& context,
                       const sdk::LogRecordLimits& limits, std::uint64_t now_ns) noexcept
    : record_(record),
      context_(context),
      time_ns_(unix_ns(record.timestamp, now_ns)),
      observed_ns_(unix_ns(record.observed_timestamp, now_ns)),
      severity_text_(record.severity_text),
      event_name_(record.event_name),
      body_(record.body),
      has_body_(record.body.type() != AttributeValue::Type::kString ||
                !record.body.as_string().empty()),
      body_map_(kValues, record.body_map, static_cast<std::uint32_t>(-1), sdk::kUnlimited),
      attributes_(kAttributes, record.attributes, limits.attribute_count,
                  limits.attribute_value_length) {
  content_size_ = wire::fixed64_field_size(kTime) + wire::fixed64_field_size(kObservedTime) +
                  text_size(kSeverityText, severity_text_) + text_size(kEventName, event_name_) +
                  attributes_.size();
  if (record.severity != Severity::kUnspecified) content_size_ += 2;
  if (const std::size_t body = body_size(); body != 0) {
    content_size_ += wire::bytes_field_size(kBody, body);
  }
  if (attributes_.dropped() != 0) {
    content_size_ += wire::varint_field_size(kDroppedAttributes, attributes_.dropped());
  }
  if (context.span_id.is_valid()) content_size_ += kTraceIdsSize;
}

std::size_t LogEncoder::body_size() const noexcept {
  if (!record_.body_map.empty()) return wire::bytes_field_size(kKeyValueList, body_map_.size());
  return has_body_ ? body_.size() : 0;
}

std::size_t LogEncoder::size() const noexcept {
  return wire::bytes_field_size(kLogRecords, content_size_);
}

char* LogEncoder::write(char* out) const noexcept {
  out = wire::write_length_prefix(out, kLogRecords, content_size_);
  out = wire::write_fixed64_field(out, kTime, time_ns_);
  if (record_.severity != Severity::kUnspecified) {
    out = wire::write_varint_field(out, kSeverityNumber,
                                   static_cast<std::uint64_t>(record_.severity) & 0x7F);
  }
  out = write_text(out, kSeverityText, severity_text_);
  out = write_body(out);
  out = attributes_.write(out);
  if (attributes_.dropped() != 0) {
    out = wire::write_varint_field(out, kDroppedAttributes, attributes_.dropped());
  }
  if (context_.span_id.is_valid()) {
    out = wire::write_fixed32_field(out, kFlags, context_.flags);
    out = wire::write_length_prefix(out, kTraceId, trace::TraceId::kSize);
    std::memcpy(out, context_.trace_id.bytes().data(), trace::TraceId::kSize);
    out = wire::write_length_prefix(out + trace::TraceId::kSize, kSpanId, trace::SpanId::kSize);
    std::memcpy(out, context_.span_id.bytes().data(), trace::SpanId::kSize);
    out += trace::SpanId::kSize;
  }
  out = wire::write_fixed64_field(out, kObservedTime, observed_ns_);
  return write_text(out, kEventName, event_name_);
}

char* LogEncoder::write_body(char* out) const noexcept {
  const std::size_t size = body_size();
  if (size == 0) return out;
  out = wire::write_length_prefix(out, kBody, size);
  if (record_.body_map.empty()) return body_.write(out);
  return body_map_.write(wire::write_length_prefix(out, kKeyValueList, body_map_.size()));
}

}  // namespace signalbox::logs::detail
