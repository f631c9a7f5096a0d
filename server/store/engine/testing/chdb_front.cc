#include "server/store/engine/testing/chdb_front.h"

#include <sys/socket.h>

#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <cstddef>
#include <fstream>
#include <list>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "server/store/engine/chdb_api.h"
#include "server/store/engine/chdb_connection.h"
#include "server/store/engine/engine_settings.h"
#include "server/store/engine/error_text.h"

namespace signalbox::server::store::testing {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using Request = http::request<http::string_body>;

constexpr std::string_view kExceptionTag = "abcdefghijklmnop";
constexpr std::uint32_t kMaxHeaderBytes = 1 << 20;

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return (c | 0x20) - 'a' + 10;
}

std::string url_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      out += static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

std::map<std::string, std::string> url_parameters(std::string_view target) {
  std::map<std::string, std::string> parameters;
  std::string_view rest = target.substr(std::min(target.size(), target.find('?') + 1));
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    const std::size_t equals = std::min(pair.size(), pair.find('='));
    parameters[url_decoded(pair.substr(0, equals))] =
        url_decoded(pair.substr(std::min(pair.size(), equals + 1)));
  }
  return parameters;
}

void replace(std::string& text, std::string_view from, std::string_view to) {
  if (const std::size_t at = text.find(from); at != std::string::npos) {
    text.replace(at, from.size(), to);
  }
}

/// A request, taken apart.
struct Statement {
  explicit Statement(const Request& request) {
    for (auto& [name, value] : url_parameters(std::string_view(request.target()))) {
      if (name == "query") {
        sql = value;
      } else if (name == "database") {
        database = value;
      } else if (name == "query_id") {
        settings.push_back("--log_comment=" + value);
      } else if (name.starts_with("param_")) {
        parameters.push_back({name.substr(6), value});
      } else if (name == "wait_end_of_query") {
        wait_for_end = value == "1";
      } else if (!name.starts_with("http_") && !name.starts_with("cancel_http_")) {
        settings.push_back(std::string("--").append(name).append("=").append(value));
        is_read = is_read || (name == "readonly" && value == "1");
      }
    }
    is_insert = sql.starts_with("INSERT INTO") && sql.ends_with(" FORMAT Native");
    if (is_insert) {
      sql.resize(sql.size() - std::string_view(" FORMAT Native").size());
      data = request.body();
    } else {
      sql += request.body();
    }
    if (sql.starts_with("KILL QUERY")) replace(sql, "query_id =", "Settings['log_comment'] =");
  }

  std::string sql;
  std::string database = "default";
  std::vector<std::string> settings;
  std::vector<Parameter> parameters;
  std::string_view data;
  bool is_insert = false;
  bool is_read = false;
  bool wait_for_end = false;
};

/// Answers one request. A response that has begun can only be broken off.
class Responder {
 public:
  Responder(tcp::socket& socket, bool wait_for_end)
      : socket_(socket), wait_for_end_(wait_for_end) {}

  bool write(std::string_view data) {
    if (wait_for_end_) {
      whole_ += data;
      return true;
    }
    begin();
    chunk(data);
    return true;
  }

  void finish(const QueryResult& result) {
    if (begun_) {
      asio::write(socket_, asio::buffer(std::string_view("0\r\n\r\n")));
      return;
    }
    whole_ += result.data;
    send(http::status::ok, 0, whole_,
         R"({"read_rows":")" + std::to_string(result.rows_read) + R"(","read_bytes":")" +
             std::to_string(result.bytes_read) + R"(","elapsed_ns":")" +
             std::to_string(static_cast<std::uint64_t>(result.elapsed_s * 1e9)) + R"("})");
  }

  /// False if the connection is to be closed.
  bool fail(const std::string& message) {
    if (!begun_) {
      send(http::status::internal_server_error, clickhouse_error_code(message), message + "\n", {});
      return true;
    }
    const std::string tag(kExceptionTag);
    chunk("\r\n__exception__\r\n" + tag + "\r\n" + message + "\r\n" +
          std::to_string(message.size()) + " " + tag + "\r\n__exception__\r\n");
    return false;
  }

 private:
  void begin() {
    if (begun_) return;
    begun_ = true;
    asio::write(socket_, asio::buffer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                                      "X-ClickHouse-Exception-Tag: " +
                                      std::string(kExceptionTag) + "\r\n\r\n"));
  }

  void chunk(std::string_view data) {
    if (data.empty()) return;
    std::array<char, 32> size{};
    const int length = std::snprintf(size.data(), size.size(), "%zx\r\n", data.size());
    const std::array<asio::const_buffer, 3> parts = {
        asio::buffer(size.data(), static_cast<std::size_t>(length)),
        asio::buffer(data.data(), data.size()), asio::buffer("\r\n", 2)};
    asio::write(socket_, parts);
  }

  void send(http::status status, int code, const std::string& body, const std::string& summary) {
    http::response<http::string_body> response(status, 11);
    if (code != 0) response.set("X-ClickHouse-Exception-Code", std::to_string(code));
    if (!summary.empty()) response.set("X-ClickHouse-Summary", summary);
    response.set("X-ClickHouse-Exception-Tag", std::string(kExceptionTag));
    response.body() = body;
    response.prepare_payload();
    http::write(socket_, response);
  }

  tcp::socket& socket_;
  bool wait_for_end_;
  bool begun_ = false;
  std::string whole_;
};

std::vector<std::string> engine_arguments(const std::filesystem::path& folder) {
  const std::filesystem::path configuration = folder / "engine.xml";
  std::ofstream(configuration) << engine_configuration({.max_memory_bytes = 2ULL << 30,
                                                        .merges_memory_bytes = 256ULL << 20,
                                                        .mark_cache_bytes = 64ULL << 20,
                                                        .min_free_disk_bytes = 0,
                                                        .background_threads = 2});
  chdb_set_signal_handlers_enabled(0);
  return {"--path=" + (folder / "clickhouse").string(), "--config-file=" + configuration.string()};
}

}  // namespace

struct ChdbFront::Implementation {
  explicit Implementation(const Options& options)
      : password(options.password),
        arguments(engine_arguments(std::filesystem::canonical(options.folder))),
        boot(arguments),
        acceptor(context, {asio::ip::make_address("127.0.0.1"), options.port}),
        accepting([this] { accept(); }) {}

  ~Implementation() {
    shutdown(acceptor.native_handle(), SHUT_RDWR);
    accepting.join();
    {
      const std::scoped_lock lock(mutex);
      for (tcp::socket& socket : sockets) shutdown(socket.native_handle(), SHUT_RDWR);
    }
    for (std::thread& thread : threads) thread.join();
  }
  Implementation(const Implementation&) = delete;
  Implementation& operator=(const Implementation&) = delete;

  void accept() {
    for (;;) {
      boost::system::error_code error;
      tcp::socket socket = acceptor.accept(error);
      if (error) return;
      const std::scoped_lock lock(mutex);
      sockets.push_back(std::move(socket));
      threads.emplace_back([this, &accepted = sockets.back()] { serve(accepted); });
    }
  }

  void serve(tcp::socket& socket) {
    try {
      socket.set_option(tcp::no_delay(true));
      boost::beast::flat_buffer buffer;
      for (;;) {
        http::request_parser<http::string_body> parser;
        parser.header_limit(kMaxHeaderBytes);
        parser.body_limit(boost::none);
        http::read(socket, buffer, parser);
        if (!answer(socket, parser.get())) break;
      }
    } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): the client has gone.
    }
    boost::system::error_code ignored;
    socket.shutdown(tcp::socket::shutdown_both, ignored);
  }

  bool answer(tcp::socket& socket, const Request& request) {
    const Statement statement(request);
    Responder responder(socket, statement.wait_for_end || !statement.is_read);
    if (!password.empty() && request["X-ClickHouse-Key"] != password) {
      return responder.fail("Code: 516. DB::Exception: Authentication failed");
    }
    try {
      responder.finish(run(statement, responder));
      return true;
    } catch (const EngineError& error) {
      return responder.fail(error.what());
    }
  }

  QueryResult run(const Statement& statement, Responder& responder) {
    std::vector<std::string> settings = arguments;
    settings.insert(settings.end(), statement.settings.begin(), statement.settings.end());
    ChdbConnection connection(std::move(settings));
    connection.query("USE " + statement.database);
    if (statement.is_insert) {
      connection.insert(statement.sql, "Native", std::span(&statement.data, 1));
      return {};
    }
    if (!statement.is_read || statement.wait_for_end) {
      return connection.query(statement.sql, statement.parameters);
    }
    return connection.query_stream(statement.sql, statement.parameters,
                                   [&](std::string_view piece) { return responder.write(piece); });
  }

  std::string password;
  std::vector<std::string> arguments;
  ChdbConnection boot;  // Keeps the engine running.
  asio::io_context context;
  tcp::acceptor acceptor;
  std::mutex mutex;
  std::list<tcp::socket> sockets;
  std::vector<std::thread> threads;
  std::thread accepting;
};

ChdbFront::ChdbFront(const Options& options)
    : implementation_(std::make_unique<Implementation>(options)) {}

ChdbFront::~ChdbFront() = default;

std::uint16_t ChdbFront::port() const {
  return implementation_->acceptor.local_endpoint().port();
}

std::string ChdbFront::url() const {
  return "http://127.0.0.1:" + std::to_string(port());
}

}  // namespace signalbox::server::store::testing
