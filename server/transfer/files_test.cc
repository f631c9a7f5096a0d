#include "server/transfer/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <random>
#include <sstream>
#include <string>

#include "server/store/engine/temporary_folder.h"

namespace signalbox::server::transfer {
namespace {

using ::testing::HasSubstr;

std::string read_all(const std::filesystem::path& path, std::size_t step = 1000) {
  InputFile file(path);
  std::string text;
  std::string buffer(step, '\0');
  while (const std::size_t count = file.read(buffer.data(), step)) text.append(buffer, 0, count);
  EXPECT_EQ(file.progress(), text.empty() ? file.progress() : 1.0);
  return text;
}

std::string raw(const std::filesystem::path& path) {
  std::stringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

class TransferFiles : public ::testing::Test {
 protected:
  TransferFiles() {
    std::mt19937 random{1};  // NOLINT(bugprone-random-generator-seed): a test is to repeat itself.
    while (text_.size() < 3'000'000) {
      text_ += random() % 10 == 0 ? std::to_string(random()) : "the same again and again\n";
    }
  }

  std::filesystem::path write(const std::string& name) {
    const std::filesystem::path path = folder_.path() / name;
    OutputFile file(path);
    for (std::size_t at = 0; at < text_.size(); at += 100'000) {
      file.write(std::string_view(text_).substr(at, 100'000));
    }
    EXPECT_FALSE(std::filesystem::exists(path)) << "it is not complete yet";
    file.finish();
    return path;
  }

  store::TemporaryFolder folder_;
  std::string text_;
};

TEST_F(TransferFiles, ReadWhatWasWrittenCompressedOrNot) {
  for (const char* const name : {"a.jsonl", "a.jsonl.gz", "a.jsonl.zst"}) {
    const auto path = write(name);
    EXPECT_TRUE(read_all(path) == text_) << name;
    if (path.extension() != ".jsonl") {
      EXPECT_LT(std::filesystem::file_size(path), text_.size() / 2) << name;
    }
    EXPECT_FALSE(std::filesystem::exists(path.string() + ".part"));
  }
}

TEST_F(TransferFiles, ReadTheirCompressionFromTheirBytes) {
  const auto path = write("a.gz");
  const auto renamed = folder_.path() / "b.jsonl";
  std::filesystem::rename(path, renamed);
  EXPECT_TRUE(read_all(renamed) == text_);
}

TEST_F(TransferFiles, ReadCompressedTextsBehindEachOther) {
  for (const char* const name : {"a.gz", "a.zst"}) {
    const std::string once = raw(write(name));
    const auto twice = folder_.path() / "twice";
    std::ofstream(twice, std::ios::binary) << once << once;
    EXPECT_TRUE(read_all(twice) == text_ + text_) << name;
  }
}

TEST_F(TransferFiles, TellThatTheirCompressedDataAreCutOrDamaged) {
  for (const char* const name : {"a.gz", "a.zst"}) {
    const auto path = write(name);
    std::filesystem::resize_file(path, std::filesystem::file_size(path) - 5);
    try {
      read_all(path);
      ADD_FAILURE() << name << " was taken";
    } catch (const std::runtime_error& error) {
      EXPECT_THAT(error.what(), HasSubstr(name));
      EXPECT_THAT(error.what(), HasSubstr("ends within"));
    }
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(std::filesystem::file_size(path) / 2));
    file << "damaged damaged damaged damaged";
    file.close();
    EXPECT_THROW(read_all(path), std::runtime_error) << name;
  }
}

TEST_F(TransferFiles, KeepAnotherNameUntilTheyAreComplete) {
  const auto path = folder_.path() / "a.jsonl";
  {
    OutputFile(path).write("half");
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_EQ(raw(path.string() + ".part"), "half");
}

TEST_F(TransferFiles, SayWhyTheyCannotBeOpened) {
  try {
    InputFile file(folder_.path() / "missing");
    ADD_FAILURE();
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("missing: No such file"));
  }
  EXPECT_THROW(InputFile(folder_.path()), std::runtime_error);
  EXPECT_THROW(OutputFile(folder_.path() / "no" / "folder"), std::runtime_error);
}

}  // namespace
}  // namespace signalbox::server::transfer
