#include "otlp/wire.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <protozero/pbf_reader.hpp>
#include <random>
#include <string>

namespace signalbox::otlp::wire {
namespace {

TEST(Wire, VarintSizeIsWhatWriteVarintWrites) {
  char buffer[kMaxVarintSize];
  for (int bits = 0; bits <= 64; ++bits) {
    for (const std::uint64_t around : {-1, 0, 1}) {
      const std::uint64_t value = (bits == 64 ? 0 : std::uint64_t{1} << bits) + around;
      EXPECT_EQ(write_varint(buffer, value) - buffer,
                static_cast<std::ptrdiff_t>(varint_size(value)))
          << value;
    }
  }
}

TEST(Wire, FieldsReadBackByAnotherLibrary) {
  std::string message;
  append_varint_field(message, 1, std::numeric_limits<std::uint64_t>::max());
  append_fixed64_field(message, 2, 0x0123456789abcdefULL);
  append_fixed32_field(message, 16, 0xdeadbeef);
  append_double_field(message, 3, -0.5);
  append_bytes_field(message, 536870911, "highest field number");
  append_varint_field(message, 4, static_cast<std::uint64_t>(std::int64_t{-7}));

  protozero::pbf_reader reader(message);
  ASSERT_TRUE(reader.next(1));
  EXPECT_EQ(reader.get_uint64(), std::numeric_limits<std::uint64_t>::max());
  ASSERT_TRUE(reader.next(2));
  EXPECT_EQ(reader.get_fixed64(), 0x0123456789abcdefULL);
  ASSERT_TRUE(reader.next(16));
  EXPECT_EQ(reader.get_fixed32(), 0xdeadbeefU);
  ASSERT_TRUE(reader.next(3));
  EXPECT_EQ(reader.get_double(), -0.5);
  ASSERT_TRUE(reader.next(536870911));
  EXPECT_EQ(reader.get_string(), "highest field number");
  ASSERT_TRUE(reader.next(4));
  EXPECT_EQ(reader.get_int64(), -7);
  EXPECT_FALSE(reader.next());
}

TEST(Wire, WriteRawCopiesEveryShortLengthAndNothingMore) {
  const std::string text = "0123456789abcdefghijklmnopqrstuvwxyz";
  for (std::size_t size = 0; size <= text.size(); ++size) {
    std::string out(text.size() + 1, '.');
    EXPECT_EQ(write_raw(out.data(), text.data(), size), out.data() + size);
    EXPECT_EQ(out, text.substr(0, size) + std::string(out.size() - size, '.'));
  }
}

TEST(Wire, BytesFieldSizeIsExactAcrossLengthPrefixes) {
  for (const std::size_t size : {0, 1, 127, 128, 16383, 16384, 100000}) {
    std::string out;
    append_bytes_field(out, 9, std::string(size, 'x'));
    EXPECT_EQ(out.size(), bytes_field_size(9, size));
    out.clear();
    append_bytes_field(out, 2048, std::string(size, 'x'));
    EXPECT_EQ(out.size(), bytes_field_size(2048, size));
  }
}

}  // namespace
}  // namespace signalbox::otlp::wire
