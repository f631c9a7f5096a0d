#include <array>
#include <string>
#include <vector>

#include "bench/load/catalog.h"
#include "bench/load/request.h"

namespace signalbox::bench {
namespace {

constexpr double kErrorChance = 0.02;
constexpr double kEventChance = 0.05;

/// A span's place in its trace, in 65536ths of the trace's duration.
struct Interval {
  std::uint16_t start = 0;
  std::uint16_t end = 0xFFFF;
};

/// Adds spans of whole traces, each to the message of its service.
class TraceBuilder {
 public:
  TraceBuilder(std::uint32_t spans, Random& random)
      : scopes_(services().size()), limit_(spans), random_(random) {
    while (spans_ < limit_) add_trace();
  }

  [[nodiscard]] const std::vector<Message>& scopes() const { return scopes_; }
  [[nodiscard]] std::uint32_t traces() const { return traces_; }
  [[nodiscard]] std::uint32_t spans() const { return spans_; }

 private:
  void add_trace() {
    constexpr std::array<std::size_t, 10> kShapes{0, 0, 0, 0, 1, 1, 2, 2, 3, 4};
    const auto shape = trace_shapes()[kShapes[random_.below(kShapes.size())]];
    std::array<std::uint32_t, 10> last_at{};  // Of each depth, the span that children belong to.
    std::array<Interval, 10> free_of{};       // What is left of its time.
    for (const Operation& operation : shape) {
      if (spans_ == limit_) break;
      Interval interval;
      if (operation.depth > 0) interval = take_time(free_of.at(operation.depth - 1U));
      add_span(operation, interval, last_at);
      last_at.at(operation.depth) = spans_++;
      free_of.at(operation.depth) = interval;
    }
    ++traces_;
  }

  /// A part of a parent's time; what comes after it is left for the next child.
  Interval take_time(Interval& parent) {
    const std::uint32_t left = parent.end - parent.start;
    Interval child;
    child.start = static_cast<std::uint16_t>(parent.start + random_.below(left / 8 + 1));
    child.end = static_cast<std::uint16_t>(child.start + random_.below(left * 3 / 4 + 1));
    parent.start = child.end;
    return child;
  }

  void add_span(const Operation& operation, const Interval& interval,
                const std::array<std::uint32_t, 10>& last_at) {
    Message span;
    span.trace_id(1, traces_);
    span.span_id(2, spans_);
    if (operation.depth > 0) span.span_id(4, last_at.at(operation.depth - 1U));
    span.fixed32(16, 0x101);  // Sampled; it is known that the parent is not remote.
    span.bytes(5, operation.name);
    span.varint(6, operation.kind);
    span.time(7, traces_, interval.start);
    span.time(8, traces_, interval.end);
    for (const Attribute& attribute : operation.attributes) {
      add_attribute(span, 9, attribute, random_);
    }
    for (const Attribute& attribute : services()[operation.service].attributes) {
      add_attribute(span, 9, attribute, random_);
    }
    const bool is_consumer = operation.kind == 5;
    if (is_consumer && traces_ > 0) add_link(span);
    if (random_.chance(kErrorChance)) {
      add_error(span, interval);
    } else if (random_.chance(kEventChance)) {
      add_event(span, interval);
    }
    scopes_[operation.service].message(2, span);
  }

  /// To the span before this trace, as a consumer links to what was sent.
  void add_link(Message& span) const {
    Message link;
    link.trace_id(1, traces_ - 1);
    link.span_id(2, spans_ - 1);
    span.message(13, link);
  }

  void add_event(Message& span, const Interval& interval) {
    static constexpr std::array<Attribute, 2> kAttributes{
        {{"app.retry.delay_ms", Attribute::Type::kInt, "~2"},
         {"app.cache.name", Attribute::Type::kText, "sessions|prices|stock"}}};
    Message event;
    event.time(1, traces_, interval.start);
    event.bytes(2, "cache miss");
    for (const Attribute& attribute : kAttributes) add_attribute(event, 3, attribute, random_);
    span.message(11, event);
  }

  void add_error(Message& span, const Interval& interval) {
    Message event;
    event.time(1, traces_, interval.end);
    event.bytes(2, "exception");
    add_text(event, 3, "exception.type", "TimeoutError");
    add_text(event, 3, "exception.message", "no answer from 10.2.1##.1## within ### ms");
    add_text(event, 3, "exception.stacktrace",
             "TimeoutError: no answer\n  at Client::call (client.cc:214)\n  at Basket::price "
             "(basket.cc:118)\n  at Server::handle (server.cc:57)");
    span.message(11, event);
    add_text(span, 9, "error.type", "TimeoutError");
    Message status;
    status.bytes(2, "no answer in time");
    status.varint(3, 2);
    span.message(15, status);
  }

  std::vector<Message> scopes_;
  std::uint32_t limit_;
  Random& random_;
  std::uint32_t traces_ = 0;
  std::uint32_t spans_ = 0;
};

}  // namespace

Request build_traces(std::uint32_t records, unsigned sender, Random& random) {
  const TraceBuilder builder(records, random);
  Message request;
  for (std::size_t i = 0; i < services().size(); ++i) {
    if (builder.scopes()[i].text().empty()) continue;  // No span of that service.
    Message scope;
    scope.bytes(1, "shop.instrumentation");
    scope.bytes(2, "0.9.1");
    Message scope_spans;
    scope_spans.message(1, scope);
    scope_spans.append(builder.scopes()[i]);
    Message resource_spans;
    resource_spans.message(1, resource_of(services()[i], sender, random));
    resource_spans.message(2, scope_spans);
    request.message(1, resource_spans);
  }
  return {request, builder.spans(), builder.traces(), builder.spans(), 0};
}

}  // namespace signalbox::bench
