#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "server/retention/settings.h"
#include "server/store/engine/temporary_folder.h"

namespace signalbox::server::retention {
namespace {

using std::chrono::hours;
using ::testing::HasSubstr;

class RetentionSettings : public ::testing::Test {
 protected:
  store::TemporaryFolder folder_;
};

TEST_F(RetentionSettings, AreTheConfigurationsUntilChanged) {
  Policy configured;
  configured.of(Signal::kLogs) = hours(7 * 24);
  Settings settings(folder_.path(), configured);
  int changes = 0;
  settings.on_change([&] { ++changes; });
  EXPECT_EQ(settings.policy(), configured);
  EXPECT_EQ(settings.to_json(),
            R"({"traces":"15d","logs":"7d","metrics":"15d","max_disk":"0","changed":[]})");

  settings.change(R"({"traces": "36h", "max_disk": "10GiB"})");
  EXPECT_EQ(settings.policy().of(Signal::kTraces), hours(36));
  EXPECT_EQ(settings.policy().of(Signal::kLogs), hours(7 * 24));
  EXPECT_EQ(settings.policy().max_disk_bytes, std::uint64_t{10} << 30);
  EXPECT_EQ(settings.to_json(), R"({"traces":"36h","logs":"7d","metrics":"15d","max_disk":"10GiB",)"
                                R"("changed":["traces","max_disk"]})");
  EXPECT_EQ(changes, 1);
}

TEST_F(RetentionSettings, ChangedSurviveARestartAndCanBeTakenBack) {
  Settings(folder_.path(), {}).change(R"({"logs": "0", "metrics": "1d"})");

  Settings settings(folder_.path(), {});
  EXPECT_EQ(settings.policy().of(Signal::kLogs), hours(0));
  settings.change(R"({"metrics": null})");
  EXPECT_EQ(Settings(folder_.path(), {}).policy().of(Signal::kMetrics), hours(15 * 24));
  EXPECT_EQ(Settings(folder_.path(), {}).policy().of(Signal::kLogs), hours(0));
}

TEST_F(RetentionSettings, ThatMakeNoSenseChangeNothing) {
  Settings settings(folder_.path(), {});
  const std::pair<const char*, const char*> cases[] = {
      {"", ""},
      {"[]", ""},
      {R"({"trace": "1d"})", "trace"},
      {R"({"logs": "1d", "traces": "soon"})", "traces"},
      {R"({"traces": 15})", "traces"},
      {R"({"max_disk": "1 GB"})", "max_disk"},
      {R"({"max_disk": {}})", "max_disk"},
  };
  for (const auto& [text, field] : cases) {
    try {
      settings.change(text);
      ADD_FAILURE() << text;
    } catch (const SettingsError& error) {
      EXPECT_EQ(error.field, field) << text;
      EXPECT_THAT(error.what(), HasSubstr(field)) << text;
    }
  }
  EXPECT_EQ(settings.policy(), Policy());
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "retention.json"));
}

TEST_F(RetentionSettings, DoNotStartFromADamagedFile) {
  std::ofstream(folder_.path() / "retention.json") << "{\"traces\": ";
  EXPECT_THROW(Settings(folder_.path(), {}), std::runtime_error);
}

}  // namespace
}  // namespace signalbox::server::retention
