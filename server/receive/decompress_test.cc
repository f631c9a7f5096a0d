#include "server/receive/decompress.h"

#include <gtest/gtest.h>

#include <random>

#include "server/receive/testing/compress.h"

namespace signalbox::server::receive {
namespace {

using testing::gzip;
using testing::zlib;
using testing::zstd;

struct Format {
  Compression compression;
  std::string (*compress)(const std::string&);
};
constexpr Format kFormats[] = {
    {Compression::kGzip, gzip},
    {Compression::kDeflate, zlib},
    {Compression::kZstd, [](const std::string& text) { return zstd(text); }}};

DecompressLimits at_most(std::size_t bytes) {
  return {.max_bytes = bytes, .any_ratio_bytes = bytes, .max_ratio = 250};
}

TEST(Decompress, RestoresTextOfAnySizeUpToTheLimit) {
  for (const auto& [compression, compress] : kFormats) {
    for (const std::size_t size : {0UL, 1UL, 63UL, 64UL, 65UL, 4096UL, 100'000UL}) {
      const std::string text(size, 'x');
      std::string out = "what was there before";
      EXPECT_EQ(decompress(compression, compress(text), at_most(100'000), out),
                DecompressStatus::kOk)
          << size;
      EXPECT_EQ(out, text);
    }
  }
}

TEST(Decompress, RestoresTextThatDoesNotCompress) {
  std::mt19937_64 random(1);  // NOLINT(bugprone-random-generator-seed): equal runs.
  std::string text;
  for (int i = 0; i < 300'000; ++i) text += static_cast<char>(random());
  for (const auto& [compression, compress] : kFormats) {
    std::string out;
    EXPECT_EQ(decompress(compression, compress(text), {}, out), DecompressStatus::kOk);
    EXPECT_EQ(out, text);
  }
}

TEST(Decompress, StopsAtTheLimitWhateverTheDataExpandsTo) {
  for (const auto& [compression, compress] : kFormats) {
    const std::string bomb = compress(std::string(20'000'000, '\0'));
    std::string out;

    EXPECT_EQ(decompress(compression, bomb, at_most(19'999'999), out), DecompressStatus::kTooLarge);
    EXPECT_EQ(decompress(compression, bomb, at_most(1000), out), DecompressStatus::kTooLarge);
    EXPECT_LE(out.capacity(), 2 * 20'000'000u);
    EXPECT_EQ(decompress(compression, bomb, at_most(20'000'000), out), DecompressStatus::kOk);
  }
}

TEST(Decompress, RefusesAFactorThatNoTelemetryReaches) {
  for (const auto& [compression, compress] : kFormats) {
    const std::string bomb = compress(std::string(20'000'000, '\0'));
    std::string out;

    EXPECT_EQ(decompress(compression, bomb, {}, out), DecompressStatus::kTooLarge);
    EXPECT_LE(out.capacity(), 2 * DecompressLimits().bytes_of(bomb.size()));
    EXPECT_EQ(decompress(compression, compress(std::string(4'000'000, '\0')), {}, out),
              DecompressStatus::kOk)
        << "any factor up to 4 MiB";
  }
}

TEST(Decompress, AllowsMoreToRequestsThatAreLarge) {
  const DecompressLimits limits{.max_bytes = 1000, .any_ratio_bytes = 100, .max_ratio = 10};

  EXPECT_EQ(limits.bytes_of(0), 100u);
  EXPECT_EQ(limits.bytes_of(10), 100u);
  EXPECT_EQ(limits.bytes_of(50), 500u);
  EXPECT_EQ(limits.bytes_of(100), 1000u);
  EXPECT_EQ(limits.bytes_of(SIZE_MAX), 1000u);
}

TEST(Decompress, ReadsSeveralMembersOrFramesAsOneText) {
  std::string out;
  EXPECT_EQ(decompress(Compression::kGzip, gzip("a") + gzip("") + gzip("b"), {}, out),
            DecompressStatus::kOk);
  EXPECT_EQ(out, "ab");
  EXPECT_EQ(decompress(Compression::kZstd, zstd("a") + zstd("") + zstd("b"), {}, out),
            DecompressStatus::kOk);
  EXPECT_EQ(out, "ab");
}

TEST(Decompress, RefusesDataThatIsCutOrDamagedAnywhere) {
  for (const auto& [compression, compress] : kFormats) {
    const std::string good = compress("some text, some text, some text");
    std::string out;
    for (std::size_t size = 0; size < good.size(); ++size) {
      EXPECT_EQ(decompress(compression, good.substr(0, size), {}, out), DecompressStatus::kCorrupt)
          << size;
    }
    std::string damaged = good;
    damaged[damaged.size() - 2] =
        static_cast<char>(damaged[damaged.size() - 2] ^ 1);  // Checksum, or length.
    EXPECT_EQ(decompress(compression, damaged, {}, out), DecompressStatus::kCorrupt);
    EXPECT_EQ(decompress(compression, good + "tail", {}, out), DecompressStatus::kCorrupt);
  }
}

TEST(Decompress, RefusesZstdThatNeedsAWindowBeyond8MiB) {
  const std::string text(100'000, 'x');
  std::string out;

  EXPECT_EQ(decompress(Compression::kZstd, zstd(text, 23), {}, out), DecompressStatus::kOk);
  EXPECT_EQ(decompress(Compression::kZstd, zstd(text, 24), {}, out), DecompressStatus::kTooLarge);
}

TEST(CompressionNamed, KnowsWhatItSaysThatItAccepts) {
  std::string_view names = kAcceptedCompressions;
  while (!names.empty()) {
    const std::size_t length = std::min(names.find(','), names.size());
    EXPECT_TRUE(compression_named(names.substr(0, length))) << names.substr(0, length);
    names.remove_prefix(std::min(length + 1, names.size()));
  }
  EXPECT_EQ(compression_named(""), Compression::kNone);
  EXPECT_EQ(compression_named("GZip"), Compression::kGzip);
  EXPECT_EQ(compression_named("br"), std::nullopt);
  EXPECT_EQ(compression_named("gzip, gzip"), std::nullopt);
}

}  // namespace
}  // namespace signalbox::server::receive
