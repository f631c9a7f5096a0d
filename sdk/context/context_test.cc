#include <gtest/gtest.h>
#include <signalbox/context/context.h>
#include <signalbox/trace/span.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>

namespace signalbox::context {
namespace {

trace::SpanContext span_context(std::uint8_t last, const char* state = "") {
  return {trace::TraceId::from_hex("0af7651916cd43dd8448eb211c80319c"),
          trace::SpanId({0, 0, 0, 0, 0, 0, 0, last}), trace::kTraceFlagsSampled, false,
          trace::TraceState::from_header(state)};
}
Context context_of(std::uint8_t last, const char* state = "") {
  return Context().with_span_context(span_context(last, state));
}
int current_span() {
  return current().span_context().span_id().bytes()[7];
}

TEST(Context, ScopesNestAndRestore) {
  EXPECT_EQ(current_span(), 0);
  {
    const Scope outer(context_of(1, "a=1"));
    EXPECT_EQ(current_span(), 1);
    {
      const Scope inner(context_of(2));
      EXPECT_EQ(current_span(), 2);
      EXPECT_TRUE(current().span_context().trace_state().empty());
    }
    EXPECT_EQ(current().span_context(), span_context(1, "a=1"));
  }
  EXPECT_EQ(current_span(), 0);
}

TEST(Context, AScopeOfASpanKeepsTheBaggage) {
  const Scope outer(Context().with_baggage(Baggage().set("k", "v")));
  const trace::SpanRef span(span_context(1));
  const Scope inner(span);
  EXPECT_EQ(current_span(), 1);
  EXPECT_EQ(current().baggage().get("k"), "v");
}

TEST(Context, AScopeOfASpanWithoutIdentityChangesNothing) {
  const Scope outer(context_of(1));
  const trace::SpanRef none{trace::SpanContext()};
  const Scope inner(none);
  EXPECT_EQ(current_span(), 1);
}

TEST(Context, AScopeThatIsNotTheInnermostLeavesTheCurrentContextAlone) {
  auto first = std::make_unique<Scope>(context_of(1, "a=1"));
  auto second = std::make_unique<Scope>(context_of(2, "b=2"));
  first.reset();
  EXPECT_EQ(current_span(), 2);
  second.reset();
  EXPECT_EQ(current_span(), 1);
  Context nothing;
  exchange_current(nothing);
  EXPECT_EQ(current_span(), 0);
}

TEST(Context, AScopeDestroyedInAnotherThreadLeavesThatThreadAlone) {
  auto scope = std::make_unique<Scope>(context_of(1, "a=1"));
  std::thread([&] {
    const Scope own(context_of(9));
    scope.reset();
    EXPECT_EQ(current_span(), 9);
  }).join();
  Context rest;
  exchange_current(rest);
  EXPECT_EQ(rest.span_context(), span_context(1, "a=1"));
}

// What an executor does around each step of a task: scopes that a step leaves open go with the
// task.
TEST(Context, ExchangeCarriesATasksScopesAcrossThreads) {
  Context slot = context_of(1);
  std::unique_ptr<Scope> open;
  exchange_current(slot);
  open = std::make_unique<Scope>(context_of(2, "a=1"));
  exchange_current(slot);
  EXPECT_EQ(current_span(), 0);

  std::thread([&] {
    const Scope of_another_task(context_of(7));
    exchange_current(slot);
    EXPECT_EQ(current_span(), 2);
    open.reset();
    EXPECT_EQ(current_span(), 1);
    exchange_current(slot);
    EXPECT_EQ(current_span(), 7);
  }).join();
  EXPECT_EQ(slot.span_context().span_id().bytes()[7], 1);
}

TEST(Context, CopiesAreIndependentAndKeepWhatTheyReferTo) {
  Context copy;
  {
    const Context original = context_of(3, "a=1").with_baggage(Baggage().set("k", "v"));
    copy = original;
    const Context& self = copy;
    copy = self;
  }
  const Context moved = std::move(copy);
  EXPECT_EQ(moved.span_context(), span_context(3, "a=1"));
  EXPECT_EQ(moved.baggage().get("k"), "v");
  EXPECT_TRUE(moved.with_baggage({}).baggage().empty());
  EXPECT_EQ(moved.with_span_context({}).baggage().get("k"), "v");
  EXPECT_FALSE(moved.with_span_context({}).span_context().is_valid());
}

TEST(Baggage, SetReplacesAndRefusesWhatCannotTravel) {
  const Baggage one = Baggage().set("a", "1").set("b", "2").set("a", "3", "p=q");
  ASSERT_EQ(one.entries().size(), 2U);
  EXPECT_EQ(one.get("a"), "3");
  EXPECT_EQ(one.entries()[0].metadata, "p=q");
  EXPECT_EQ(one.set("", "x").entries().size(), 2U);
  EXPECT_EQ(one.set("has space", "x").entries().size(), 2U);
  EXPECT_EQ(one.set("c", "x", "new\r\nline").entries().size(), 2U);
  EXPECT_EQ(one.set("c", std::string(Baggage::kMaxBytes, 'x')).entries().size(), 2U);
  EXPECT_EQ(one.erase("a").entries().size(), 1U);
  EXPECT_TRUE(one.erase("a").erase("b").empty());
  Baggage many;
  for (int i = 0; i < 100; ++i) many = many.set("k" + std::to_string(i), "v");
  EXPECT_EQ(many.entries().size(), Baggage::kMaxEntries);
}

TEST(TraceState, KeepsAValidHeaderAndRefusesAMalformedOne) {
  const auto accepted = [](std::string_view header) {
    return !trace::TraceState::from_header(header).empty();
  };
  EXPECT_TRUE(accepted("a=1"));
  EXPECT_TRUE(accepted("a=1, b=2 ,,\tc=3"));
  EXPECT_TRUE(accepted("0tenant@system=x"));
  EXPECT_TRUE(accepted(std::string(256, 'k') + "=" + std::string(256, 'v')));
  EXPECT_FALSE(accepted(""));
  EXPECT_FALSE(accepted("a"));
  EXPECT_FALSE(accepted("A=1"));
  EXPECT_FALSE(accepted("0=1"));
  EXPECT_FALSE(accepted("a@=1"));
  EXPECT_FALSE(accepted("a=1,a=2"));
  EXPECT_FALSE(accepted("a=b=c"));
  EXPECT_FALSE(accepted("a="));
  EXPECT_FALSE(accepted("a=\x01"));
  EXPECT_FALSE(accepted(std::string(257, 'k') + "=v"));
  std::string many;
  for (int i = 0; i < 33; ++i) many += "k" + std::to_string(i) + "=v,";
  EXPECT_FALSE(accepted(many));
}

TEST(TraceState, SetPutsTheNewestFirst) {
  const trace::TraceState state = trace::TraceState::from_header("a=1,b=2");
  EXPECT_EQ(state.set("b", "3").to_header(), "b=3,a=1");
  EXPECT_EQ(state.set("Bad", "3").to_header(), "a=1,b=2");
  EXPECT_EQ(state.erase("a").to_header(), "b=2");
  EXPECT_EQ(state.get("b"), "2");
  EXPECT_EQ(state.get("c"), std::nullopt);
  trace::TraceState many;
  for (int i = 0; i < 40; ++i) many = many.set("k" + std::to_string(i), "v");
  EXPECT_EQ(many.get("k8"), "v");
  EXPECT_EQ(many.get("k7"), std::nullopt);
}

TEST(Ids, HexRoundTripsAndRefusesWhatIsNot) {
  const std::string hex = "0af7651916cd43dd8448eb211c80319c";
  EXPECT_EQ(trace::TraceId::from_hex(hex).to_hex(), hex);
  EXPECT_EQ(trace::TraceId::from_hex("0AF7651916CD43DD8448EB211C80319C").to_hex(), hex);
  EXPECT_FALSE(trace::TraceId::from_hex(hex.substr(1)).is_valid());
  EXPECT_FALSE(trace::TraceId::from_hex("g" + hex.substr(1)).is_valid());
  EXPECT_FALSE(trace::SpanId::from_hex("0000000000000000").is_valid());
}

}  // namespace
}  // namespace signalbox::context
