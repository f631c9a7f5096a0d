#include "sdk/export/gzip.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <random>
#include <string>

namespace signalbox::sdk {
namespace {

std::string random_text(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string text(size, '\0');
  for (char& c : text) {
    c = static_cast<char>('a' + random() % 4);
  }
  return text;
}

TEST(Gzip, RestoresWhatWasCompressedOneAfterTheOther) {
  GzipCompressor compressor;
  for (const std::size_t size : {0U, 1U, 100U, 20'000U, 3'000'000U}) {
    const std::string text = random_text(size, static_cast<unsigned>(size));
    std::string compressed;
    ASSERT_TRUE(compressor.append(text, compressed));
    EXPECT_EQ(gunzip(compressed, size), text) << size;
  }
}

TEST(Gzip, KeepsWhatTheOutputHolds) {
  GzipCompressor compressor;
  std::string output = "frame";
  ASSERT_TRUE(compressor.append("message", output));
  ASSERT_EQ(output.substr(0, 5), "frame");
  EXPECT_EQ(gunzip(std::string_view(output).substr(5), 100), "message");
}

TEST(Gzip, RefusesWhatIsLongerThanAllowed) {
  GzipCompressor compressor;
  std::string bomb;
  ASSERT_TRUE(compressor.append(std::string(50'000'000, 'x'), bomb));
  EXPECT_LT(bomb.size(), 300'000U);
  EXPECT_FALSE(gunzip(bomb, 1'000'000));
  EXPECT_FALSE(gunzip(bomb, 49'999'999));
  EXPECT_TRUE(gunzip(bomb, 50'000'000));
}

TEST(Gzip, RefusesEveryTruncation) {
  GzipCompressor compressor;
  std::string compressed;
  ASSERT_TRUE(compressor.append(random_text(500, 1), compressed));
  for (std::size_t size = 0; size < compressed.size(); ++size) {
    EXPECT_FALSE(gunzip(std::string_view(compressed).substr(0, size), 1000)) << size;
  }
  EXPECT_FALSE(gunzip("not compressed at all", 1000));
}

}  // namespace
}  // namespace signalbox::sdk
