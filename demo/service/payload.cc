#include "demo/service/payload.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <system_error>

namespace signalbox::demo {
namespace {

constexpr int kMaxDepth = 128;

struct ParseError {
  std::string message;
};

// What a JSON value is, described the way error messages name it.
struct Number {
  bool is_float = false;
  bool negative = false;
  std::uint64_t magnitude = 0;  // Of an integer.
  double value = 0;             // Of a float.
};

// Shortest decimal form that reads back as `value`: `1.5`, `100.0`, `1e20`, `-2.5e-7`.
std::string format_float(double value) {
  if (value == 0) return std::signbit(value) ? "-0.0" : "0.0";
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                 std::chars_format::scientific);
  const std::string_view text(buffer.data(), static_cast<std::size_t>(end.ptr - buffer.data()));
  const std::size_t e = text.find('e');
  int exponent = 0;
  const std::string_view exponent_text = text.substr(text[e + 1] == '+' ? e + 2 : e + 1);
  std::from_chars(exponent_text.data(), exponent_text.data() + exponent_text.size(), exponent);
  std::string digits;
  for (const char c : text.substr(0, e)) {
    if (c >= '0' && c <= '9') digits += c;
  }
  const std::string sign = value < 0 ? "-" : "";
  const int point = exponent + 1;  // Digits before the decimal point.
  const int count = static_cast<int>(digits.size());
  if (point > 16 || point <= -5) {
    std::string mantissa = digits.substr(0, 1);
    if (count > 1) mantissa += "." + digits.substr(1);
    return sign + mantissa + "e" + std::to_string(exponent);
  }
  if (point >= count) return sign + digits + std::string(point - count, '0') + ".0";
  if (point > 0) return sign + digits.substr(0, point) + "." + digits.substr(point);
  return sign + "0." + std::string(-point, '0') + digits;
}

// `text` in double quotes, with what would break a line of a log escaped.
std::string quote(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (const auto byte = static_cast<unsigned char>(c); byte < 0x20 || byte == 0x7f) {
          out += "\\u{";
          if (byte >= 0x10) out += kHex[byte >> 4];
          out += kHex[byte & 0xf];
          out += '}';
        } else {
          out += c;
        }
    }
  }
  return out + "\"";
}

std::string describe(const Number& number) {
  if (number.is_float) return "floating point `" + format_float(number.value) + "`";
  return "integer `" + std::string(number.negative ? "-" : "") + std::to_string(number.magnitude) +
         "`";
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

void append_utf8(std::string& out, std::uint32_t code_point) {
  if (code_point < 0x80) {
    out += static_cast<char>(code_point);
  } else if (code_point < 0x800) {
    out += static_cast<char>(0xc0 | (code_point >> 6));
    out += static_cast<char>(0x80 | (code_point & 0x3f));
  } else if (code_point < 0x10000) {
    out += static_cast<char>(0xe0 | (code_point >> 12));
    out += static_cast<char>(0x80 | ((code_point >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (code_point & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | (code_point >> 18));
    out += static_cast<char>(0x80 | ((code_point >> 12) & 0x3f));
    out += static_cast<char>(0x80 | ((code_point >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (code_point & 0x3f));
  }
}

// True if `text` is UTF-8 without overlong forms, surrogates or code points above U+10FFFF.
bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    if (lead < 0x80) {
      ++i;
      continue;
    }
    const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || i + length > text.size()) return false;
    std::uint32_t code_point = lead & (0xffU >> (length + 1));
    for (std::size_t k = 1; k < length; ++k) {
      const auto byte = static_cast<unsigned char>(text[i + k]);
      if ((byte & 0xc0) != 0x80) return false;
      code_point = (code_point << 6) | (byte & 0x3f);
    }
    constexpr std::array<std::uint32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = code_point >= 0xd800 && code_point <= 0xdfff;
    if (code_point < kSmallest[length] || surrogate || code_point > 0x10ffff) return false;
    i += length;
  }
  return true;
}

// Reads JSON from front to back; a ParseError thrown inside never leaves this file.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  FibonacciRequest parse() {
    constexpr std::string_view kExpected = "struct FibonacciRequest";
    const std::optional<char> first = peek_token();
    if (!first) fail_here("EOF while parsing a value");
    if (*first != '{') fail_type(kExpected);
    ++index_;
    const FibonacciRequest request = parse_fields();
    if (peek_token()) fail_at_peek("trailing characters");
    return request;
  }

 private:
  FibonacciRequest parse_fields() {
    std::optional<std::uint8_t> number;
    for (bool first = true; next_key(first); first = false) {
      const bool known = parse_string() == "number";
      if (known && number) {
        peek_token();
        fail_here("duplicate field `number`");
      }
      parse_colon();
      if (known) {
        number = parse_u8();
      } else {
        skip_value(1);
      }
    }
    ++index_;  // The closing brace that next_key() saw.
    if (!number) fail_here("missing field `number`");
    return {*number};
  }

  // Stands at the opening quote's successor if there is a further key, at the brace if not.
  bool next_key(bool first) {
    std::optional<char> c = peek_token();
    if (!c) fail_here("EOF while parsing an object");
    if (*c == '}') return false;
    if (!first) {
      if (*c != ',') fail_at_peek("expected `,` or `}`");
      ++index_;
      c = peek_token();
      if (!c) fail_here("EOF while parsing a value");
      if (*c == '}') fail_at_peek("trailing comma");
    }
    if (*c != '"') fail_at_peek("key must be a string");
    ++index_;
    return true;
  }

  void parse_colon() {
    const std::optional<char> c = peek_token();
    if (!c) fail_here("EOF while parsing an object");
    if (*c != ':') fail_at_peek("expected `:`");
    ++index_;
  }

  std::uint8_t parse_u8() {
    const std::optional<char> c = peek_token();
    if (!c) fail_here("EOF while parsing a value");
    if (*c != '-' && !is_digit(*c)) fail_type("u8");
    const Number number = parse_number();
    if (number.is_float) fail_here("invalid type: " + describe(number) + ", expected u8");
    if (number.negative || number.magnitude > std::numeric_limits<std::uint8_t>::max()) {
      fail_here("invalid value: " + describe(number) + ", expected u8");
    }
    return static_cast<std::uint8_t>(number.magnitude);
  }

  // Reports the value that stands here as one of the wrong type.
  [[noreturn]] void fail_type(std::string_view expected) {
    const std::string suffix = ", expected " + std::string(expected);
    switch (text_[index_]) {
      case 'n':
        parse_ident("null");
        fail_here("invalid type: null" + suffix);
      case 't':
        parse_ident("true");
        fail_here("invalid type: boolean `true`" + suffix);
      case 'f':
        parse_ident("false");
        fail_here("invalid type: boolean `false`" + suffix);
      case '"':
        ++index_;
        fail_here("invalid type: string " + quote(parse_string()) + suffix);
      case '[':
        fail_here("invalid type: sequence" + suffix);
      case '{':
        fail_here("invalid type: map" + suffix);
      default:
        if (text_[index_] != '-' && !is_digit(text_[index_])) fail_at_peek("expected value");
        fail_here("invalid type: " + describe(parse_number()) + suffix);
    }
  }

  // Checks the value that stands here and forgets it.
  void skip_value(int depth) {
    const std::optional<char> c = peek_token();
    if (!c) fail_here("EOF while parsing a value");
    if (depth > kMaxDepth) fail_at_peek("recursion limit exceeded");
    switch (*c) {
      case 'n':
        return parse_ident("null");
      case 't':
        return parse_ident("true");
      case 'f':
        return parse_ident("false");
      case '"':
        ++index_;
        parse_string();
        return;
      case '[':
        ++index_;
        return skip_list(depth);
      case '{':
        ++index_;
        for (bool first = true; next_key(first); first = false) {
          parse_string();
          parse_colon();
          skip_value(depth + 1);
        }
        ++index_;
        return;
      default:
        if (*c != '-' && !is_digit(*c)) fail_at_peek("expected value");
        parse_number();
    }
  }

  void skip_list(int depth) {
    for (bool first = true;; first = false) {
      std::optional<char> c = peek_token();
      if (!c) fail_here("EOF while parsing a list");
      if (*c == ']') break;
      if (!first) {
        if (*c != ',') fail_at_peek("expected `,` or `]`");
        ++index_;
        c = peek_token();
        if (!c) fail_here("EOF while parsing a value");
        if (*c == ']') fail_at_peek("trailing comma");
      }
      skip_value(depth + 1);
    }
    ++index_;
  }

  void parse_ident(std::string_view ident) {
    for (const char expected : ident) {
      if (index_ == text_.size()) fail_here("EOF while parsing a value");
      if (text_[index_++] != expected) fail_here("expected ident");
    }
  }

  Number parse_number() {
    const std::size_t begin = index_;
    Number number;
    number.negative = text_[index_] == '-';
    if (number.negative) ++index_;
    if (index_ == text_.size()) fail_here("EOF while parsing a value");
    const char first = text_[index_++];
    if (!is_digit(first)) fail_here("invalid number");
    if (first == '0' && peek_is_digit()) fail_at_peek("invalid number");
    while (peek_is_digit()) ++index_;
    const std::string_view integer =
        text_.substr(begin, index_ - begin).substr(number.negative ? 1 : 0);
    if (peek() == '.') {
      ++index_;
      number.is_float = true;
      if (index_ == text_.size()) fail_here("EOF while parsing a value");
      if (!peek_is_digit()) fail_at_peek("invalid number");
      while (peek_is_digit()) ++index_;
    }
    if (peek() == 'e' || peek() == 'E') {
      ++index_;
      number.is_float = true;
      if (peek() == '+' || peek() == '-') ++index_;
      if (index_ == text_.size()) fail_here("EOF while parsing a value");
      if (!is_digit(text_[index_++])) fail_here("invalid number");
      while (peek_is_digit()) ++index_;
    }
    if (!number.is_float && fits_integer(integer, number)) return number;
    number.is_float = true;
    number.value = to_double(text_.substr(begin, index_ - begin));
    return number;
  }

  // False for what no 64-bit integer holds, and for -0, which only a float can express.
  static bool fits_integer(std::string_view digits, Number& number) {
    const auto result =
        std::from_chars(digits.data(), digits.data() + digits.size(), number.magnitude);
    if (result.ec != std::errc{}) return false;
    constexpr std::uint64_t kMinMagnitude = std::uint64_t{1} << 63;
    return !number.negative || (number.magnitude != 0 && number.magnitude <= kMinMagnitude);
  }

  double to_double(std::string_view digits) const {
    double value = 0;
    const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (result.ec == std::errc::result_out_of_range) {
      // Too small is zero; too large cannot be told from it but by the exponent's sign.
      const std::size_t e = digits.find_first_of("eE");
      const bool tiny = e != std::string_view::npos ? digits[e + 1] == '-' : digits[0] == '0';
      if (!tiny) fail_here("number out of range");
      return 0;
    }
    return value;
  }

  // The string whose opening quote has just been read, unescaped.
  std::string parse_string() {
    std::string out;
    while (true) {
      if (index_ == text_.size()) fail_here("EOF while parsing a string");
      const char c = text_[index_++];
      if (c == '"') break;
      if (c == '\\') {
        parse_escape(out);
      } else if (static_cast<unsigned char>(c) < 0x20) {
        fail_here("control character (\\u0000-\\u001F) found while parsing a string");
      } else {
        out += c;
      }
    }
    if (!is_utf8(out)) fail_here("invalid unicode code point");
    return out;
  }

  void parse_escape(std::string& out) {
    if (index_ == text_.size()) fail_here("EOF while parsing a string");
    const char c = text_[index_++];
    constexpr std::string_view kEscapes = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    if (const std::size_t which = kEscapes.find(c); which != std::string_view::npos) {
      out += kMeanings[which];
      return;
    }
    if (c != 'u') fail_here("invalid escape");
    std::uint32_t code_point = parse_hex4();
    if (code_point >= 0xdc00 && code_point <= 0xdfff) {
      fail_here("lone leading surrogate in hex escape");
    }
    if (code_point >= 0xd800 && code_point <= 0xdbff) {
      if (text_.substr(index_, 2) != "\\u") fail_here("unexpected end of hex escape");
      index_ += 2;
      const std::uint32_t low = parse_hex4();
      if (low < 0xdc00 || low > 0xdfff) fail_here("lone leading surrogate in hex escape");
      code_point = 0x10000 + ((code_point - 0xd800) << 10) + (low - 0xdc00);
    }
    append_utf8(out, code_point);
  }

  std::uint32_t parse_hex4() {
    if (text_.size() - index_ < 4) {
      index_ = text_.size();
      fail_here("EOF while parsing a string");
    }
    std::uint32_t value = 0;
    const char* begin = text_.data() + index_;
    const auto result = std::from_chars(begin, begin + 4, value, 16);
    index_ += 4;
    if (result.ec != std::errc{} || result.ptr != begin + 4) fail_here("invalid escape");
    return value;
  }

  // Skips white space; the first byte after it, or nothing at the end.
  std::optional<char> peek_token() {
    while (index_ < text_.size() &&
           std::string_view(" \t\r\n").find(text_[index_]) != std::string_view::npos) {
      ++index_;
    }
    if (index_ == text_.size()) return std::nullopt;
    return text_[index_];
  }

  [[nodiscard]] char peek() const { return index_ < text_.size() ? text_[index_] : '\0'; }
  [[nodiscard]] bool peek_is_digit() const { return is_digit(peek()); }

  // Names the last byte read.
  [[noreturn]] void fail_here(const std::string& what) const { fail_after(what, index_); }
  // Names the byte that stands next.
  [[noreturn]] void fail_at_peek(const std::string& what) const { fail_after(what, index_ + 1); }

  [[noreturn]] void fail_after(const std::string& what, std::size_t consumed) const {
    const std::string_view seen = text_.substr(0, consumed);
    std::size_t line = 1;
    std::size_t column = 0;
    for (const char c : seen) {
      ++column;
      if (c == '\n') {
        ++line;
        column = 0;
      }
    }
    throw ParseError{what + " at line " + std::to_string(line) + " column " +
                     std::to_string(column)};
  }

  std::string_view text_;
  std::size_t index_ = 0;  // Bytes read so far.
};

}  // namespace

Result<FibonacciRequest> parse_fibonacci_request(std::string_view body) {
  try {
    return Scanner(body).parse();
  } catch (const ParseError& error) {
    return Error{error.message};
  }
}

}  // namespace signalbox::demo
