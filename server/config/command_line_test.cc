#include "server/config/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <map>
#include <string>
#include <vector>

#include "server/config/endpoint.h"
#include "server/store/engine/temporary_folder.h"

namespace signalbox::server::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class CommandLine : public ::testing::Test {
 protected:
  Command parse(std::initializer_list<const char*> arguments) {
    std::vector<const char*> argv{"signalbox"};
    argv.insert(argv.end(), arguments);
    return parse_command_line(static_cast<int>(argv.size()), argv.data(), "1.2.3",
                              [this](const std::string& name) -> std::optional<std::string> {
                                const auto at = variables_.find(name);
                                if (at == variables_.end()) return std::nullopt;
                                return at->second;
                              });
  }
  ServeOptions serve(std::initializer_list<const char*> arguments) {
    Command command = parse(arguments);
    if (const auto* exit = std::get_if<Exit>(&command)) ADD_FAILURE() << exit->text;
    return std::get<Serve>(command).options;
  }
  Exit refused(std::initializer_list<const char*> arguments) {
    Command command = parse(arguments);
    return std::holds_alternative<Exit>(command) ? std::get<Exit>(command) : Exit{};
  }

  std::map<std::string, std::string> variables_;
};

TEST_F(CommandLine, ServesOnLoopbackUnlessTold) {
  const ServeOptions options = serve({"serve"});

  EXPECT_EQ(options.data_folder, "signalbox-data");
  EXPECT_EQ(to_string(options.grpc), "127.0.0.1:4317");
  EXPECT_EQ(to_string(options.http), "127.0.0.1:4318");
  EXPECT_EQ(to_string(options.ui), "127.0.0.1:8080");
  EXPECT_FALSE(options.insecure);
}

TEST_F(CommandLine, ReadsItsOptions) {
  const ServeOptions options = serve({"serve",
                                      "--data",
                                      "/d",
                                      "--grpc-address",
                                      "0.0.0.0:1",
                                      "--http-address",
                                      "[::1]:0",
                                      "--ui-address",
                                      "localhost:65535",
                                      "--web-root",
                                      "/w",
                                      "--queue-mib",
                                      "7",
                                      "--max-connections",
                                      "8",
                                      "--ui-host",
                                      "box.example",
                                      "--ui-host",
                                      "other.example",
                                      "--insecure"});

  EXPECT_EQ(options.data_folder, "/d");
  EXPECT_EQ(to_string(options.grpc), "0.0.0.0:1");
  EXPECT_EQ(to_string(options.http), "[::1]:0");
  EXPECT_EQ(to_string(options.ui), "127.0.0.1:65535");
  EXPECT_EQ(options.web_root, "/w");
  EXPECT_EQ(options.queue_mib, 7U);
  EXPECT_EQ(options.max_connections, 8U);
  EXPECT_THAT(options.ui_hosts, ElementsAre("box.example", "other.example"));
  EXPECT_TRUE(options.insecure);
}

TEST_F(CommandLine, PrefersAFlagToAVariableToTheFileToTheDefault) {
  const store::TemporaryFolder folder;
  const std::string file = (folder.path() / "box.yaml").string();
  std::ofstream(file) << "data: /from-file\nui-address: 127.0.0.1:1\nqueue-mib: 5\n"
                         "insecure: true\nui-host: [a.example, b.example]\n";
  variables_ = {{"SIGNALBOX_DATA", "/from-variable"},
                {"SIGNALBOX_UI_ADDRESS", "127.0.0.1:2"},
                {"SIGNALBOX_CONFIG", file}};

  const ServeOptions options = serve({"serve", "--data", "/from-flag", "--insecure=false"});

  EXPECT_EQ(options.data_folder, "/from-flag");
  EXPECT_EQ(options.ui.port, 2);
  EXPECT_EQ(options.queue_mib, 5U);
  EXPECT_FALSE(options.insecure);
  EXPECT_THAT(options.ui_hosts, ElementsAre("a.example", "b.example"));
  EXPECT_EQ(options.grpc.port, 4317);
}

TEST_F(CommandLine, PrefersTheFileOfTheFlagToThatOfTheVariable) {
  const store::TemporaryFolder folder;
  const std::string file = (folder.path() / "box.yaml").string();
  std::ofstream(file) << "queue-mib: 5\n";
  variables_ = {{"SIGNALBOX_CONFIG", "/nowhere.yaml"}};

  EXPECT_EQ(serve({"serve", "--config", file.c_str()}).queue_mib, 5U);
  EXPECT_THAT(refused({"serve"}).text, HasSubstr("/nowhere.yaml"));
}

TEST_F(CommandLine, ChecksAConfigurationAndSaysWhereEachValueCameFrom) {
  const store::TemporaryFolder folder;
  const std::string file = (folder.path() / "box.yaml").string();
  std::ofstream(file) << "# Comment.\nqueue-mib: 5\n";
  variables_ = {{"SIGNALBOX_DATA", "/from-variable"}};

  const Exit good = refused({"config", "check", file.c_str()});
  EXPECT_EQ(good.code, 0);
  EXPECT_THAT(good.text, ::testing::ContainsRegex("queue-mib +5 +" + file + ":2\n"));
  EXPECT_THAT(good.text, ::testing::ContainsRegex("data +/from-variable +SIGNALBOX_DATA\n"));
  EXPECT_THAT(good.text, ::testing::ContainsRegex("ui-address +127.0.0.1:8080 +default\n"));

  std::ofstream(file) << "queue-mib: five\n";
  const Exit bad = refused({"config", "check", file.c_str()});
  EXPECT_NE(bad.code, 0);
  EXPECT_THAT(bad.text, HasSubstr(file + ":1: queue-mib: \"five\""));
}

TEST_F(CommandLine, PrintsItsVersion) {
  const Exit exit = refused({"--version"});

  EXPECT_EQ(exit.code, 0);
  EXPECT_EQ(exit.text, "signalbox 1.2.3\n");
}

TEST_F(CommandLine, ReadsCommandsThatAsk) {
  const auto client = [this](std::initializer_list<const char*> arguments) {
    Command command = parse(arguments);
    if (const auto* exit = std::get_if<Exit>(&command)) ADD_FAILURE() << exit->text;
    return std::get<Client>(command);
  };
  const Client logs =
      client({"logs", "severity >= warn", "--since", "2h", "--service", "", "--json"});
  EXPECT_EQ(logs.connection.server, "http://127.0.0.1:8080");
  EXPECT_EQ(logs.selection.filter, "severity >= warn");
  EXPECT_EQ(logs.selection.times.since, "2h");
  EXPECT_EQ(logs.selection.service, "");  // The service without a name; not all of them.
  EXPECT_TRUE(logs.output.json);
  EXPECT_FALSE(client({"traces", "--filter", "root = true"}).selection.service);
  EXPECT_TRUE(std::get<ShowTrace>(client({"trace", "--logs", "abc"}).what).with_logs);

  const auto exported = std::get<ExportTelemetry>(
      client({"export", "a = b", "--signal", "logs", "--signal", "traces", "--all"}).what);
  EXPECT_THAT(exported.signals, ElementsAre("logs", "traces"));
  EXPECT_TRUE(exported.all_times);
  EXPECT_EQ(exported.output, "-");

  variables_ = {{"SIGNALBOX_SERVER", "https://box.example"}, {"SIGNALBOX_INGESTION_KEY", "k"}};
  EXPECT_EQ(std::get<ImportTelemetry>(client({"import", "a", "b"}).what).key, "k");
  const auto imported =
      std::get<ImportTelemetry>(client({"import", "a", "b", "--key", "x", "--skip", "7"}).what);
  EXPECT_THAT(imported.files, ElementsAre("a", "b"));
  EXPECT_EQ(imported.key, "x");
  EXPECT_EQ(imported.skip, 7u);
  EXPECT_EQ(client({"services"}).connection.server, "https://box.example");
  EXPECT_EQ(client({"services", "--server", "http://b"}).connection.server, "http://b");
  EXPECT_EQ(client({"services", "--data", "/d"}).connection.data_folder, "/d");
}

TEST_F(CommandLine, AnswersWrongUsageInOneLine) {
  const auto line = [this](std::initializer_list<const char*> arguments) {
    const Exit exit = refused(arguments);
    EXPECT_EQ(exit.code, 2);
    EXPECT_EQ(std::count(exit.text.begin(), exit.text.end(), '\n'), 1) << exit.text;
    return exit.text;
  };
  EXPECT_THAT(line({"sevices"}), HasSubstr("no command 'sevices', did you mean services?"));
  EXPECT_THAT(line({"xyzzy"}), Not(HasSubstr("did you mean")));
  EXPECT_THAT(line({}), HasSubstr("signalbox --help"));
  EXPECT_THAT(line({"trace"}), HasSubstr("signalbox trace --help"));
  EXPECT_THAT(line({"logs", "--since", "1h", "--from", "9:00"}), HasSubstr("--from"));
  EXPECT_THAT(line({"logs", "--data", "/d", "--server", "http://b"}), HasSubstr("--server"));
  EXPECT_THAT(line({"logs", "--limit", "0"}), HasSubstr("--limit"));
  EXPECT_THAT(line({"keys", "create"}), HasSubstr("signalbox keys create --help"));
}

TEST_F(CommandLine, SaysWhatIsWrong) {
  for (const char* bad : {"", "4317", "127.0.0.1", "127.0.0.1:", ":4317", "127.0.0.1:65536",
                          "127.0.0.1:43x", "::1:4317", "[]:1"}) {
    EXPECT_NE(refused({"serve", "--grpc-address", bad}).code, 0) << bad;
  }
  const Exit exit = refused({"serve", "--ui-address", "8080"});
  EXPECT_THAT(exit.text, HasSubstr("--ui-address"));
  EXPECT_THAT(exit.text, HasSubstr("127.0.0.1:4317"));
  EXPECT_NE(refused({}).code, 0);
  EXPECT_NE(refused({"serve", "--queue-mib", "0"}).code, 0);
  EXPECT_NE(refused({"serve", "--data", "/a", "--data", "/b"}).code, 0);
  EXPECT_NE(refused({"serve", "stray"}).code, 0);

  variables_ = {{"SIGNALBOX_QUEUE_MIB", "x"}};
  EXPECT_THAT(refused({"serve"}).text, HasSubstr("SIGNALBOX_QUEUE_MIB: \"x\""));
}

}  // namespace
}  // namespace signalbox::server::config
