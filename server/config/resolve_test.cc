#include "server/config/resolve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "server/config/settings.h"
#include "server/store/engine/temporary_folder.h"

namespace signalbox::server::config {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::optional<std::string> nothing(const std::string& /*name*/) {
  return std::nullopt;
}

class ConfigurationFile : public ::testing::Test {
 protected:
  Resolved read(const std::string& text) {
    std::ofstream(path_, std::ios::trunc) << text;
    return resolve({}, nothing, path_);
  }
  std::string error(const std::string& text) {
    try {
      read(text);
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "no error";
  }

  store::TemporaryFolder folder_;
  std::filesystem::path path_ = folder_.path() / "box.yaml";
};

TEST_F(ConfigurationFile, MayBeEmpty) {
  EXPECT_EQ(read("").options.queue_mib, 256U);
  EXPECT_EQ(read("# Only a comment.\n").options.queue_mib, 256U);
}

TEST_F(ConfigurationFile, ErrorsNameFileAndLineAndWhatIsAllowed) {
  const std::string at = path_.string();
  EXPECT_THAT(error("data: /d\n\nqueue_mib: 5\n"),
              AllOf(StartsWith(at + ":3: "), HasSubstr("did you mean \"queue-mib\"?")));
  EXPECT_THAT(error("nothing-like-it: 5\n"),
              AllOf(StartsWith(at + ":1: "), HasSubstr("allowed are: data grpc-address")));
  EXPECT_THAT(error("queue-mib: 0\n"),
              AllOf(StartsWith(at + ":1: queue-mib: "), HasSubstr("from 1 to 1048576")));
  EXPECT_THAT(error("\ninsecure: maybe\n"),
              AllOf(StartsWith(at + ":2: insecure: "), HasSubstr("true or false")));
  EXPECT_THAT(error("ui-address: 8080\n"), HasSubstr("127.0.0.1:4317"));
  EXPECT_THAT(error("data: [a, b]\n"), AllOf(StartsWith(at + ":1: "), HasSubstr("one value")));
  EXPECT_THAT(error("data: {a: b}\n"), AllOf(StartsWith(at + ":1: "), HasSubstr("is a map")));
  EXPECT_THAT(error("ui-host: [[a]]\n"), StartsWith(at + ":1: "));
  EXPECT_THAT(error("data:\n"), AllOf(StartsWith(at + ":1: "), HasSubstr("no value")));
  EXPECT_THAT(error("data: a\ndata: b\n"),
              AllOf(StartsWith(at + ":2: "), HasSubstr("twice"), HasSubstr(at + ":1")));
  EXPECT_THAT(error("- data\n"), StartsWith(at + ":1: "));
  EXPECT_THAT(error("data: [open\nqueue-mib: 1\n"), HasSubstr("not YAML"));
  EXPECT_THAT(error("data: a\n---\ndata: b\n"), HasSubstr("second document"));
}

TEST_F(ConfigurationFile, BoundsTheLogAndTheTimeARequestIsKnown) {
  const ServeOptions options = read("max-log: 2GiB\nrepeat-window: 90s\n").options;
  EXPECT_EQ(options.max_log_bytes, 2ULL << 30);
  EXPECT_EQ(options.repeat_window, std::chrono::seconds(90));
  EXPECT_THAT(error("max-log: 127MiB\n"), HasSubstr("128MiB and more"));
  EXPECT_THAT(error("repeat-window: 0\n"), HasSubstr("1s to 1h"));
  EXPECT_THAT(error("repeat-window: 61m\n"), HasSubstr("1s to 1h"));
}

TEST_F(ConfigurationFile, NeedsBothOfCertificateAndKey) {
  EXPECT_THAT(error("tls-cert: /c.pem\n"), HasSubstr("--tls-cert and --tls-key"));
  EXPECT_EQ(read("tls-cert: /c.pem\ntls-key: /k.pem\n").options.tls_key, "/k.pem");
}

TEST_F(ConfigurationFile, IsRefusedWhenItIsMissingAFolderOrHuge) {
  EXPECT_THROW(resolve({}, nothing, folder_.path() / "missing.yaml"), ConfigError);
  EXPECT_THROW(resolve({}, nothing, folder_.path()), ConfigError);
  EXPECT_THAT(error(std::string(2'000'000, '#')), HasSubstr("1 MiB"));
}

TEST(SampleConfiguration, HasEverySettingWithItsDefault) {
  const Resolved sample = resolve({}, nothing, SIGNALBOX_SAMPLE_CONFIG);
  for (const Setting& setting : settings()) {
    EXPECT_THAT(sample.origins.at(std::string(setting.name)), StartsWith(SIGNALBOX_SAMPLE_CONFIG))
        << setting.name << " is missing";
    EXPECT_EQ(setting.get(sample.options), setting.get(ServeOptions{})) << setting.name;
  }
}

TEST(Settings, AreReadAsTheyAreWritten) {
  for (const Setting& setting : settings()) {
    ServeOptions options;
    const std::string text = setting.get(options);
    if (setting.kind == Setting::Kind::kList) continue;
    if (text.empty()) continue;
    setting.set(options, {text});
    EXPECT_EQ(setting.get(options), text) << setting.name;
  }
}

TEST(Variables, ThatAreMistypedAreTold) {
  const std::vector<std::string> names = {"SIGNALBOX_RETENTION_LOG", "SIGNALBOX_RETENTION_LOGS",
                                          "SIGNALBOX_CONFIG",        "SIGNALBOX_SERVICE_HOST",
                                          "SIGNALBOX_PORT",          "SIGNALBOX_PORT_4317_TCP_ADDR",
                                          "SIGNALBOX_SERVICE_PORT",  "SIGNALBOX_BIN",
                                          "RETENTION_LOG",           "SIGNALBOX_PORT_8080_TCP"};
  EXPECT_THAT(
      mistyped_variables(names),
      ::testing::ElementsAre("SIGNALBOX_RETENTION_LOG is not a setting's variable and holds "
                             "for nothing; did you mean SIGNALBOX_RETENTION_LOGS?"));
}

TEST(Settings, SuggestOnlyWhatIsClose) {
  EXPECT_EQ(closest_setting("grpc-adress")->name, "grpc-address");
  EXPECT_EQ(closest_setting("colour"), nullptr);
}

}  // namespace
}  // namespace signalbox::server::config
