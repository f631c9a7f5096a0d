#include "server/store/columns/service_edges.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/store/columns/side_tables.h"

namespace signalbox::server::store {
namespace {

constexpr std::int32_t kInternal = 1;
constexpr std::int32_t kServer = 2;
constexpr std::int32_t kClient = 3;
constexpr std::int32_t kProducer = 4;
constexpr std::int32_t kConsumer = 5;
constexpr std::int64_t kStart = 1'790'000'000'000'000'000;

struct Spans {
  SpanColumns columns;

  Spans& add(std::string_view service, std::int32_t kind, std::string_view id,
             std::string_view parent, std::int32_t status = 0) {
    columns.service_name.append(service);
    columns.kind.append(kind);
    columns.trace_id.append("0123456789abcdef");
    columns.span_id.append(id);
    columns.parent_span_id.append(parent);
    columns.status_code.append(status);
    columns.start_time.append(kStart);
    columns.duration_ns.append(1000);
    return *this;
  }
};

using Texts = std::vector<std::string>;

/// What `edges` finds in a block: "client > server kind calls errors".
Texts find(ServiceEdges& edges, std::int64_t identity, const Spans& spans) {
  SpanEdgeColumns found;
  edges.find(identity, spans.columns, found);
  Texts texts;
  for (std::size_t i = 0; i < found.calls.size(); ++i) {
    texts.push_back(std::string(found.client[i]) + " > " + std::string(found.server[i]) + " " +
                    std::to_string(found.kind[i]) + " " + std::to_string(found.calls[i]) + " " +
                    std::to_string(found.errors[i]));
  }
  return texts;
}

TEST(ServiceEdges, AreCallsBetweenSpansOfOneBlock) {
  ServiceEdges edges(100);
  Spans spans;
  spans.add("web", kClient, "1", "").add("shop", kServer, "2", "1", 2);
  spans.add("web", kClient, "3", "").add("shop", kServer, "4", "3");
  spans.add("shop", kInternal, "5", "4").add("shop", kProducer, "6", "5");
  spans.add("mail", kConsumer, "7", "6").add("audit", kConsumer, "8", "6");
  spans.add("shop", kServer, "9", "3");  // Of the same service as none of the above: a call again.
  spans.add("shop", kClient, "a", "9").add("shop", kServer, "b", "a");  // Of itself.

  EXPECT_EQ(find(edges, 1, spans),
            (Texts{"web > shop 2 3 1", "shop > mail 5 1 0", "shop > audit 5 1 0"}));
}

TEST(ServiceEdges, AreFoundAcrossBlocksInEitherOrder) {
  ServiceEdges edges(100);
  EXPECT_EQ(find(edges, 1, Spans().add("web", kClient, "1", "")), Texts{});
  EXPECT_EQ(find(edges, 2, Spans().add("shop", kServer, "2", "1")), Texts{"web > shop 2 1 0"});

  EXPECT_EQ(find(edges, 3, Spans().add("shop", kServer, "4", "3")), Texts{});
  EXPECT_EQ(find(edges, 4, Spans().add("web", kClient, "3", "", 2)), Texts{"web > shop 2 1 1"});
}

TEST(ServiceEdges, AreFoundOfAllThatOneSpanCalls) {
  ServiceEdges edges(100);
  Spans called;
  called.add("mail", kConsumer, "2", "1").add("audit", kConsumer, "3", "1");
  EXPECT_EQ(find(edges, 1, called), Texts{});
  EXPECT_EQ(find(edges, 2, Spans().add("shop", kProducer, "1", "")),
            (Texts{"shop > mail 5 1 0", "shop > audit 5 1 0"}));
}

/// An insert that failed makes the block come again.
TEST(ServiceEdges, OfABlockThatComesAgainAreTheSame) {
  ServiceEdges edges(100);
  Spans early, late;
  early.add("shop", kServer, "2", "1");
  late.add("web", kClient, "1", "");
  EXPECT_EQ(find(edges, 1, early), Texts{});
  EXPECT_EQ(find(edges, 1, early), Texts{});
  EXPECT_EQ(find(edges, 2, late), Texts{"web > shop 2 1 0"});
  EXPECT_EQ(find(edges, 2, late), Texts{"web > shop 2 1 0"});
}

TEST(ServiceEdges, KnowTheSpansThatWereThereBeforeTheStart) {
  int loads = 0;
  std::int64_t before = 0;
  ServiceEdges edges(100, [&](std::int64_t identity, std::size_t /*limit*/, const auto& visit) {
    ++loads;
    before = identity;
    ServiceEdges::Span span{.service = "web",
                            .trace_id = "0123456789abcdef",
                            .span_id = std::string_view("1\0\0\0\0\0\0\0", 8),
                            .parent_span_id = std::string_view("\0\0\0\0\0\0\0\0", 8),
                            .kind = kClient,
                            .status_code = 0,
                            .start_time = kStart,
                            .duration_ns = 1};
    visit(span);
    span.kind = kServer;
    span.service = "shop";
    span.parent_span_id = span.span_id;
    span.span_id = std::string_view("2\0\0\0\0\0\0\0", 8);
    visit(span);  // Has been counted.
  });

  EXPECT_EQ(find(edges, 7, Spans().add("mail", kServer, "3", "1")), Texts{"web > mail 2 1 0"});
  EXPECT_EQ(find(edges, 8, Spans().add("mail", kServer, "4", "9")), Texts{});
  EXPECT_EQ(loads, 1);
  EXPECT_EQ(before, 7);
}

TEST(ServiceEdges, RememberNoMoreThanTheyMay) {
  ServiceEdges edges(10);
  find(edges, 1, Spans().add("web", kClient, "1", ""));
  Spans many;
  for (char c = 'a'; c <= 'z'; ++c) many.add("web", kClient, std::string(1, c), "");
  find(edges, 2, many);

  EXPECT_EQ(find(edges, 3, Spans().add("shop", kServer, "2", "1")), Texts{});
  EXPECT_EQ(find(edges, 4, Spans().add("shop", kServer, "3", "z")), Texts{"web > shop 2 1 0"});
}

}  // namespace
}  // namespace signalbox::server::store
