#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signalbox/export/otlp_exporter.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "otlp/wire.h"
#include "sdk/export/gzip.h"
#include "sdk/export/testing/fake_collector.h"

namespace signalbox::sdk {
namespace {

namespace wire = otlp::wire;
using namespace std::chrono_literals;
using namespace std::string_literals;
using std::chrono::steady_clock;
using testing::FakeCollector;
using ::testing::HasSubstr;
using testing::Received;
using testing::Reply;
using testing::ServerTls;
using Protocol = FakeCollector::Protocol;
using Status = ExportResult::Status;

constexpr std::string_view kEmptyFrame("\0\0\0\0\0", 5);

Reply grpc_reply(int status, std::string message = "") {
  Reply reply{.headers = {{"content-type", "application/grpc"}},
              .body = std::string(kEmptyFrame),
              .trailers = {{"grpc-status", std::to_string(status)}}};
  if (!message.empty()) {
    reply.trailers.emplace_back("grpc-message", std::move(message));
  }
  return reply;
}

// A status without a message: all in the headers, as servers answer errors.
Reply trailers_only(int status, std::vector<std::pair<std::string, std::string>> more = {}) {
  more.insert(more.begin(),
              {{"content-type", "application/grpc"}, {"grpc-status", std::to_string(status)}});
  return {.headers = std::move(more)};
}

std::string partial_success(std::uint64_t rejected, std::string_view message) {
  std::string partial;
  wire::append_varint_field(partial, 1, rejected);
  wire::append_bytes_field(partial, 2, message);
  std::string response;
  wire::append_bytes_field(response, 1, partial);
  return response;
}

std::shared_ptr<Exporter> make(OtlpProtocol protocol, const std::string& endpoint,
                               OtlpExporterOptions options = {}) {
  options.protocol = protocol;
  options.endpoint = endpoint;
  options.retry = {.initial_backoff = 1ms, .max_backoff = 5ms};
  auto exporter = make_otlp_exporter(std::move(options));
  EXPECT_TRUE(exporter.ok()) << (exporter.ok() ? "" : exporter.error().message);
  return std::move(exporter).value();
}

ExportResult send(Exporter& exporter, std::string_view request = "request",
                  std::chrono::milliseconds timeout = 5000ms, Signal signal = Signal::kTraces) {
  return exporter.export_request(signal, request, 1, steady_clock::now() + timeout);
}

// A certificate for 127.0.0.1 that signs itself, in a folder of its own.
class Certificate {
 public:
  Certificate() {
    std::string name = std::filesystem::temp_directory_path() / "signalbox-tls-XXXXXX";
    folder_ = mkdtemp(name.data());
    const std::string command =
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 "
        "-addext subjectAltName=IP:127.0.0.1 -keyout " +
        key() + " -out " + file() + " 2>/dev/null";
    // NOLINTNEXTLINE(bugprone-command-processor): no input of others in it.
    EXPECT_EQ(std::system(command.c_str()), 0);
  }
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;
  ~Certificate() { std::filesystem::remove_all(folder_); }
  [[nodiscard]] std::string file() const { return folder_ + "/cert.pem"; }
  [[nodiscard]] std::string key() const { return folder_ + "/key.pem"; }

 private:
  std::string folder_;
};

TEST(OtlpGrpc, SendsWhatAGrpcServerExpects) {
  FakeCollector collector(Protocol::kHttp2, [](const Received&) { return grpc_reply(0); });
  const auto exporter = make(OtlpProtocol::kGrpc, collector.url(),
                             {.headers = {{"Signoz-Ingestion-Key", "s3cret"}, {"x-empty", ""}}});

  EXPECT_EQ(send(*exporter, "abc").status, Status::kSuccess);
  EXPECT_EQ(send(*exporter, "abc", 5s, Signal::kMetrics).status, Status::kSuccess);
  EXPECT_EQ(send(*exporter, "abc", 5s, Signal::kLogs).status, Status::kSuccess);

  const auto received = collector.received();
  ASSERT_EQ(received.size(), 3U);
  EXPECT_EQ(received[0].path, "/opentelemetry.proto.collector.trace.v1.TraceService/Export");
  EXPECT_EQ(received[1].path, "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export");
  EXPECT_EQ(received[2].path, "/opentelemetry.proto.collector.logs.v1.LogsService/Export");
  EXPECT_TRUE(received[0].is_http2);
  EXPECT_EQ(received[0].body, "\0\0\0\0\3abc"s);
  auto headers = received[0].headers;
  EXPECT_EQ(headers[":method"], "POST");
  EXPECT_EQ(headers["content-type"], "application/grpc");
  EXPECT_EQ(headers["te"], "trailers");
  EXPECT_EQ(headers["signoz-ingestion-key"], "s3cret");
  EXPECT_EQ(headers.count("x-empty"), 1U);
  EXPECT_EQ(headers.count("grpc-encoding"), 0U);
  EXPECT_THAT(headers["user-agent"], ::testing::StartsWith("OTel-OTLP-Exporter-Cpp-Signalbox/"));
  EXPECT_THAT(headers["grpc-timeout"], ::testing::MatchesRegex("[1-9][0-9]*m"));
}

TEST(OtlpGrpc, ReusesItsConnection) {
  FakeCollector collector(Protocol::kHttp2, [](const Received&) { return grpc_reply(0); });
  const auto exporter = make(OtlpProtocol::kGrpc, collector.url());
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(send(*exporter).status, Status::kSuccess);
  }
  for (const Received& request : collector.received()) {
    EXPECT_EQ(request.connection, 1);
  }
}

TEST(OtlpGrpc, CompressesTheMessageButNotTheFrame) {
  FakeCollector collector(Protocol::kHttp2, [](const Received&) { return grpc_reply(0); });
  const auto exporter =
      make(OtlpProtocol::kGrpc, collector.url(), {.compression = Compression::kGzip});
  const std::string request(1'000'000, 'x');
  EXPECT_EQ(send(*exporter, request).status, Status::kSuccess);

  auto received = collector.received().at(0);
  EXPECT_EQ(received.headers["grpc-encoding"], "gzip");
  EXPECT_EQ(received.body[0], 1);
  EXPECT_LT(received.body.size(), 10'000U);
  EXPECT_EQ(gunzip(std::string_view(received.body).substr(5), 2'000'000), request);
}

TEST(OtlpGrpc, SendsRequestsLargerThanTheFlowControlWindow) {
  FakeCollector collector(Protocol::kHttp2, [](const Received&) { return grpc_reply(0); });
  const auto exporter = make(OtlpProtocol::kGrpc, collector.url());
  const std::string request(4'000'000, 'y');
  EXPECT_EQ(send(*exporter, request).status, Status::kSuccess);
  EXPECT_EQ(collector.received().at(0).body.substr(5), request);
}

TEST(OtlpGrpc, TellsPartialSuccessAlsoIfCompressed) {
  const std::string response = partial_success(7, "7 spans have no id");
  bool compressed = false;
  FakeCollector collector(Protocol::kHttp2, [&](const Received&) {
    Reply reply = grpc_reply(0);
    std::string message = response;
    if (compressed) {
      GzipCompressor gzip;
      message.clear();
      EXPECT_TRUE(gzip.append(response, message));
    }
    reply.body = std::string(1, compressed ? 1 : 0) + std::string(3, '\0') +
                 static_cast<char>(message.size()) + message;
    return reply;
  });
  const auto exporter = make(OtlpProtocol::kGrpc, collector.url());
  for (const bool value : {false, true}) {
    compressed = value;
    const ExportResult result = send(*exporter);
    EXPECT_EQ(result.status, Status::kPartialSuccess);
    EXPECT_EQ(result.rejected_items, 7U);
    EXPECT_THAT(result.message, HasSubstr("7 spans have no id"));
  }
}

TEST(OtlpGrpc, DoesNotRepeatWhatIsRefusedForGoodAndSaysWhy) {
  FakeCollector collector(Protocol::kHttp2, [](const Received&) {
    return trailers_only(16, {{"grpc-message", "no such key%3A \"x\"%0Abye"}});
  });
  const auto exporter = make(OtlpProtocol::kGrpc, collector.url());
  const ExportResult result = send(*exporter);
  EXPECT_EQ(result.status, Status::kRejected);
  EXPECT_THAT(result.message, HasSubstr("UNAUTHENTICATED: no such key: \"x\" bye"));
  EXPECT_THAT(result.message, HasSubstr(collector.url()));
  EXPECT_EQ(collector.received().size(), 1U);
}

TEST(OtlpGrpc, RepeatsWhatMayBeRepeatedInTrailersAndHeaders) {
  std::atomic<int> attempts{0};
  FakeCollector collector(Protocol::kHttp2, [&](const Received&) {
    switch (++attempts) {
      case 1:
        return trailers_only(14);
      case 2:
        return grpc_reply(4, "too slow");
      case 3:
        return Reply{.status = 503};
      case 4:
        return Reply{.close = true};
      default:
        return grpc_reply(0);
    }
  });
  const auto exporter = make(OtlpProtocol::kGrpc, collector.url());
  const ExportResult result = send(*exporter, "the request");
  EXPECT_EQ(result.status, Status::kSuccess) << result.message;
  EXPECT_EQ(attempts, 5);
  for (const Received& request : collector.received()) {
    EXPECT_EQ(request.body.substr(5), "the request");
  }
}

TEST(OtlpGrpc, RepeatsAfterResourceExhaustedOnlyIfToldWhen) {
  // google.rpc.Status with a RetryInfo of 1 ms.
  std::string duration;
  wire::append_varint_field(duration, 2, 1'000'000);
  std::string retry_info;
  wire::append_bytes_field(retry_info, 1, duration);
  std::string any;
  wire::append_bytes_field(any, 1, "type.googleapis.com/google.rpc.RetryInfo");
  wire::append_bytes_field(any, 2, retry_info);
  std::string status;
  wire::append_bytes_field(status, 3, any);
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string encoded;
  for (std::size_t bit = 0; bit < status.size() * 8; bit += 6) {
    unsigned digit = 0;
    for (std::size_t i = bit; i < bit + 6; ++i) {
      const unsigned byte = i / 8 < status.size() ? static_cast<unsigned char>(status[i / 8]) : 0U;
      digit = digit << 1 | ((byte >> (7 - i % 8)) & 1);
    }
    encoded += kAlphabet[digit];
  }

  std::atomic<int> attempts{0};
  FakeCollector collector(Protocol::kHttp2, [&](const Received&) {
    return ++attempts == 1 ? trailers_only(8, {{"grpc-status-details-bin", encoded}})
                           : trailers_only(8);
  });
  const auto exporter = make(OtlpProtocol::kGrpc, collector.url());
  EXPECT_EQ(send(*exporter).status, Status::kRejected);
  EXPECT_EQ(attempts, 2);
}

TEST(OtlpGrpc, RefusesServersThatDoNotSpeakGrpc) {
  FakeCollector http2(Protocol::kHttp2, [](const Received&) { return Reply{.body = "hello"}; });
  const ExportResult result = send(*make(OtlpProtocol::kGrpc, http2.url()));
  EXPECT_EQ(result.status, Status::kRejected);
  EXPECT_THAT(result.message, HasSubstr("not an OTLP/gRPC endpoint"));
}

TEST(OtlpHttp, SendsToThePathOfEachSignal) {
  FakeCollector collector(Protocol::kHttp1, [](const Received&) { return Reply{}; });
  const auto exporter =
      make(OtlpProtocol::kHttpProtobuf, collector.url() + "/otlp/",
           {.logs_endpoint = collector.url() + "/my/logs?tenant=1", .headers = {{"x-key", "k"}}});
  EXPECT_EQ(send(*exporter, "abc").status, Status::kSuccess);
  EXPECT_EQ(send(*exporter, "def", 5s, Signal::kMetrics).status, Status::kSuccess);
  EXPECT_EQ(send(*exporter, "ghi", 5s, Signal::kLogs).status, Status::kSuccess);

  auto received = collector.received();
  ASSERT_EQ(received.size(), 3U);
  EXPECT_EQ(received[0].path, "/otlp/v1/traces");
  EXPECT_EQ(received[1].path, "/otlp/v1/metrics");
  EXPECT_EQ(received[2].path, "/my/logs?tenant=1");
  EXPECT_EQ(received[0].body, "abc");
  EXPECT_EQ(received[0].headers["content-type"], "application/x-protobuf");
  EXPECT_EQ(received[0].headers["x-key"], "k");
  EXPECT_EQ(received[0].headers.count("content-encoding"), 0U);
  EXPECT_EQ(received[0].headers.count("expect"), 0U);
}

TEST(OtlpHttp, Compresses) {
  FakeCollector collector(Protocol::kHttp1, [](const Received&) { return Reply{}; });
  const auto exporter =
      make(OtlpProtocol::kHttpProtobuf, collector.url(), {.compression = Compression::kGzip});
  for (const std::string& request : {std::string(100'000, 'x'), "short"s}) {
    EXPECT_EQ(send(*exporter, request).status, Status::kSuccess);
    auto received = collector.received().back();
    EXPECT_EQ(received.headers["content-encoding"], "gzip");
    EXPECT_EQ(gunzip(received.body, 200'000), request);
  }
}

TEST(OtlpHttp, TellsPartialSuccess) {
  FakeCollector collector(Protocol::kHttp1, [](const Received&) {
    return Reply{.headers = {{"content-type", "application/x-protobuf"}},
                 .body = partial_success(2, "too old")};
  });
  const ExportResult result = send(*make(OtlpProtocol::kHttpProtobuf, collector.url()));
  EXPECT_EQ(result.status, Status::kPartialSuccess);
  EXPECT_EQ(result.rejected_items, 2U);
}

TEST(OtlpHttp, RefusalsCarryTheServersWords) {
  std::string status;
  wire::append_bytes_field(status, 2, "span 3 has no name");
  FakeCollector collector(Protocol::kHttp1, [&](const Received&) {
    return Reply{
        .status = 400, .headers = {{"Content-Type", "application/x-protobuf"}}, .body = status};
  });
  const ExportResult result = send(*make(OtlpProtocol::kHttpProtobuf, collector.url()));
  EXPECT_EQ(result.status, Status::kRejected);
  EXPECT_THAT(result.message, HasSubstr("HTTP status 400: span 3 has no name"));
  EXPECT_EQ(collector.received().size(), 1U);
}

TEST(OtlpHttp, HonoursRetryAfter) {
  std::atomic<int> attempts{0};
  FakeCollector collector(Protocol::kHttp1, [&](const Received&) {
    return ++attempts == 1 ? Reply{.status = 429, .headers = {{"Retry-After", "1"}}} : Reply{};
  });
  const auto exporter = make(OtlpProtocol::kHttpProtobuf, collector.url());
  const auto start = steady_clock::now();
  EXPECT_EQ(send(*exporter).status, Status::kSuccess);
  EXPECT_GE(steady_clock::now() - start, 1s);  // Its own backoff is 1 ms.
  EXPECT_EQ(attempts, 2);
}

TEST(OtlpHttp, DoesNotWaitForARetryThatTheDeadlineExcludes) {
  FakeCollector collector(Protocol::kHttp1, [](const Received&) {
    return Reply{.status = 503, .headers = {{"Retry-After", "3600"}}};
  });
  const auto exporter = make(OtlpProtocol::kHttpProtobuf, collector.url());
  const auto start = steady_clock::now();
  const ExportResult result = send(*exporter, "x", 30s);
  EXPECT_EQ(result.status, Status::kUnreachable);
  EXPECT_THAT(result.message, HasSubstr("503"));
  EXPECT_LT(steady_clock::now() - start, 10s);
}

TEST(OtlpHttp, RefusesAnswersWithoutEnd) {
  FakeCollector collector(Protocol::kHttp1,
                          [](const Received&) { return Reply{.body = std::string(200'000, 'x')}; });
  const auto exporter =
      make(OtlpProtocol::kHttpProtobuf, collector.url(), {.max_response_bytes = 100'000});
  const ExportResult result = send(*exporter);
  EXPECT_EQ(result.status, Status::kRejected);
  EXPECT_THAT(result.message, HasSubstr("longer than 100000 bytes"));
}

TEST(OtlpHttp, DoesNotFollowRedirects) {
  FakeCollector collector(Protocol::kHttp1, [](const Received&) {
    return Reply{.status = 302, .headers = {{"Location", "http://127.0.0.1:1/"}}};
  });
  EXPECT_EQ(send(*make(OtlpProtocol::kHttpProtobuf, collector.url())).status, Status::kRejected);
  EXPECT_EQ(collector.received().size(), 1U);
}

TEST(OtlpExporter, GetsThroughOnceTheServerIsThere) {
  // A port that was free a moment ago.
  const std::uint16_t port =
      FakeCollector(Protocol::kHttp1, [](const Received&) { return Reply{}; }).port();
  for (const OtlpProtocol protocol : {OtlpProtocol::kHttpProtobuf, OtlpProtocol::kGrpc}) {
    const auto exporter = make(protocol, "http://127.0.0.1:" + std::to_string(port));
    auto result = std::async(std::launch::async, [&] { return send(*exporter, "late", 20s); });
    EXPECT_EQ(result.wait_for(100ms), std::future_status::timeout);
    FakeCollector collector(
        protocol == OtlpProtocol::kGrpc ? Protocol::kHttp2 : Protocol::kHttp1,
        [&](const Received&) { return protocol == OtlpProtocol::kGrpc ? grpc_reply(0) : Reply{}; },
        {}, port);
    EXPECT_EQ(result.get().status, Status::kSuccess);
  }
}

TEST(OtlpExporter, GivesUpOnARefusedConnectionAtTheDeadline) {
  const std::uint16_t port =
      FakeCollector(Protocol::kHttp1, [](const Received&) { return Reply{}; }).port();
  const auto exporter = make(OtlpProtocol::kGrpc, "http://127.0.0.1:" + std::to_string(port));
  const auto start = steady_clock::now();
  const ExportResult result = send(*exporter, "x", 200ms);
  EXPECT_EQ(result.status, Status::kUnreachable);
  EXPECT_FALSE(result.message.empty());
  EXPECT_LT(steady_clock::now() - start, 5s);
}

TEST(OtlpExporter, GivesUpOnASilentServerAtItsTimeout) {
  FakeCollector collector(Protocol::kHttp2, [](const Received&) { return Reply{.hang = true}; });
  const auto exporter = make(OtlpProtocol::kGrpc, collector.url(), {.timeout = 100ms});
  const auto start = steady_clock::now();
  const ExportResult result = send(*exporter, "x", 60s);
  EXPECT_EQ(result.status, Status::kUnreachable);
  EXPECT_GE(steady_clock::now() - start, 100ms);
  EXPECT_LT(steady_clock::now() - start, 10s);
}

TEST(OtlpExporter, CancelEndsARunningRequestAtOnce) {
  std::promise<void> arrived;
  FakeCollector collector(Protocol::kHttp1, [&](const Received&) {
    arrived.set_value();
    return Reply{.hang = true};
  });
  const auto exporter = make(OtlpProtocol::kHttpProtobuf, collector.url(), {.timeout = 60s});
  auto result = std::async(std::launch::async, [&] { return send(*exporter, "x", 60s); });
  arrived.get_future().wait();
  const auto start = steady_clock::now();
  exporter->cancel();
  EXPECT_EQ(result.get().status, Status::kUnreachable);
  EXPECT_LT(steady_clock::now() - start, 5s);
}

TEST(OtlpExporter, CancelEndsAWaitForTheNextAttempt) {
  std::promise<void> arrived;
  FakeCollector collector(Protocol::kHttp1, [&](const Received&) {
    arrived.set_value();
    return Reply{.status = 503, .headers = {{"Retry-After", "50"}}};
  });
  const auto exporter = make(OtlpProtocol::kHttpProtobuf, collector.url(), {.timeout = 60s});
  auto result = std::async(std::launch::async, [&] { return send(*exporter, "x", 60s); });
  arrived.get_future().wait();
  EXPECT_EQ(result.wait_for(50ms), std::future_status::timeout);
  exporter->cancel();
  EXPECT_EQ(result.wait_for(10s), std::future_status::ready);
  EXPECT_EQ(result.get().status, Status::kUnreachable);
}

TEST(OtlpExporter, AfterCancelStillMakesOneAttempt) {
  std::atomic<int> status{200};
  FakeCollector collector(Protocol::kHttp1,
                          [&](const Received&) { return Reply{.status = status}; });
  const auto exporter = make(OtlpProtocol::kHttpProtobuf, collector.url());
  exporter->cancel();
  EXPECT_EQ(send(*exporter).status, Status::kSuccess);
  status = 503;
  EXPECT_EQ(send(*exporter).status, Status::kUnreachable);
  EXPECT_EQ(collector.received().size(), 2U);
}

TEST(OtlpExporter, SignalsDoNotWaitForEachOther) {
  FakeCollector collector(Protocol::kHttp1, [](const Received& request) {
    return Reply{.hang = request.path == "/v1/traces"};
  });
  const auto exporter = make(OtlpProtocol::kHttpProtobuf, collector.url());
  auto traces = std::async(std::launch::async, [&] { return send(*exporter, "x", 60s); });
  EXPECT_EQ(send(*exporter, "x", 5s, Signal::kLogs).status, Status::kSuccess);
  exporter->cancel();
  EXPECT_EQ(traces.get().status, Status::kUnreachable);
}

TEST(OtlpExporter, AForkedChildOpensItsOwnConnection) {
  FakeCollector collector(Protocol::kHttp2, [](const Received&) { return grpc_reply(0); });
  const auto exporter = make(OtlpProtocol::kGrpc, collector.url());
  EXPECT_EQ(send(*exporter).status, Status::kSuccess);
  const pid_t child = fork();
  if (child == 0) {
    _exit(send(*exporter).status == Status::kSuccess ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(send(*exporter).status, Status::kSuccess);
  const auto received = collector.received();
  ASSERT_EQ(received.size(), 3U);
  EXPECT_EQ(received[0].connection, 1);
  EXPECT_EQ(received[1].connection, 2);
  EXPECT_EQ(received[2].connection, 1);
}

TEST(OtlpTls, TrustsTheGivenAuthorityOnly) {
  const Certificate certificate;
  const Certificate other;
  const ServerTls tls{.certificate_file = certificate.file(), .key_file = certificate.key()};
  FakeCollector grpc(Protocol::kHttp2, [](const Received&) { return grpc_reply(0); }, tls);
  FakeCollector http(Protocol::kHttp1, [](const Received&) { return Reply{}; }, tls);

  const OtlpExporterOptions trusted{.ca_file = certificate.file()};
  ExportResult result = send(*make(OtlpProtocol::kGrpc, grpc.url(), trusted));
  EXPECT_EQ(result.status, Status::kSuccess) << result.message;
  result = send(*make(OtlpProtocol::kHttpProtobuf, http.url(), trusted));
  EXPECT_EQ(result.status, Status::kSuccess) << result.message;

  result = send(*make(OtlpProtocol::kGrpc, grpc.url(), {.ca_file = other.file()}));
  EXPECT_EQ(result.status, Status::kRejected);
  result = send(*make(OtlpProtocol::kGrpc, grpc.url()));
  EXPECT_EQ(result.status, Status::kRejected);
  EXPECT_THAT(result.message, HasSubstr("certificate"));
}

TEST(OtlpTls, GrpcNeedsHttp2OfTheServer) {
  const Certificate certificate;
  FakeCollector http1(Protocol::kHttp1, [](const Received&) { return Reply{}; },
                      {.certificate_file = certificate.file(), .key_file = certificate.key()});
  const ExportResult result =
      send(*make(OtlpProtocol::kGrpc, http1.url(), {.ca_file = certificate.file()}));
  EXPECT_EQ(result.status, Status::kRejected);
  EXPECT_THAT(result.message, HasSubstr("HTTP/2"));
}

TEST(OtlpTls, ShowsItsOwnCertificate) {
  const Certificate certificate;
  FakeCollector collector(Protocol::kHttp2, [](const Received&) { return grpc_reply(0); },
                          {.certificate_file = certificate.file(),
                           .key_file = certificate.key(),
                           .client_ca_file = certificate.file()});
  const ExportResult shown = send(*make(OtlpProtocol::kGrpc, collector.url(),
                                        {.ca_file = certificate.file(),
                                         .client_certificate_file = certificate.file(),
                                         .client_key_file = certificate.key()}));
  EXPECT_EQ(shown.status, Status::kSuccess) << shown.message;
  EXPECT_NE(
      send(*make(OtlpProtocol::kGrpc, collector.url(), {.ca_file = certificate.file()}), "x", 300ms)
          .status,
      Status::kSuccess);
}

std::string error_of(OtlpExporterOptions options) {
  const auto exporter = make_otlp_exporter(std::move(options));
  return exporter.ok() ? "" : exporter.error().message;
}

TEST(OtlpExporter, SaysWhatIsWrongWithItsOptions) {
  EXPECT_EQ(error_of({}), "");
  EXPECT_THAT(error_of({.endpoint = "ftp://host"}), HasSubstr("http or https"));
  EXPECT_THAT(error_of({.endpoint = "http://"}), HasSubstr("no OTLP endpoint"));
  EXPECT_THAT(error_of({.endpoint = "http://host:port"}), HasSubstr("no OTLP endpoint"));
  EXPECT_THAT(error_of({.logs_endpoint = "nonsense host"}), HasSubstr("nonsense host"));
  EXPECT_THAT(error_of({.headers = {{"a b", "c"}}}), HasSubstr("name of a header"));
  EXPECT_THAT(error_of({.headers = {{"a", "b\r\nevil: c"}}}), HasSubstr("control characters"));
  EXPECT_THAT(error_of({.timeout = 0ms}), HasSubstr("timeout"));
  EXPECT_THAT(error_of({.ca_file = "/nonexistent.pem"}), HasSubstr("/nonexistent.pem"));
  EXPECT_THAT(error_of({.client_key_file = "/dev/null"}), HasSubstr("together"));
  EXPECT_THAT(error_of({.retry = {.multiplier = 0.5}}), HasSubstr("backoff"));
}

}  // namespace
}  // namespace signalbox::sdk
