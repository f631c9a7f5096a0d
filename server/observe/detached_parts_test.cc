#include "server/observe/detached_parts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "server/store/engine/embedded_engine.h"
#include "server/store/engine/temporary_folder.h"

namespace signalbox::server::observe {
namespace {

using ::testing::HasSubstr;

TEST(DetachedParts, AreCountedWithTheirTablesAndAPlace) {
  const store::TemporaryFolder folder;
  store::EmbeddedEngine engine({.data_folder = folder.path()});
  for (const char* const table : {"spans", "logs", "whole"}) {
    engine.execute(std::string("CREATE TABLE ") + table +
                   " (a UInt8) ENGINE = MergeTree PARTITION BY a ORDER BY a");
    engine.execute(std::string("INSERT INTO ") + table + " VALUES (1), (2)");
  }
  EXPECT_EQ(read_detached_parts(engine).count, 0U);
  EXPECT_EQ(read_detached_parts(engine).text(), "");

  engine.execute("ALTER TABLE spans DETACH PARTITION 1");
  engine.execute("ALTER TABLE spans DETACH PARTITION 2");
  engine.execute("ALTER TABLE logs DETACH PARTITION 2");

  const DetachedParts parts = read_detached_parts(engine);
  EXPECT_EQ(parts.count, 3U);
  EXPECT_EQ(parts.tables, "logs, spans");
  EXPECT_TRUE(std::filesystem::exists(parts.first_path)) << parts.first_path;
  EXPECT_THAT(parts.text(), HasSubstr("set aside 3 parts of logs, spans"));
}

}  // namespace
}  // namespace signalbox::server::observe
