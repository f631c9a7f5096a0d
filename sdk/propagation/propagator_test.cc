#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signalbox/propagation/propagator.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace signalbox::propagation {
namespace {

using context::Baggage;
using context::Context;
using ::testing::ElementsAre;
using Headers = std::map<std::string, std::string>;

constexpr char kTraceId[] = "0af7651916cd43dd8448eb211c80319c";
constexpr char kSpanId[] = "b7ad6b7169203331";
std::string ids() {
  return std::string(kTraceId) + "-" + kSpanId;
}

trace::SpanContext extracted(Headers headers) {
  return trace_context_propagator()
      ->extract(Context(), MapCarrier<Headers>(headers))
      .span_context();
}
Headers injected(const TextMapPropagator& propagator, const Context& context) {
  Headers headers;
  MapCarrier<Headers> carrier(headers);
  propagator.inject(context, carrier);
  return headers;
}
Context context_of(std::uint8_t flags, const char* state = "") {
  return Context().with_span_context({trace::TraceId::from_hex(kTraceId),
                                      trace::SpanId::from_hex(kSpanId), flags, false,
                                      trace::TraceState::from_header(state)});
}

TEST(TraceContext, InjectsWhatTheStandardSays) {
  EXPECT_EQ(injected(*trace_context_propagator(), context_of(1)),
            (Headers{{"traceparent", "00-" + ids() + "-01"}}));
  EXPECT_EQ(injected(*trace_context_propagator(), context_of(0, "a=1,b=2")),
            (Headers{{"traceparent", "00-" + ids() + "-00"}, {"tracestate", "a=1,b=2"}}));
  EXPECT_TRUE(injected(*trace_context_propagator(), Context()).empty());
}

TEST(TraceContext, ExtractsARemoteParent) {
  const trace::SpanContext parent =
      extracted({{"traceparent", "00-" + ids() + "-01"}, {"tracestate", "a=1"}});
  EXPECT_EQ(parent.trace_id().to_hex(), kTraceId);
  EXPECT_EQ(parent.span_id().to_hex(), kSpanId);
  EXPECT_TRUE(parent.is_sampled());
  EXPECT_TRUE(parent.is_remote());
  EXPECT_EQ(parent.trace_state().to_header(), "a=1");
}

TEST(TraceContext, AcceptsLaterVersionsUnknownFlagsAndSpaceAround) {
  EXPECT_TRUE(extracted({{"traceparent", "cc-" + ids() + "-01"}}).is_valid());
  EXPECT_TRUE(extracted({{"traceparent", "cc-" + ids() + "-01-what-ever"}}).is_valid());
  EXPECT_TRUE(extracted({{"traceparent", " 00-" + ids() + "-00\t"}}).is_valid());
  EXPECT_EQ(extracted({{"traceparent", "00-" + ids() + "-ff"}}).flags(), 1);
  EXPECT_EQ(extracted({{"traceparent", "00-" + ids() + "-02"}}).flags(), 0);
}

TEST(TraceContext, IgnoresMalformedHeaders) {
  const std::string good = "00-" + ids() + "-01";
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(extracted({{"traceparent", good.substr(0, size)}}).is_valid()) << size;
  }
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = 'G';
    EXPECT_FALSE(extracted({{"traceparent", bad}}).is_valid()) << bad;
  }
  const std::string zeros32(32, '0');
  const std::string zeros16(16, '0');
  for (const std::string& bad :
       {"ff-" + ids() + "-01", good + "-00", good + "x", "cc-" + ids() + "-01x",
        "00-" + zeros32 + "-" + kSpanId + "-01",
        std::string("00-") + kTraceId + "-" + zeros16 + "-01",
        std::string("00-0AF7651916CD43DD8448EB211C80319C-") + kSpanId + "-01"}) {
    EXPECT_FALSE(extracted({{"traceparent", bad}}).is_valid()) << bad;
  }
  EXPECT_FALSE(extracted({{"tracestate", "a=1"}}).is_valid());
}

TEST(TraceContext, AMalformedTraceStateDoesNotLoseTheParent) {
  const trace::SpanContext parent =
      extracted({{"traceparent", "00-" + ids() + "-01"}, {"tracestate", "a=1,a=2"}});
  EXPECT_TRUE(parent.is_valid());
  EXPECT_TRUE(parent.trace_state().empty());
}

class RepeatedHeaders final : public TextMapGetter {
 public:
  explicit RepeatedHeaders(std::multimap<std::string, std::string> headers)
      : headers_(std::move(headers)) {}
  [[nodiscard]] std::optional<std::string_view> get(std::string_view key) const override {
    const auto found = headers_.find(std::string(key));
    if (found == headers_.end()) return std::nullopt;
    return found->second;
  }
  void get_all(std::string_view key,
               const std::function<void(std::string_view)>& each) const override {
    const auto [first, last] = headers_.equal_range(std::string(key));
    for (auto header = first; header != last; ++header) each(header->second);
  }

 private:
  std::multimap<std::string, std::string> headers_;
};

TEST(TraceContext, JoinsRepeatedTraceStateHeaders) {
  const RepeatedHeaders headers(
      {{"traceparent", "00-" + ids() + "-01"}, {"tracestate", "a=1"}, {"tracestate", "b=2"}});
  EXPECT_EQ(trace_context_propagator()
                ->extract(Context(), headers)
                .span_context()
                .trace_state()
                .to_header(),
            "a=1,b=2");
}

TEST(BaggagePropagator, RoundTripsAnyValue) {
  const Baggage baggage = Baggage()
                              .set("plain", "value")
                              .set("encoded", "a b,c;d=e%\"\\\xC3\xA9\x01")
                              .set("with", "metadata", "p;q=1");
  Headers headers = injected(*baggage_propagator(), Context().with_baggage(baggage));
  EXPECT_EQ(headers.at("baggage"),
            "plain=value,encoded=a%20b%2Cc%3Bd=e%25%22%5C%C3%A9%01,with=metadata;p;q=1");
  const Context back = baggage_propagator()->extract(Context(), MapCarrier<Headers>(headers));
  EXPECT_TRUE(std::ranges::equal(back.baggage().entries(), baggage.entries()));
}

TEST(BaggagePropagator, SkipsMalformedMembersOnly) {
  Headers headers{{"baggage", "a = 1 , =x,novalue,b=%zz%4,bad key=1,c=3;meta,,"}};
  const Baggage baggage =
      baggage_propagator()->extract(Context(), MapCarrier<Headers>(headers)).baggage();
  ASSERT_EQ(baggage.entries().size(), 3U);
  EXPECT_EQ(baggage.get("a"), "1");
  EXPECT_EQ(baggage.get("b"), "%zz%4");
  EXPECT_EQ(baggage.entries()[2].metadata, "meta");
}

TEST(BaggagePropagator, WritesNoMoreThanTheStandardAllows) {
  Baggage baggage = Baggage().set("first", "1");
  baggage = baggage.set("large", std::string(5000, ' '));  // Three times as long when encoded.
  baggage = baggage.set("last", "2");
  EXPECT_EQ(injected(*baggage_propagator(), Context().with_baggage(baggage)),
            (Headers{{"baggage", "first=1,last=2"}}));
}

TEST(GlobalPropagator, IsTraceContextAndBaggageUnlessSet) {
  EXPECT_THAT(global_propagator().fields(), ElementsAre("traceparent", "tracestate", "baggage"));
  Headers headers{{"traceparent", "00-" + ids() + "-01"}, {"baggage", "k=v"}};
  const Context context = extract(MapCarrier<Headers>(headers));
  EXPECT_EQ(context.baggage().get("k"), "v");
  const context::Scope scope(context);
  Headers out;
  MapCarrier<Headers> carrier(out);
  inject(carrier);
  EXPECT_EQ(out, headers);

  set_global_propagator(nullptr);
  Headers none;
  MapCarrier<Headers> empty(none);
  inject(empty);
  EXPECT_TRUE(none.empty());
  set_global_propagator(composite_propagator({trace_context_propagator(), nullptr}));
  EXPECT_THAT(global_propagator().fields(), ElementsAre("traceparent", "tracestate"));
}

}  // namespace
}  // namespace signalbox::propagation
