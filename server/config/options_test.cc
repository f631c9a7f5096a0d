#include "server/config/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <initializer_list>
#include <string>
#include <vector>

namespace signalbox::server::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

CommandLine parse(std::initializer_list<const char*> arguments) {
  std::vector<const char*> argv{"signalbox"};
  argv.insert(argv.end(), arguments);
  return parse_command_line(static_cast<int>(argv.size()), argv.data(), "1.2.3");
}

TEST(CommandLine, ServesOnLoopbackUnlessTold) {
  const CommandLine command = parse({"serve"});

  ASSERT_TRUE(command.serve) << command.text;
  EXPECT_EQ(command.options.data_folder, "signalbox-data");
  EXPECT_EQ(to_string(command.options.grpc), "127.0.0.1:4317");
  EXPECT_EQ(to_string(command.options.http), "127.0.0.1:4318");
  EXPECT_EQ(to_string(command.options.ui), "127.0.0.1:8080");
}

TEST(CommandLine, ReadsItsOptions) {
  const CommandLine command =
      parse({"serve", "--data", "/d", "--grpc-address", "0.0.0.0:1", "--http-address", "[::1]:0",
             "--ui-address", "localhost:65535", "--web-root", "/w", "--queue-mib", "7", "--ui-host",
             "box.example", "--ui-host", "other.example"});

  ASSERT_TRUE(command.serve) << command.text;
  EXPECT_EQ(command.options.data_folder, "/d");
  EXPECT_EQ(to_string(command.options.grpc), "0.0.0.0:1");
  EXPECT_EQ(to_string(command.options.http), "[::1]:0");
  EXPECT_EQ(to_string(command.options.ui), "127.0.0.1:65535");
  EXPECT_EQ(command.options.web_root, "/w");
  EXPECT_EQ(command.options.queue_mib, 7U);
  EXPECT_THAT(command.options.ui_hosts, ElementsAre("box.example", "other.example"));
}

TEST(CommandLine, PrefersTheCommandLineToTheEnvironment) {
  setenv("SIGNALBOX_DATA", "/from-environment", 1);
  setenv("SIGNALBOX_UI_ADDRESS", "127.0.0.1:9", 1);
  const CommandLine command = parse({"serve", "--data", "/from-arguments"});
  unsetenv("SIGNALBOX_DATA");
  unsetenv("SIGNALBOX_UI_ADDRESS");

  ASSERT_TRUE(command.serve) << command.text;
  EXPECT_EQ(command.options.data_folder, "/from-arguments");
  EXPECT_EQ(command.options.ui.port, 9);
}

TEST(CommandLine, PrintsItsVersion) {
  const CommandLine command = parse({"--version"});

  EXPECT_FALSE(command.serve);
  EXPECT_EQ(command.exit_code, 0);
  EXPECT_EQ(command.text, "signalbox 1.2.3\n");
}

TEST(CommandLine, SaysWhatIsWrong) {
  for (const char* bad : {"", "4317", "127.0.0.1", "127.0.0.1:", ":4317", "127.0.0.1:65536",
                          "127.0.0.1:43x", "::1:4317", "[]:1"}) {
    const CommandLine command = parse({"serve", "--grpc-address", bad});
    EXPECT_FALSE(command.serve) << bad;
    EXPECT_NE(command.exit_code, 0) << bad;
  }
  const CommandLine command = parse({"serve", "--ui-address", "8080"});
  EXPECT_THAT(command.text, HasSubstr("--ui-address"));
  EXPECT_THAT(command.text, HasSubstr("127.0.0.1:4317"));
  EXPECT_NE(parse({}).exit_code, 0);
  EXPECT_NE(parse({"serve", "--queue-mib", "0"}).exit_code, 0);
}

}  // namespace
}  // namespace signalbox::server::config
