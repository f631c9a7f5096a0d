#include <signalbox/trace/span_context.h>

namespace signalbox::trace::detail {
namespace {

constexpr char kDigits[] = "0123456789abcdef";

/// The value of each character as a hexadecimal digit; 0xFF if it is none.
constexpr auto kDigitValues = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(0xFF);
  for (std::uint8_t i = 0; i < 10; ++i) values['0' + i] = i;
  for (std::uint8_t i = 0; i < 6; ++i) {
    values['a' + i] = static_cast<std::uint8_t>(10 + i);
    values['A' + i] = static_cast<std::uint8_t>(10 + i);
  }
  return values;
}();

}  // namespace

template <std::size_t N>
Id<N> Id<N>::from_hex(std::string_view hex) noexcept {
  if (hex.size() != 2 * N) return {};
  std::array<std::uint8_t, N> bytes{};
  std::uint8_t bad = 0;
  for (std::size_t i = 0; i < N; ++i) {
    const std::uint8_t high = kDigitValues[static_cast<unsigned char>(hex[2 * i])];
    const std::uint8_t low = kDigitValues[static_cast<unsigned char>(hex[2 * i + 1])];
    bad |= static_cast<std::uint8_t>((high | low) & 0xF0);
    bytes[i] = static_cast<std::uint8_t>((high << 4) | low);
  }
  return bad == 0 ? Id(bytes) : Id();
}

template <std::size_t N>
void Id<N>::to_hex(std::span<char, 2 * N> out) const noexcept {
  for (std::size_t i = 0; i < N; ++i) {
    out[2 * i] = kDigits[bytes_[i] >> 4];
    out[2 * i + 1] = kDigits[bytes_[i] & 0xF];
  }
}

template class Id<16>;
template class Id<8>;

}  // namespace signalbox::trace::detail
