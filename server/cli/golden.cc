#include "server/cli/golden.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace signalbox::server::cli {
namespace {

std::filesystem::path path_of(const std::string& name) {
  return std::filesystem::path(SIGNALBOX_GOLDEN) / name;
}

}  // namespace

std::string read_golden(const std::string& name) {
  const std::ifstream file(path_of(name));
  EXPECT_TRUE(file) << "there is no " << path_of(name);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void expect_golden(const std::string& name, const std::string& text) {
  if (std::getenv("SIGNALBOX_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path_of(name)) << text;
    return;
  }
  EXPECT_EQ(text, read_golden(name)) << name;
}

}  // namespace signalbox::server::cli
