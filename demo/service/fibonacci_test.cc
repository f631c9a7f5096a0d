#include "demo/service/fibonacci.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace signalbox::demo {
namespace {

TEST(Fibonacci, StartsWithZeroAndOne) {
  EXPECT_EQ(fibonacci(0), "0");
  EXPECT_EQ(fibonacci(1), "1");
  EXPECT_EQ(fibonacci(2), "1");
  EXPECT_EQ(fibonacci(10), "55");
}

// What no 64-bit and no 128-bit integer holds any more, beside the last values that they do.
TEST(Fibonacci, IsExactBeyondTheBuiltInIntegers) {
  EXPECT_EQ(fibonacci(93), "12200160415121876738");
  EXPECT_EQ(fibonacci(94), "19740274219868223167");
  EXPECT_EQ(fibonacci(100), "354224848179261915075");
  EXPECT_EQ(fibonacci(186), "332825110087067562321196029789634457848");
  EXPECT_EQ(fibonacci(187), "538522340430300790495419781092981030533");
  EXPECT_EQ(fibonacci(255), "87571595343018854458033386304178158174356588264390370");
}

// Each number is the sum of the two before, added here digit by digit.
TEST(Fibonacci, EveryNumberIsTheSumOfTheTwoBefore) {
  for (unsigned n = 2; n <= 255; ++n) {
    std::string a = fibonacci(static_cast<std::uint8_t>(n - 2));
    const std::string b = fibonacci(static_cast<std::uint8_t>(n - 1));
    a.insert(0, b.size() - a.size(), '0');
    std::string sum;
    int carry = 0;
    for (std::size_t i = b.size(); i-- > 0;) {
      const int digit = (a[i] - '0') + (b[i] - '0') + carry;
      sum.insert(sum.begin(), static_cast<char>('0' + digit % 10));
      carry = digit / 10;
    }
    if (carry > 0) sum.insert(sum.begin(), '1');
    EXPECT_EQ(fibonacci(static_cast<std::uint8_t>(n)), sum) << "n = " << n;
  }
}

}  // namespace
}  // namespace signalbox::demo
