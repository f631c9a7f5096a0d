#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signalbox/context/context.h>
#include <signalbox/trace/sdk_tracer_provider.h>

#include <limits>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "sdk/testing/capture_exporter.h"
#include "sdk/testing/otlp_reader.h"

namespace signalbox::trace {
namespace {

using sdk::testing::CaptureExporter;
using sdk::testing::SpanRead;
using sdk::testing::value_of;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

class SpanTest : public ::testing::Test {
 protected:
  void use(sdk::TracerProviderOptions options) {
    options.exporter = exporter_;
    if (options.resource.attributes().size() > 2) {
      options.resource = sdk::Resource({{"service.name", "test"}});
    }
    auto provider = sdk::TracerProvider::create(std::move(options));
    ASSERT_TRUE(provider.ok()) << provider.error().message;
    provider_ = std::move(provider).value();
    tracer_ = provider_->get_tracer({.name = "test.scope", .version = "1.2"});
  }
  void SetUp() override { use({}); }

  std::vector<SpanRead> exported() {
    EXPECT_TRUE(provider_->force_flush());
    return sdk::testing::read_all_spans(exporter_->requests());
  }
  SpanRead exported_one() {
    std::vector<SpanRead> spans = exported();
    EXPECT_EQ(spans.size(), 1U);
    return spans.empty() ? SpanRead() : spans.front();
  }

  std::shared_ptr<CaptureExporter> exporter_ = std::make_shared<CaptureExporter>();
  std::shared_ptr<sdk::TracerProvider> provider_;
  Tracer tracer_;
};

std::uint64_t now_ns() {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                        std::chrono::system_clock::now().time_since_epoch())
                                        .count());
}

TEST_F(SpanTest, CarriesIdentityKindTimesResourceAndScope) {
  const std::uint64_t before = now_ns();
  Span span = tracer_.start_span("GET /things", {.kind = SpanKind::kServer});
  const SpanContext context = span.context();
  span.end();
  const std::uint64_t after = now_ns();

  EXPECT_TRUE(context.is_valid());
  EXPECT_TRUE(context.is_sampled());
  EXPECT_FALSE(context.is_remote());
  const SpanRead read = exported_one();
  EXPECT_EQ(read.trace_id, context.trace_id().to_hex());
  EXPECT_EQ(read.span_id, context.span_id().to_hex());
  EXPECT_EQ(read.parent_span_id, "");
  EXPECT_EQ(read.name, "GET /things");
  EXPECT_EQ(read.kind, 2U);
  EXPECT_EQ(read.flags, 0x101U);
  constexpr std::uint64_t kTolerance = 2'000'000;  // Of the counter against the system's clock.
  EXPECT_GE(read.start + kTolerance, before);
  EXPECT_LE(read.start, read.end);
  EXPECT_LE(read.end, after + kTolerance);
  EXPECT_EQ(read.scope_name, "test.scope");
  EXPECT_EQ(read.scope_version, "1.2");
  EXPECT_THAT(read.resource, ElementsAre(Pair("service.name", "s:test")));
}

TEST_F(SpanTest, KeepsEveryTypeOfAttributeExactly) {
  const std::vector<std::string_view> strings{"a", "", "b\xC3\xA9"};
  const bool bools[] = {true, false};
  const std::vector<std::int64_t> ints{1, -1};
  const std::vector<double> doubles{0.5};
  Span span = tracer_.start_span("x", {.attributes = {{"at.start", 1}}});
  span.set_attribute("string", "text");
  span.set_attribute("empty", "");
  span.set_attribute("bool", true);
  span.set_attribute("min", std::numeric_limits<std::int64_t>::min());
  span.set_attribute("max", std::numeric_limits<std::int64_t>::max());
  span.set_attribute("double", -0.25);
  span.set_attributes({{"strings", std::span<const std::string_view>(strings)},
                       {"bools", std::span<const bool>(bools)},
                       {"ints", std::span<const std::int64_t>(ints)},
                       {"doubles", std::span<const double>(doubles)},
                       {"none", std::span<const double>()}});
  span.set_attribute("", "ignored");
  span.end();

  EXPECT_THAT(
      exported_one().attributes,
      ElementsAre(Pair("at.start", "i:1"), Pair("string", "s:text"), Pair("empty", "s:"),
                  Pair("bool", "b:1"), Pair("min", "i:-9223372036854775808"),
                  Pair("max", "i:9223372036854775807"), Pair("double", "d:-0.25"),
                  Pair("strings", "[s:a,s:,s:b\xC3\xA9]"), Pair("bools", "[b:1,b:0]"),
                  Pair("ints", "[i:1,i:-1]"), Pair("doubles", "[d:0.5]"), Pair("none", "[]")));
}

TEST_F(SpanTest, TheLastValueOfAKeyCounts) {
  Span span = tracer_.start_span("x");
  span.set_attribute("first", 1);
  span.set_attribute("again", "short");
  span.add_event("between");
  span.set_attribute("other", 2);
  span.set_attribute("again", std::string(300, 'x'));
  span.set_attribute("first", true);
  span.set_attribute("again", 7);
  span.end();

  const SpanRead read = exported_one();
  EXPECT_THAT(read.attributes,
              ElementsAre(Pair("other", "i:2"), Pair("first", "b:1"), Pair("again", "i:7")));
  EXPECT_EQ(read.events.size(), 1U);
  EXPECT_EQ(read.dropped_attributes, 0U);
}

TEST_F(SpanTest, ManyKeysStayDistinctAndBoundedByTheLimit) {
  Span span = tracer_.start_span("x");
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 130; ++i) span.set_attribute("key." + std::to_string(i), round * 1000 + i);
  }
  span.end();

  const SpanRead read = exported_one();
  EXPECT_EQ(read.attributes.size(), 128U);
  for (int i = 0; i < 128; ++i) {
    EXPECT_EQ(value_of(read.attributes, "key." + std::to_string(i)),
              "i:" + std::to_string(1000 + i));
  }
  EXPECT_EQ(read.dropped_attributes, 4U);
}

TEST_F(SpanTest, BadUtf8IsRepairedNotLost) {
  Span span = tracer_.start_span("na\xFFme");
  span.set_attribute("k\xC0", "v\xED\xA0\x80");
  span.add_event("e\x80");
  span.set_status(StatusCode::kError, "s\xF5");
  span.end();

  const SpanRead read = exported_one();
  EXPECT_EQ(read.name, "na\uFFFDme");
  EXPECT_THAT(read.attributes, ElementsAre(Pair("k\uFFFD", "s:v\uFFFD\uFFFD\uFFFD")));
  EXPECT_EQ(read.events.at(0).name, "e\uFFFD");
  EXPECT_EQ(read.status_message, "s\uFFFD");
}

TEST_F(SpanTest, EventsKeepTimeAndAttributes) {
  Span span = tracer_.start_span("x");
  span.add_event("now", {{"a", 1}, {"b", "two"}, {"a", 3}});
  span.add_event("then", {}, Timestamp(std::chrono::nanoseconds(1234567890123456789)));
  span.end();

  const SpanRead read = exported_one();
  ASSERT_EQ(read.events.size(), 2U);
  EXPECT_EQ(read.events[0].name, "now");
  EXPECT_THAT(read.events[0].attributes, ElementsAre(Pair("b", "s:two"), Pair("a", "i:3")));
  EXPECT_GE(read.events[0].time, read.start);
  EXPECT_LE(read.events[0].time, read.end);
  EXPECT_EQ(read.events[1].time, 1234567890123456789U);
}

TEST_F(SpanTest, LinksKeepContextAndAttributes) {
  Span other = tracer_.start_span("other");
  const SpanContext remote(other.context().trace_id(), other.context().span_id(),
                           kTraceFlagsSampled, true, TraceState::from_header("a=1"));
  const Attribute attributes[] = {{"k", "v"}};
  const Link links[] = {{remote, std::span<const Attribute>(attributes)}};
  Span span = tracer_.start_span("x", {.links = links});
  span.add_link({other.context()});
  span.add_link({SpanContext()});
  span.end();

  const SpanRead read = exported_one();
  ASSERT_EQ(read.links.size(), 2U);
  EXPECT_EQ(read.links[0].trace_id, remote.trace_id().to_hex());
  EXPECT_EQ(read.links[0].span_id, remote.span_id().to_hex());
  EXPECT_EQ(read.links[0].trace_state, "a=1");
  EXPECT_EQ(read.links[0].flags, 0x301U);
  EXPECT_THAT(read.links[0].attributes, ElementsAre(Pair("k", "s:v")));
  EXPECT_EQ(read.links[1].flags, 0x101U);
}

TEST_F(SpanTest, StatusOkIsFinalAndErrorOverridesUnset) {
  Span ok = tracer_.start_span("ok");
  ok.set_status(StatusCode::kError, "forgiven");
  ok.set_status(StatusCode::kOk, "ignored");
  ok.set_status(StatusCode::kError, "too late");
  ok.end();
  Span error = tracer_.start_span("error");
  error.set_status(StatusCode::kError, "first");
  error.set_status(StatusCode::kUnset);
  error.set_status(StatusCode::kError, "second");
  error.end();

  const std::vector<SpanRead> spans = exported();
  EXPECT_EQ(spans.at(0).status, 1U);
  EXPECT_EQ(spans.at(0).status_message, "");
  EXPECT_EQ(spans.at(1).status, 2U);
  EXPECT_EQ(spans.at(1).status_message, "second");
}

TEST_F(SpanTest, UpdateNameKeepsEverythingElse) {
  for (const std::size_t size : {0, 1, 100, 200, 2000}) {
    Span span = tracer_.start_span("original name");
    span.set_attribute("a", 1);
    span.update_name(std::string(size, 'n'));
    span.set_attribute("a", 2);
    span.add_event("e");
    span.update_name("final");
    span.end();
  }

  for (const SpanRead& read : exported()) {
    EXPECT_EQ(read.name, "final");
    EXPECT_THAT(read.attributes, ElementsAre(Pair("a", "i:2")));
    EXPECT_EQ(read.events.size(), 1U);
  }
}

TEST_F(SpanTest, RecordsAnExceptionAsAnEvent) {
  Span span = tracer_.start_span("x");
  span.record_exception(std::out_of_range("too far"), {{"exception.message", "mine"}, {"k", 1}});
  span.end();

  const SpanRead read = exported_one();
  EXPECT_EQ(read.status, 0U);
  EXPECT_EQ(read.events.at(0).name, "exception");
  EXPECT_THAT(read.events.at(0).attributes,
              ElementsAre(Pair("exception.type", "s:std::out_of_range"),
                          Pair("exception.message", "s:mine"), Pair("k", "i:1")));
}

TEST_F(SpanTest, ExplicitTimesAreKeptAndNeverRunBackwards) {
  const Timestamp start(std::chrono::nanoseconds(2'000));
  Span span = tracer_.start_span("x", {.start_time = start});
  span.end(start + std::chrono::nanoseconds(5));
  Span backwards = tracer_.start_span("x", {.start_time = start});
  backwards.end(Timestamp(std::chrono::nanoseconds(1'000)));

  const std::vector<SpanRead> spans = exported();
  EXPECT_EQ(spans.at(0).start, 2'000U);
  EXPECT_EQ(spans.at(0).end, 2'005U);
  EXPECT_EQ(spans.at(1).end, 2'000U);
}

TEST_F(SpanTest, AfterTheEndNothingChanges) {
  Span span = tracer_.start_span("x");
  EXPECT_TRUE(span.is_recording());
  span.end();
  EXPECT_FALSE(span.is_recording());
  span.set_attribute("late", 1);
  span.add_event("late");
  span.update_name("late");
  span.end();

  const SpanRead read = exported_one();
  EXPECT_EQ(read.name, "x");
  EXPECT_THAT(read.attributes, IsEmpty());
  EXPECT_TRUE(span.context().is_valid());
}

TEST_F(SpanTest, ItsDestructorAndAnAssignmentEndIt) {
  {
    Span first = tracer_.start_span("first");
    first = tracer_.start_span("second");
    Span third = std::move(first);
    third.update_name("third");
  }
  const std::vector<SpanRead> spans = exported();
  ASSERT_EQ(spans.size(), 2U);
  EXPECT_EQ(spans[0].name, "first");
  EXPECT_EQ(spans[1].name, "third");
}

TEST_F(SpanTest, LimitsAreAppliedAndWhatIsDroppedIsCounted) {
  use({.limits = {.attribute_count = 2,
                  .attribute_value_length = 5,
                  .event_count = 1,
                  .link_count = 1,
                  .attribute_count_per_event = 1,
                  .attribute_count_per_link = 1}});
  const std::vector<std::string_view> strings{"123456789"};
  Span other = tracer_.start_span("other");
  Span span = tracer_.start_span("x");
  span.set_attribute("long", "1234\xC3\xA9");
  span.set_attribute("array", std::span<const std::string_view>(strings));
  span.set_attribute("third", 3);
  span.set_attribute("long", "12345678");
  span.add_event("e", {{"a", 1}, {"b", 2}});
  span.add_event("dropped");
  span.add_event("dropped");
  span.add_link({other.context(), {{"a", 1}, {"b", 2}, {"c", 3}}});
  span.add_link({other.context()});
  span.end();

  const SpanRead read = exported_one();
  EXPECT_THAT(read.attributes, ElementsAre(Pair("array", "[s:12345]"), Pair("long", "s:12345")));
  EXPECT_EQ(read.dropped_attributes, 1U);
  EXPECT_EQ(read.events.size(), 1U);
  EXPECT_EQ(read.events[0].dropped, 1U);
  EXPECT_EQ(read.dropped_events, 2U);
  EXPECT_EQ(read.links.size(), 1U);
  EXPECT_EQ(read.links[0].dropped, 2U);
  EXPECT_EQ(read.dropped_links, 1U);
}

TEST_F(SpanTest, ASpanLargerThanARequestLosesAttributesNotItself) {
  use({.batch = {.max_export_batch_bytes = 64 * 1024}});
  Span span = tracer_.start_span("large");
  const std::string half(40'000, 'x');
  span.set_attribute("fits", half);
  span.set_attribute("too.much", half);
  span.set_attribute("small", 1);
  span.set_status(StatusCode::kError, "still told");
  span.end();

  const SpanRead read = exported_one();
  EXPECT_EQ(read.attributes.size(), 2U);
  EXPECT_EQ(read.dropped_attributes, 1U);
  EXPECT_EQ(read.status, 2U);
}

TEST_F(SpanTest, ChildrenTakeTheCurrentSpanAsParent) {
  Span root = tracer_.start_span("root");
  {
    const context::Scope scope(root);
    Span child = tracer_.start_span("child");
    const context::Scope inner(child);
    tracer_.start_span("grandchild").end();
    const context::Context empty;
    tracer_.start_span("new root", {.parent = &empty}).end();
    child.end();
  }
  Span sibling = tracer_.start_span("sibling");
  sibling.end();
  root.end();

  const std::vector<SpanRead> spans = exported();
  ASSERT_EQ(spans.size(), 5U);
  const SpanRead& grandchild = spans[0];
  const SpanRead& new_root = spans[1];
  const SpanRead& child = spans[2];
  EXPECT_EQ(child.parent_span_id, root.context().span_id().to_hex());
  EXPECT_EQ(child.trace_id, root.context().trace_id().to_hex());
  EXPECT_EQ(grandchild.parent_span_id, child.span_id);
  EXPECT_EQ(new_root.parent_span_id, "");
  EXPECT_NE(new_root.trace_id, child.trace_id);
  EXPECT_EQ(spans[3].parent_span_id, "");
}

TEST_F(SpanTest, ARemoteParentAndItsTraceStateAreContinued) {
  const SpanContext remote(TraceId::from_hex("0af7651916cd43dd8448eb211c80319c"),
                           SpanId::from_hex("b7ad6b7169203331"), kTraceFlagsSampled, true,
                           TraceState::from_header("vendor=1,other=2"));
  const context::Context parent = context::Context().with_span_context(remote);
  Span span = tracer_.start_span("x", {.parent = &parent});
  EXPECT_EQ(span.context().trace_state().to_header(), "vendor=1,other=2");
  EXPECT_FALSE(span.context().is_remote());
  span.end();

  const SpanRead read = exported_one();
  EXPECT_EQ(read.trace_id, "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(read.parent_span_id, "b7ad6b7169203331");
  EXPECT_EQ(read.trace_state, "vendor=1,other=2");
  EXPECT_EQ(read.flags, 0x301U);
}

TEST_F(SpanTest, TheActiveSpanCanBeReachedAndOutlivedByItsContext) {
  context::Context copy;
  {
    Span span = tracer_.start_span("x");
    const context::Scope scope(span);
    get_active_span().set_attribute("through", "the context");
    copy = context::current();
    SpanRef::of(copy).set_attribute("through.copy", 1);
  }
  SpanRef late = SpanRef::of(copy);
  EXPECT_FALSE(late.is_recording());
  late.set_attribute("late", 1);
  Span next = tracer_.start_span("takes the same memory");
  late.set_attribute("late", 2);
  next.end();

  const std::vector<SpanRead> spans = exported();
  ASSERT_EQ(spans.size(), 2U);
  EXPECT_THAT(spans[0].attributes,
              ElementsAre(Pair("through", "s:the context"), Pair("through.copy", "i:1")));
  EXPECT_THAT(spans[1].attributes, IsEmpty());
}

TEST_F(SpanTest, MayEndOnAnotherThread) {
  for (int i = 0; i < 200; ++i) {
    Span span = tracer_.start_span("x");
    span.set_attribute("i", i);
    std::thread([moved = std::move(span)]() mutable { moved.end(); }).join();
  }
  EXPECT_EQ(exported().size(), 200U);
}

TEST_F(SpanTest, SeveralThreadsMaySetAttributesThroughCopiesOfItsContext) {
  constexpr int kThreads = 4;
  for (int round = 0; round < 50; ++round) {
    Span span = tracer_.start_span("shared");
    const context::Context copy = context::Context().with_span(span);
    std::vector<std::thread> threads;
    threads.reserve(kThreads);
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([copy, t] {
        const context::Scope scope(copy);
        for (int i = 0; i < 5; ++i) {
          get_active_span().set_attribute("thread." + std::to_string(t), i);
          get_active_span().add_event("e");
        }
      });
    }
    span.set_attribute("own", 1);
    if (round % 2 == 0) span.end();
    for (std::thread& thread : threads) thread.join();
  }
  const std::vector<SpanRead> spans = exported();
  ASSERT_EQ(spans.size(), 50U);
  for (std::size_t i = 1; i < spans.size(); i += 2) {
    EXPECT_EQ(spans[i].attributes.size(), 1U + kThreads);
    EXPECT_EQ(spans[i].events.size(), 5U * kThreads);
    EXPECT_EQ(value_of(spans[i].attributes, "thread.0"), "i:4");
  }
}

TEST_F(SpanTest, AfterTheShutdownSpansAreNotRecordedButCountedIfTheyWere) {
  Span open = tracer_.start_span("open");
  EXPECT_TRUE(tracer_.enabled());
  EXPECT_TRUE(provider_->shutdown());
  open.end();
  Span late = tracer_.start_span("late");
  EXPECT_FALSE(late.is_recording());
  EXPECT_FALSE(tracer_.enabled());
  EXPECT_EQ(provider_->statistics().dropped_after_shutdown, 1U);
  EXPECT_FALSE(provider_->shutdown());
  EXPECT_FALSE(provider_->force_flush());
}

TEST_F(SpanTest, MaySurviveItsProvider) {
  Span span = tracer_.start_span("x");
  provider_.reset();
  span.set_attribute("a", 1);
  span.end();
  EXPECT_FALSE(tracer_.start_span("y").is_recording());
}

TEST_F(SpanTest, ScopesAreGroupedAndEqualOnesAreTheSame) {
  const Tracer same = provider_->get_tracer({.name = "test.scope", .version = "1.2"});
  EXPECT_EQ(&same.slot(), &tracer_.slot());
  const Tracer other = provider_->get_tracer(
      {.name = "other", .version = "", .schema_url = "https://example.com/schema"});
  for (int i = 0; i < 3; ++i) {
    tracer_.start_span("t" + std::to_string(i)).end();
    other.start_span("o" + std::to_string(i)).end();
  }

  std::vector<std::string> order;
  for (const SpanRead& span : exported()) {
    order.push_back(span.scope_name + "/" + span.name + "/" + span.scope_schema);
  }
  EXPECT_THAT(order, ElementsAre("test.scope/t0/", "test.scope/t1/", "test.scope/t2/",
                                 "other/o0/https://example.com/schema",
                                 "other/o1/https://example.com/schema",
                                 "other/o2/https://example.com/schema"));
  EXPECT_EQ(exporter_->requests().size(), 1U);
}

TEST(Tracer, WithoutAnSdkCarriesTheParentOnAndRecordsNothing) {
  const Tracer tracer = get_tracer("nobody.listens");
  EXPECT_FALSE(tracer.enabled());
  EXPECT_FALSE(tracer.start_span("root").context().is_valid());
  const SpanContext remote(TraceId::from_hex("0af7651916cd43dd8448eb211c80319c"),
                           SpanId::from_hex("b7ad6b7169203331"), kTraceFlagsSampled, true);
  const context::Scope scope(context::Context().with_span_context(remote));
  Span span = tracer.start_span("x");
  EXPECT_EQ(span.context(), remote);
  EXPECT_FALSE(span.is_recording());
}

TEST(Tracer, ObtainedBeforeTheProviderRecordsOnceThatIsSet) {
  const std::vector<std::string_view> values{"a", "b"};
  const Tracer tracer =
      get_tracer({.name = "early",
                  .version = "2",
                  .attributes = {{"list", std::span<const std::string_view>(values)}, {"n", 1}}});
  EXPECT_FALSE(tracer.enabled());
  const auto exporter = std::make_shared<CaptureExporter>();
  const auto provider = sdk::TracerProvider::create({.exporter = exporter}).value();
  set_global_tracer_provider(provider);
  EXPECT_EQ(global_tracer_provider(), provider);
  EXPECT_TRUE(tracer.enabled());
  tracer.start_span("x").end();
  set_global_tracer_provider(nullptr);
  EXPECT_FALSE(tracer.enabled());
  EXPECT_TRUE(provider->force_flush());
  EXPECT_EQ(sdk::testing::read_all_spans(exporter->requests()).at(0).scope_name, "early");
}

}  // namespace
}  // namespace signalbox::trace
