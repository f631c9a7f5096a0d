#include "server/receive/otlp_receiver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>
#include <string>

#include "otlp/recording_sink.h"
#include "server/receive/grpc_frame.h"
#include "server/receive/otlp_decoder.h"
#include "server/receive/testing/compress.h"

namespace signalbox::server::receive {
namespace {

using otlp::testing::RecordingSink;
using store::Signal;
using store::WriteOutcome;
using testing::gzip;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing::zlib;
using testing::zstd;

/// Decodes at once into memory; answers as the test says, or keeps the answer back.
class FakeIngest final : public store::Ingest {
 public:
  explicit FakeIngest(OtlpDecoder::Options options = {}) : decoder_(options) {}

  void write(store::IngestRequest request, Done done) override {
    signals.push_back(request.signal);
    bytes += request.payload.size();
    WriteOutcome outcome = next;
    if (outcome.status == WriteOutcome::Status::kCommitted) {
      store::Sinks sinks{sink, sink, sink};
      outcome.decoded = decoder_.decode(request.signal, request.content, request.payload, sinks);
      if (!outcome.decoded.ok) outcome.status = WriteOutcome::Status::kMalformed;
    }
    if (hold) {
      held = [done, outcome] { done(outcome); };
    } else {
      done(outcome);
    }
  }

  RecordingSink sink;
  std::vector<Signal> signals;
  std::size_t bytes = 0;
  WriteOutcome next;
  bool hold = false;
  std::function<void()> held;

 private:
  const OtlpDecoder decoder_;
};

class CapturedExchange final : public net::Responder::Exchange {
 public:
  void respond(net::Response response) noexcept override { answer = std::move(response); }
  [[nodiscard]] bool abandoned() const noexcept override { return false; }
  std::optional<net::Response> answer;
};

/// google.rpc.Status, as far as the tests look at it.
struct Status {
  int code = 0;
  std::string message;
  std::string detail_type;
};
Status parse_status(const std::string& bytes) {
  Status status;
  protozero::pbf_reader reader(bytes);
  while (reader.next()) {
    if (reader.tag() == 1) {
      status.code = reader.get_int32();
    } else if (reader.tag() == 2) {
      status.message = reader.get_string();
    } else {
      protozero::pbf_reader any = reader.get_message();
      if (any.next(1)) status.detail_type = any.get_string();
    }
  }
  return status;
}

/// One span; with a bad id if asked for.
std::string traces(const std::string& span_id = "01234567") {
  std::string span;
  protozero::pbf_writer span_writer(span);
  span_writer.add_bytes(1, "0123456789abcdef");
  span_writer.add_bytes(2, span_id);
  std::string scope;
  protozero::pbf_writer(scope).add_message(2, span);
  std::string resource;
  protozero::pbf_writer(resource).add_message(2, scope);
  std::string request;
  protozero::pbf_writer(request).add_message(1, resource);
  return request;
}

constexpr const char* kTracesJson =
    R"({"resourceSpans":[{"scopeSpans":[{"spans":[
      {"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174"}]}]}]})";

class OtlpReceiverTest : public ::testing::Test {
 protected:
  net::Response http(net::Request request) { return *call(receiver_.http_handler(), request); }
  net::Response post(const std::string& path, const std::string& body,
                     const std::string& type = "application/x-protobuf",
                     const std::string& encoding = "") {
    net::Request request;
    request.method = "POST";
    request.target = path;
    request.headers.add("content-type", type);
    request.headers.add("signoz-ingestion-key", "any");
    if (!encoding.empty()) request.headers.add("content-encoding", encoding);
    request.body = body;
    return http(std::move(request));
  }
  net::Response grpc(const std::string& body, const std::string& encoding = "",
                     const std::string& path = kTracesMethod) {
    net::Request request;
    request.method = "POST";
    request.target = path;
    request.headers.add("content-type", "application/grpc+proto");
    if (!encoding.empty()) request.headers.add("grpc-encoding", encoding);
    request.body = body;
    return *call(receiver_.grpc_handler(), request);
  }
  static std::optional<net::Response> call(const net::Handler& handler, net::Request& request) {
    const auto exchange = std::make_shared<CapturedExchange>();
    handler(std::move(request), net::Responder(exchange));
    return exchange->answer;
  }

  static constexpr const char* kTracesMethod =
      "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
  FakeIngest ingest_{{.decompress = {.max_bytes = 1'000'000}, .limits = {.max_records = 1000}}};
  OtlpReceiver receiver_{ingest_, {}};
};

TEST_F(OtlpReceiverTest, StoresProtobufOverHttp) {
  const net::Response answer = post("/v1/traces", traces());

  EXPECT_EQ(answer.status, 200u);
  EXPECT_EQ(answer.headers.get("content-type"), "application/x-protobuf");
  EXPECT_THAT(answer.body, IsEmpty());
  EXPECT_THAT(ingest_.sink.lines, SizeIs(3));
  EXPECT_EQ(ingest_.bytes, traces().size());
  EXPECT_EQ(receiver_.counters()[Signal::kTraces].accepted_records, 1u);
}

TEST_F(OtlpReceiverTest, StoresJsonOverHttp) {
  const net::Response answer = post("/v1/traces", kTracesJson, "Application/JSON ; charset=utf-8");

  EXPECT_EQ(answer.status, 200u);
  EXPECT_EQ(answer.headers.get("content-type"), "application/json");
  EXPECT_EQ(answer.body, "{}");
  EXPECT_THAT(ingest_.sink.lines, SizeIs(3));
}

TEST_F(OtlpReceiverTest, SendsEachPathAndMethodToItsSignal) {
  post("/v1/logs", "");
  post("/v1/metrics", "");
  post("/v1/traces?x=y", "");
  grpc(make_grpc_frame(""), "", "/opentelemetry.proto.collector.logs.v1.LogsService/Export");
  grpc(make_grpc_frame(""), "", "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export");

  EXPECT_THAT(ingest_.signals,
              ::testing::ElementsAre(Signal::kLogs, Signal::kMetrics, Signal::kTraces,
                                     Signal::kLogs, Signal::kMetrics));
}

/// A frame around what is compressed already.
std::string compressed_frame(const std::string& message) {
  std::string frame = make_grpc_frame(message);
  frame[0] = 1;
  return frame;
}

TEST_F(OtlpReceiverTest, DecompressesTheSameOverBothTransports) {
  const std::pair<const char*, std::string (*)(const std::string&)> formats[] = {
      {"gzip", gzip}, {"deflate", zlib}, {"zstd", [](const std::string& t) { return zstd(t); }}};
  for (const auto& [name, compress] : formats) {
    ingest_.sink.lines.clear();
    const net::Response protobuf =
        post("/v1/traces", compress(traces()), "application/x-protobuf", name);
    EXPECT_EQ(protobuf.status, 200u) << name;
    EXPECT_EQ(post("/v1/traces", compress(kTracesJson), "application/json", name).status, 200u);
    EXPECT_EQ(grpc(compressed_frame(compress(traces())), name).trailers.get("grpc-status"), "0");
    EXPECT_THAT(ingest_.sink.lines, SizeIs(9));
    EXPECT_EQ(post("/v1/traces", "damaged", "application/json", name).status, 400u);
  }
}

TEST_F(OtlpReceiverTest, AnswersGrpcWithAFrameAndTrailers) {
  const net::Response answer = grpc(make_grpc_frame(traces()));

  EXPECT_EQ(answer.status, 200u);
  EXPECT_EQ(answer.headers.get("content-type"), "application/grpc");
  EXPECT_EQ(answer.body, make_grpc_frame(""));
  EXPECT_EQ(answer.trailers.get("grpc-status"), "0");
}

TEST_F(OtlpReceiverTest, AnswersOnlyWhenTheStoreHasCommitted) {
  ingest_.hold = true;
  const auto exchange = std::make_shared<CapturedExchange>();
  net::Request request;
  request.method = "POST";
  request.target = "/v1/traces";
  request.headers.add("content-type", "application/x-protobuf");
  request.body = traces();

  receiver_.http_handler()(std::move(request), net::Responder(exchange));
  EXPECT_FALSE(exchange->answer);
  ingest_.held();

  ASSERT_TRUE(exchange->answer);
  EXPECT_EQ(exchange->answer->status, 200u);
}

TEST_F(OtlpReceiverTest, ReportsRejectedRecordsAsPartialSuccess) {
  const net::Response protobuf = post("/v1/traces", traces("bad"));
  EXPECT_EQ(protobuf.status, 200u);
  protozero::pbf_reader response(protobuf.body);
  ASSERT_TRUE(response.next(1));
  protozero::pbf_reader partial = response.get_message();
  ASSERT_TRUE(partial.next(1));
  EXPECT_EQ(partial.get_int64(), 1);
  ASSERT_TRUE(partial.next(2));
  EXPECT_THAT(partial.get_string(), HasSubstr("span_id"));

  const net::Response json =
      post("/v1/traces", R"({"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"12"}]}]}]})",
           "application/json");
  EXPECT_THAT(json.body, HasSubstr(R"({"partialSuccess":{"rejectedSpans":"1","errorMessage":")"));

  EXPECT_EQ(receiver_.counters()[Signal::kTraces].rejected_records, 2u);
}

TEST_F(OtlpReceiverTest, AnswersMalformedRequestsInTheirFormat) {
  const net::Response protobuf = post("/v1/traces", "\x0A\x7F");
  EXPECT_EQ(protobuf.status, 400u);
  EXPECT_EQ(protobuf.headers.get("content-type"), "application/x-protobuf");
  EXPECT_EQ(parse_status(protobuf.body).code, 3);
  EXPECT_THAT(parse_status(protobuf.body).message, HasSubstr("at byte 0"));

  const net::Response json = post("/v1/traces", "{", "application/json");
  EXPECT_EQ(json.status, 400u);
  EXPECT_THAT(json.body, HasSubstr(R"({"code":3,"message":"malformed JSON)"));

  const net::Response grpc_answer = grpc(make_grpc_frame("\x0A\x7F"));
  EXPECT_EQ(grpc_answer.status, 200u);
  EXPECT_EQ(grpc_answer.headers.get("grpc-status"), "3");
  EXPECT_THAT(grpc_answer.headers.get("grpc-message"), HasSubstr("at byte 0"));
  EXPECT_THAT(grpc_answer.body, IsEmpty());

  EXPECT_EQ(receiver_.counters()[Signal::kTraces].malformed_requests, 3u);
}

/// Full is not the same as failing: the former says RESOURCE_EXHAUSTED and 429, always with a hint,
/// for without one the former must not be retried.
TEST_F(OtlpReceiverTest, AsksTheSenderToRetryWhenTheStoreIsOverloadedOrFails) {
  struct Case {
    WriteOutcome::Status status;
    unsigned http;
    const char* grpc;
  };
  for (const auto& [status, http, code] : {Case{WriteOutcome::Status::kOverloaded, 429, "8"},
                                           Case{WriteOutcome::Status::kFailed, 503, "14"},
                                           Case{WriteOutcome::Status::kAbandoned, 503, "14"}}) {
    ingest_.next = {.status = status,
                    .decoded = {},
                    .message = "busy: 100% full",
                    .retry_after = std::chrono::milliseconds(2500)};

    const net::Response http_answer = post("/v1/traces", traces());
    EXPECT_EQ(http_answer.status, http);
    EXPECT_EQ(http_answer.headers.get("retry-after"), "3");
    EXPECT_EQ(parse_status(http_answer.body).detail_type,
              "type.googleapis.com/google.rpc.RetryInfo");
    EXPECT_THAT(post("/v1/traces", kTracesJson, "application/json").body,
                HasSubstr("\"retryDelay\":\"2.500s\""));

    const net::Response grpc_answer = this->grpc(make_grpc_frame(traces()));
    EXPECT_EQ(grpc_answer.headers.get("grpc-status"), code);
    EXPECT_EQ(grpc_answer.headers.get("grpc-message"), "busy: 100%25 full");
    EXPECT_THAT(std::string(grpc_answer.headers.get("grpc-status-details-bin")),
                ::testing::Not(IsEmpty()));
  }
}

/// RESOURCE_EXHAUSTED without RetryInfo is what OTLP tells clients not to repeat.
void expect_final_refusal(const net::Response& answer) {
  EXPECT_EQ(answer.headers.get("grpc-status"), "8");
  EXPECT_EQ(answer.headers.find("grpc-status-details-bin"), std::nullopt);
  EXPECT_THAT(std::string(answer.headers.get("grpc-message")), HasSubstr("send smaller batches"));
}

/// Two bytes a record, which gzip makes a thousandth of.
std::string empty_logs(std::size_t count) {
  std::string scope;
  for (std::size_t i = 0; i < count; ++i) scope.append("\x12\x00", 2);
  std::string resource;
  protozero::pbf_writer(resource).add_message(2, scope);
  std::string request;
  protozero::pbf_writer(request).add_message(1, resource);
  return request;
}

TEST_F(OtlpReceiverTest, RefusesForGoodWhatHoldsMoreThanOneRequestMay) {
  const std::string logs = empty_logs(2000);
  std::string json = R"({"resourceLogs":[{"scopeLogs":[{"logRecords":[{})";
  for (int i = 0; i < 2000; ++i) json += ",{}";
  json += "]}]}]}";

  const net::Response protobuf_answer =
      post("/v1/logs", gzip(logs), "application/x-protobuf", "gzip");
  EXPECT_EQ(protobuf_answer.status, 413u);
  EXPECT_EQ(protobuf_answer.headers.find("retry-after"), std::nullopt);
  EXPECT_EQ(parse_status(protobuf_answer.body).code, 8);
  EXPECT_THAT(parse_status(protobuf_answer.body).message, HasSubstr("more than 1000 records"));
  EXPECT_EQ(post("/v1/logs", json, "application/json").status, 413u);
  expect_final_refusal(grpc(compressed_frame(gzip(logs)), "gzip",
                            "/opentelemetry.proto.collector.logs.v1.LogsService/Export"));
  EXPECT_EQ(post("/v1/logs", empty_logs(900)).status, 200u);
}

TEST_F(OtlpReceiverTest, WarnsOfWhatItAlteredWithNothingRejected) {
  std::string log;
  protozero::pbf_writer writer(log);
  writer.add_bytes(9, "8 bytes.");
  std::string scope;
  protozero::pbf_writer(scope).add_message(2, log);
  std::string resource;
  protozero::pbf_writer(resource).add_message(2, scope);
  std::string request;
  protozero::pbf_writer(request).add_message(1, resource);

  const net::Response protobuf = post("/v1/logs", request);
  EXPECT_EQ(protobuf.status, 200u);
  protozero::pbf_reader response(protobuf.body);
  ASSERT_TRUE(response.next(1));
  protozero::pbf_reader partial = response.get_message();
  ASSERT_TRUE(partial.next());
  EXPECT_EQ(partial.tag(), 2u) << "rejected_log_records stays 0";
  EXPECT_THAT(partial.get_string(), HasSubstr("1 trace_id or span_id"));

  const net::Response json =
      post("/v1/logs",
           R"({"resourceLogs":[{"scopeLogs":[{"logRecords":[{"severityNumber":"LOUD"}]}]}]})",
           "application/json");
  EXPECT_THAT(json.body, HasSubstr(R"("rejectedLogRecords":"0","errorMessage":"1 names)"));
  EXPECT_EQ(receiver_.counters()[Signal::kLogs].accepted_records, 2u);
}

TEST_F(OtlpReceiverTest, RefusesWhatDecompressesBeyondTheLimit) {
  const std::string bomb = gzip(std::string(2'000'000, '\0'));

  const net::Response http_answer = post("/v1/traces", bomb, "application/x-protobuf", "gzip");
  EXPECT_EQ(http_answer.status, 413u);
  EXPECT_EQ(http_answer.headers.find("retry-after"), std::nullopt);
  expect_final_refusal(grpc(compressed_frame(bomb), "gzip"));
  EXPECT_EQ(post("/v1/traces", "not gzip", "application/x-protobuf", "gzip").status, 400u);
}

TEST_F(OtlpReceiverTest, RefusesOtherPathsMethodsTypesAndEncodings) {
  EXPECT_EQ(post("/v1/profiles", "").status, 404u);
  EXPECT_EQ(post("/v1/traces", "", "text/plain").status, 415u);
  const net::Response brotli = post("/v1/traces", "", "application/json", "br");
  EXPECT_EQ(brotli.status, 415u);
  EXPECT_EQ(brotli.headers.get("accept-encoding"), kAcceptedCompressions);
  EXPECT_THAT(brotli.body, HasSubstr("use one of identity,deflate,gzip,zstd"));
  net::Request get;
  get.method = "GET";
  get.target = "/v1/traces";
  const net::Response answer = http(std::move(get));
  EXPECT_EQ(answer.status, 405u);
  EXPECT_EQ(answer.headers.get("allow"), "POST");

  EXPECT_EQ(grpc("", "", "/other.Service/Call").headers.get("grpc-status"), "12");
  std::string compressed = make_grpc_frame("x");
  compressed[0] = 1;
  const net::Response snappy = grpc(compressed, "snappy");
  EXPECT_EQ(snappy.headers.get("grpc-status"), "12");
  EXPECT_EQ(snappy.headers.get("grpc-accept-encoding"), kAcceptedCompressions);
  EXPECT_THAT(std::string(snappy.headers.get("grpc-message")),
              HasSubstr("use one of identity,deflate,gzip,zstd"));
  EXPECT_EQ(grpc(compressed).headers.get("grpc-status"), "13");
  EXPECT_EQ(grpc("ab").headers.get("grpc-status"), "3");
  EXPECT_THAT(ingest_.signals, IsEmpty());
}

TEST_F(OtlpReceiverTest, SaysWhatTheServersThemselvesRefuseAsOtlpDoes) {
  const net::Request request;
  EXPECT_EQ(
      OtlpReceiver::grpc_refusal()(request, net::Refusal::kBodyTooLarge).headers.get("grpc-status"),
      "8");
  const net::Response full = OtlpReceiver::grpc_refusal()(request, net::Refusal::kOverloaded);
  EXPECT_EQ(full.headers.get("grpc-status"), "8");
  EXPECT_TRUE(full.headers.find("grpc-status-details-bin").has_value());
  EXPECT_EQ(OtlpReceiver::http_refusal()(request, net::Refusal::kBodyTooLarge).status, 413u);
  EXPECT_EQ(OtlpReceiver::http_refusal()(request, net::Refusal::kHeadTooLarge).status, 431u);
  EXPECT_EQ(OtlpReceiver::http_refusal()(request, net::Refusal::kOverloaded).status, 429u);
  EXPECT_EQ(
      OtlpReceiver::http_refusal()(request, net::Refusal::kOverloaded).headers.get("retry-after"),
      "1");
}

class FakeAuthorizer final : public Authorizer {
 public:
  Verdict authenticate(const net::Headers& /*headers*/) override {
    return verdict.status == Verdict::Status::kUnauthenticated ? verdict : Verdict();
  }
  Verdict authorize(const net::Headers& headers, std::size_t request_bytes) override {
    keys.emplace_back(headers.get("signalbox-ingestion-key"));
    bytes += request_bytes;
    return verdict;
  }
  Verdict verdict;
  std::vector<std::string> keys;
  std::size_t bytes = 0;
};

class AuthorizedReceiver : public ::testing::Test {
 protected:
  net::Response send(bool is_grpc, const std::string& path, const std::string& body) {
    OtlpReceiver::Options options;
    options.authorizer = &authorizer_;
    const OtlpReceiver receiver(ingest_, options);
    net::Request request;
    request.method = "POST";
    request.target = path;
    request.headers.add("content-type", is_grpc ? "application/grpc" : "application/json");
    request.headers.add("signalbox-ingestion-key", "the key");
    request.body = body;
    auto exchange = std::make_shared<CapturedExchange>();
    auto handler = is_grpc ? receiver.grpc_handler() : receiver.http_handler();
    handler(std::move(request), net::Responder(exchange));
    unauthenticated_ = receiver.counters()[Signal::kTraces].unauthenticated_requests;
    rate_limited_ = receiver.counters()[Signal::kTraces].rate_limited_requests;
    return exchange->answer.value_or(net::Response());
  }
  net::Response send_grpc() {
    return send(true, "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
                make_grpc_frame(traces()));
  }
  net::Response send_http() { return send(false, "/v1/traces", kTracesJson); }

  FakeIngest ingest_;
  FakeAuthorizer authorizer_;
  std::uint64_t unauthenticated_ = 0;
  std::uint64_t rate_limited_ = 0;
};

TEST_F(AuthorizedReceiver, TakesWhatIsAllowed) {
  EXPECT_EQ(send_grpc().trailers.get("grpc-status"), "0");
  EXPECT_EQ(send_http().status, 200U);
  EXPECT_THAT(ingest_.signals, SizeIs(2));
  EXPECT_THAT(authorizer_.keys, ::testing::ElementsAre("the key", "the key"));
  EXPECT_EQ(authorizer_.bytes, make_grpc_frame(traces()).size() + std::string(kTracesJson).size());
}

TEST_F(AuthorizedReceiver, RefusesWithoutAValidKeyAndDecodesNothing) {
  authorizer_.verdict = {Authorizer::Verdict::Status::kUnauthenticated, "show a key", {}};

  const net::Response grpc = send_grpc();
  EXPECT_EQ(grpc.headers.get("grpc-status"), "16");
  EXPECT_EQ(grpc.headers.get("grpc-message"), "show a key");
  const net::Response http = send_http();
  EXPECT_EQ(http.status, 401U);
  EXPECT_EQ(http.headers.get("www-authenticate"), "Bearer");
  EXPECT_THAT(http.body, HasSubstr("show a key"));
  EXPECT_THAT(ingest_.signals, IsEmpty());
  EXPECT_EQ(unauthenticated_, 1U);
}

TEST_F(AuthorizedReceiver, RefusesByTheHeadOnlyWhoHasNoValidKey) {
  OtlpReceiver::Options options;
  options.authorizer = &authorizer_;
  const OtlpReceiver receiver(ingest_, options);
  net::Request http;
  http.method = "POST";
  http.target = "/v1/traces";
  http.headers.add("content-type", "application/json");
  const auto refuses = [&](const net::HeadCheck& check, const net::Request& head) {
    return check(head).has_value();
  };

  EXPECT_FALSE(refuses(receiver.http_head_check(), http));

  authorizer_.verdict = {Authorizer::Verdict::Status::kUnauthenticated, "show a key", {}};
  EXPECT_EQ(receiver.http_head_check()(http)->status, 401U);
  EXPECT_EQ(receiver.counters()[Signal::kTraces].requests, 1U);
  EXPECT_EQ(receiver.counters()[Signal::kTraces].unauthenticated_requests, 1U);

  // What is no export at all, preflights among it, is for the handler to answer.
  http.method = "OPTIONS";
  EXPECT_FALSE(refuses(receiver.http_head_check(), http));

  authorizer_.verdict.status = Authorizer::Verdict::Status::kRateLimited;
  http.method = "POST";
  EXPECT_FALSE(refuses(receiver.http_head_check(), http)) << "its size is not known yet";
}

TEST_F(AuthorizedReceiver, TellsWhoSendsTooMuchWhenToSendAgain) {
  authorizer_.verdict = {Authorizer::Verdict::Status::kRateLimited, "slower",
                         std::chrono::milliseconds(1500)};

  const net::Response grpc = send_grpc();
  EXPECT_EQ(grpc.headers.get("grpc-status"), "8");
  EXPECT_FALSE(grpc.headers.get("grpc-status-details-bin").empty());
  const net::Response http = send_http();
  EXPECT_EQ(http.status, 429U);
  EXPECT_EQ(http.headers.get("retry-after"), "2");
  EXPECT_THAT(ingest_.signals, IsEmpty());
  EXPECT_EQ(rate_limited_, 1U);
}

}  // namespace
}  // namespace signalbox::server::receive
