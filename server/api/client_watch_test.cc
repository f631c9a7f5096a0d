#include "server/api/client_watch.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "server/api/api.h"
#include "server/net/http_server.h"
#include "server/net/io_threads.h"
#include "server/net/test_client.h"
#include "server/store/engine/embedded_engine.h"
#include "server/store/engine/temporary_folder.h"

namespace signalbox::server::api {
namespace {

using Clock = std::chrono::steady_clock;

/// The real engine; whatever the API asks takes for ever.
class EndlessEngine final : public store::Engine {
 public:
  explicit EndlessEngine(store::Engine& engine) : engine_(engine) {}

  void execute(const std::string& sql) override { engine_.execute(sql); }
  store::QueryResult query(const std::string& /*sql*/,
                           const std::vector<store::Parameter>& /*parameters*/,
                           const store::QueryOptions& options) override {
    return engine_.query("SELECT sum(sipHash64(number)) FROM numbers(1000000000000) /* unwanted */",
                         {}, options);
  }
  void insert_native(std::string_view table, std::span<const std::string_view> pieces,
                     const store::InsertOptions& options) override {
    engine_.insert_native(table, pieces, options);
  }

 private:
  store::Engine& engine_;
};

class ClientWatchTest : public ::testing::Test {
 protected:
  /// Whether within `limit` as many statements run as `count` says.
  bool becomes(const std::string& count, std::chrono::seconds limit) {
    const Clock::time_point give_up = Clock::now() + limit;
    while (Clock::now() < give_up) {
      const store::QueryOptions background{.work = store::WorkClass::kBackground};
      const store::QueryResult running = engine_.query(
          "SELECT count() FROM system.processes WHERE query LIKE '%unwanted%' AND query NOT LIKE "
          "'%processes%' FORMAT TabSeparated",
          {}, background);
      if (running.data == count + "\n") return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }

  store::TemporaryFolder folder_;
  store::EmbeddedEngine engine_{{.data_folder = folder_.path()}};
  EndlessEngine endless_{engine_};
};

TEST_F(ClientWatchTest, EndsTheStatementOfAClientThatHasGoneAndNoOther) {
  Api api({.engine = endless_, .web_root = folder_.path()});
  net::IoThreads io(1);
  net::HttpServer server({});
  server.start(io.context(), api.handler());
  const std::uint16_t port = server.local_endpoint().port;
  net::testing::TestClient leaves(port);
  net::testing::TestClient stays(port);
  const std::string request = "GET /api/v1/services HTTP/1.1\r\nHost: localhost\r\n\r\n";
  ASSERT_TRUE(leaves.send(request));
  ASSERT_TRUE(stays.send(request));
  ASSERT_TRUE(becomes("2", std::chrono::seconds(10)));

  leaves.close();

  EXPECT_TRUE(becomes("1", std::chrono::seconds(5)));
  EXPECT_TRUE(stays.is_silent_for(std::chrono::milliseconds(500)));
  stays.close();
  EXPECT_TRUE(becomes("0", std::chrono::seconds(5)));
}

}  // namespace
}  // namespace signalbox::server::api
