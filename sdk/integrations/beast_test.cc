#include "signalbox/integrations/beast.h"

#include <gtest/gtest.h>

#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/verb.hpp>
#include <memory>
#include <string>
#include <vector>

#include "sdk/integrations/testing/recording_exporter.h"
#include "signalbox/trace/sdk_tracer_provider.h"

namespace signalbox::integrations {
namespace {

namespace http = boost::beast::http;
using signalbox::testing::RecordedSpan;

constexpr std::string_view kTraceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

class Beast : public ::testing::Test {
 protected:
  Beast() : exporter_(std::make_shared<signalbox::testing::RecordingExporter>()) {
    sdk::TracerProviderOptions options;
    options.exporter = exporter_;
    auto provider = sdk::TracerProvider::create(std::move(options));
    EXPECT_TRUE(provider.ok());
    provider_ = provider.value();
    tracer_ = provider_->get_tracer({.name = "test"});
  }

  RecordedSpan only_span() {
    EXPECT_TRUE(provider_->force_flush());
    const std::vector<RecordedSpan> spans = exporter_->spans();
    EXPECT_EQ(spans.size(), 1U);
    return spans.empty() ? RecordedSpan{} : spans[0];
  }

  std::shared_ptr<signalbox::testing::RecordingExporter> exporter_;
  std::shared_ptr<sdk::TracerProvider> provider_;
  trace::Tracer tracer_;
};

TEST_F(Beast, CarriesTheContextThroughHeaders) {
  http::request<http::string_body> incoming;
  incoming.set("TraceParent", kTraceparent);
  incoming.insert("tracestate", "a=1");
  incoming.insert("tracestate", "b=2");
  const context::Context context = propagation::extract(HttpFieldsGetter(incoming));
  EXPECT_EQ(context.span_context().trace_id().to_hex(), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(context.span_context().trace_state().to_header(), "a=1,b=2");

  http::request<http::string_body> outgoing;
  const context::Scope scope(context);
  HttpFieldsSetter setter(outgoing);
  propagation::inject(setter);
  EXPECT_EQ(std::string(outgoing["traceparent"]), kTraceparent);
}

TEST_F(Beast, SetsNoHeaderThatWouldBeTwo) {
  http::request<http::string_body> outgoing;
  HttpFieldsSetter setter(outgoing);
  setter.set("baggage", "a\r\nHost: evil");
  setter.set("", "a");
  EXPECT_EQ(outgoing.begin(), outgoing.end());
}

TEST_F(Beast, DescribesAServersRequest) {
  http::request<http::string_body> request(http::verb::get, "/a//b?c=d", 11);
  request.set("traceparent", kTraceparent);
  request.set(http::field::host, "shop.example:8443");
  request.set(http::field::user_agent, "test/1");
  {
    const context::Context parent = propagation::extract(HttpFieldsGetter(request));
    trace::Span span = start_http_server_span(tracer_, request, parent,
                                              {.path = "/a//b",
                                               .query = "c=d",
                                               .route = "/a//b",
                                               .peer_address = "10.0.0.1",
                                               .peer_port = 1234,
                                               .local_port = 80});
    set_http_server_response(span, 503);
  }
  const RecordedSpan span = only_span();
  EXPECT_EQ(span.name, "GET /a//b");
  EXPECT_EQ(span.kind, 2);
  EXPECT_EQ(span.trace_id, "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(span.parent_span_id, "b7ad6b7169203331");
  EXPECT_EQ(span.status_code, 2);
  const signalbox::testing::TextAttributes expected = {{"http.request.method", "GET"},
                                                       {"url.path", "/a//b"},
                                                       {"url.query", "c=d"},
                                                       {"url.scheme", "http"},
                                                       {"http.route", "/a//b"},
                                                       {"server.address", "shop.example"},
                                                       {"server.port", "8443"},
                                                       {"client.address", "10.0.0.1"},
                                                       {"network.peer.address", "10.0.0.1"},
                                                       {"network.peer.port", "1234"},
                                                       {"network.protocol.version", "1.1"},
                                                       {"user_agent.original", "test/1"},
                                                       {"http.response.status_code", "503"},
                                                       {"error.type", "503"}};
  EXPECT_EQ(span.attributes, expected);
}

TEST_F(Beast, BlamesTheClientForA4xxAndTheServerFor5xxOnly) {
  http::request<http::string_body> request(http::verb::post, "/", 11);
  {
    trace::Span span = start_http_server_span(tracer_, request, context::Context(), {.path = "/"});
    set_http_server_response(span, 404);
  }
  EXPECT_EQ(only_span().status_code, 0);
}

TEST_F(Beast, NamesUnknownMethodsHttp) {
  http::request<http::string_body> request;
  request.method_string("BREW");
  start_http_server_span(tracer_, request, context::Context(), {.path = "/pot"}).end();
  const RecordedSpan span = only_span();
  EXPECT_EQ(span.name, "HTTP /pot");
  EXPECT_EQ(span.attributes.at("http.request.method"), "_OTHER");
  EXPECT_EQ(span.attributes.at("http.request.method_original"), "BREW");
}

TEST_F(Beast, DescribesAClientsRequestWithoutThePassword) {
  http::request<http::string_body> request(http::verb::get, "/x?y=z", 11);
  {
    trace::Span span = start_http_client_span(tracer_, request,
                                              {.url = "https://me:secret@example.org/x?y=z",
                                               .path = "/x",
                                               .host = "example.org",
                                               .port = 443});
    set_http_client_failure(span, "timeout", "no answer within 10 s");
  }
  const RecordedSpan span = only_span();
  EXPECT_EQ(span.name, "GET /x");
  EXPECT_EQ(span.kind, 3);
  EXPECT_EQ(span.status_code, 2);
  EXPECT_EQ(span.status_message, "no answer within 10 s");
  EXPECT_EQ(span.attributes.at("url.full"), "https://REDACTED:REDACTED@example.org/x?y=z");
  EXPECT_EQ(span.attributes.at("error.type"), "timeout");
  EXPECT_EQ(span.attributes.at("server.port"), "443");
}

}  // namespace
}  // namespace signalbox::integrations
