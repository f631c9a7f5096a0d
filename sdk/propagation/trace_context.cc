#include <signalbox/propagation/propagator.h>
#include <signalbox/trace/span_context.h>

#include <array>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace signalbox::propagation {
namespace {

constexpr std::string_view kTraceParent = "traceparent";
constexpr std::string_view kTraceState = "tracestate";
constexpr std::string_view kFields[] = {kTraceParent, kTraceState};

// 00-<32 digits>-<16 digits>-<2 digits>
constexpr std::size_t kSize = 55;

bool is_lower_hex(std::string_view text) noexcept {
  for (const char c : text) {
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
  }
  return true;
}

std::uint8_t hex_byte(char high, char low) noexcept {
  const auto value = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  return static_cast<std::uint8_t>(value(high) * 16 + value(low));
}

/// The remote span that `header` names; invalid if it is malformed.
trace::SpanContext parse(std::string_view header) noexcept {
  if (header.size() < kSize || header[2] != '-' || header[35] != '-' || header[52] != '-') {
    return {};
  }
  const std::string_view version = header.substr(0, 2);
  if (!is_lower_hex(version) || version == "ff") return {};
  // Later versions may add fields at the end; version 00 has none.
  if (header.size() > kSize && (version == "00" || header[kSize] != '-')) return {};
  const std::string_view trace_id = header.substr(3, 32);
  const std::string_view span_id = header.substr(36, 16);
  const std::string_view flags = header.substr(53, 2);
  if (!is_lower_hex(trace_id) || !is_lower_hex(span_id) || !is_lower_hex(flags)) return {};
  return {trace::TraceId::from_hex(trace_id), trace::SpanId::from_hex(span_id),
          static_cast<std::uint8_t>(hex_byte(flags[0], flags[1]) & trace::kTraceFlagsSampled),
          /*is_remote=*/true};
}

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

class TraceContextPropagator final : public TextMapPropagator {
 public:
  void inject(const context::Context& context, TextMapSetter& setter) const override {
    const context::detail::ContextFields& fields = context.fields();
    if (!fields.span_id.is_valid() || !fields.trace_id.is_valid()) return;
    std::array<char, kSize> header;
    header[0] = '0';
    header[1] = '0';
    header[2] = '-';
    fields.trace_id.to_hex(std::span<char, 32>(header.data() + 3, 32));
    header[35] = '-';
    fields.span_id.to_hex(std::span<char, 16>(header.data() + 36, 16));
    header[52] = '-';
    header[53] = '0';
    header[54] = (fields.flags & trace::kTraceFlagsSampled) != 0 ? '1' : '0';
    setter.set(kTraceParent, {header.data(), header.size()});
    if (fields.trace_state != nullptr) setter.set(kTraceState, fields.trace_state->header);
  }

  [[nodiscard]] context::Context extract(const context::Context& base,
                                         const TextMapGetter& getter) const override {
    const std::optional<std::string_view> header = getter.get(kTraceParent);
    if (!header) return base;
    const trace::SpanContext parent = parse(trim(*header));
    if (!parent.is_valid()) return base;
    const trace::TraceState state = extract_state(getter);
    if (state.empty()) return base.with_span_context(parent);
    return base.with_span_context(
        {parent.trace_id(), parent.span_id(), parent.flags(), true, state});
  }

  [[nodiscard]] std::span<const std::string_view> fields() const noexcept override {
    return kFields;
  }

 private:
  static trace::TraceState extract_state(const TextMapGetter& getter) {
    if (!getter.get(kTraceState)) return {};
    std::string joined;
    getter.get_all(kTraceState, [&](std::string_view value) {
      if (!joined.empty()) joined += ',';
      joined += value;
    });
    return trace::TraceState::from_header(joined);
  }
};

}  // namespace

PropagatorPtr trace_context_propagator() {
  static const auto& propagator = *new PropagatorPtr(std::make_shared<TraceContextPropagator>());
  return propagator;
}

}  // namespace signalbox::propagation
