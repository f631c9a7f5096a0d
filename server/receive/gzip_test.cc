#include "server/receive/gzip.h"

#include <gtest/gtest.h>
#include <zlib.h>

namespace signalbox::server::receive {
namespace {

/// `window_bits` 15 + 16 makes gzip, 15 zlib.
std::string compress(const std::string& text, int window_bits = 15 + 16) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

TEST(Gunzip, RestoresTextOfAnySizeUpToTheLimit) {
  for (const std::size_t size : {0UL, 1UL, 63UL, 64UL, 65UL, 4096UL, 100'000UL}) {
    const std::string text(size, 'x');
    std::string out = "what was there before";
    EXPECT_EQ(gunzip(compress(text), 100'000, out), GunzipStatus::kOk) << size;
    EXPECT_EQ(out, text);
  }
}

TEST(Gunzip, StopsAtTheLimitWhateverTheDataExpandsTo) {
  const std::string bomb = compress(std::string(50'000'000, '\0'));
  std::string out;

  EXPECT_EQ(gunzip(bomb, 49'999'999, out), GunzipStatus::kTooLarge);
  EXPECT_EQ(gunzip(bomb, 1000, out), GunzipStatus::kTooLarge);
  EXPECT_LE(out.size(), 49'999'999u);
  EXPECT_EQ(gunzip(bomb, 50'000'000, out), GunzipStatus::kOk);
}

TEST(Gunzip, ReadsZlibAndSeveralMembers) {
  std::string out;
  EXPECT_EQ(gunzip(compress("zlib", 15), 100, out), GunzipStatus::kOk);
  EXPECT_EQ(out, "zlib");
  EXPECT_EQ(gunzip(compress("a") + compress("") + compress("b"), 100, out), GunzipStatus::kOk);
  EXPECT_EQ(out, "ab");
}

TEST(Gunzip, RefusesDataThatIsCutOrDamagedAnywhere) {
  const std::string good = compress("some text, some text, some text");
  std::string out;
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(gunzip(good.substr(0, size), 1000, out), GunzipStatus::kCorrupt) << size;
  }
  std::string damaged = good;
  damaged[damaged.size() - 5] = static_cast<char>(damaged[damaged.size() - 5] ^ 1);  // Checksum.
  EXPECT_EQ(gunzip(damaged, 1000, out), GunzipStatus::kCorrupt);
  EXPECT_EQ(gunzip(good + "tail", 1000, out), GunzipStatus::kCorrupt);
}

}  // namespace
}  // namespace signalbox::server::receive
