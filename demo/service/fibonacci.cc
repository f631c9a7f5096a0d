#include "demo/service/fibonacci.h"

#include <array>
#include <cstddef>

namespace signalbox::demo {
namespace {

constexpr std::uint64_t kLimbBase = 1'000'000'000'000'000'000;  // 18 decimal digits.
constexpr std::size_t kLimbDigits = 18;

// Least significant limb first. Three limbs hold 54 digits, one more than F(255) has.
using Decimal = std::array<std::uint64_t, 3>;

Decimal add(const Decimal& a, const Decimal& b) {
  Decimal sum{};
  std::uint64_t carry = 0;
  for (std::size_t i = 0; i < sum.size(); ++i) {
    const std::uint64_t limb = a[i] + b[i] + carry;
    carry = limb >= kLimbBase ? 1 : 0;
    sum[i] = limb - carry * kLimbBase;
  }
  return sum;
}

std::string to_string(const Decimal& number) {
  std::string digits;
  for (std::size_t i = number.size(); i-- > 0;) {
    if (digits.empty() && number[i] == 0 && i > 0) continue;
    const std::string limb = std::to_string(number[i]);
    if (!digits.empty()) digits.append(kLimbDigits - limb.size(), '0');
    digits += limb;
  }
  return digits;
}

}  // namespace

std::string fibonacci(std::uint8_t n) {
  Decimal current{0};
  Decimal next{1};
  for (unsigned i = 0; i < n; ++i) {
    const Decimal sum = add(current, next);
    current = next;
    next = sum;
  }
  return to_string(current);
}

}  // namespace signalbox::demo
