#include <signalbox/context/baggage.h>
#include <signalbox/propagation/propagator.h>

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace signalbox::propagation {
namespace {

constexpr std::string_view kBaggage = "baggage";
constexpr std::string_view kFields[] = {kBaggage};

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Whether `c` may stand in a value as it is (a baggage-octet, except the percent sign).
bool is_plain(char c) noexcept {
  return c > ' ' && c <= '~' && c != '"' && c != ',' && c != ';' && c != '\\' && c != '%';
}

void append_encoded(std::string& out, std::string_view value) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  for (const char c : value) {
    if (is_plain(c)) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kDigits[byte >> 4];
      out += kDigits[byte & 0xF];
    }
  }
}

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Percent signs that do not begin an encoded byte stay as they are.
std::string decoded(std::string_view text) {
  std::string value;
  value.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 &&
        hex_digit(text[i + 2]) >= 0) {
      value += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    } else {
      value += text[i];
    }
  }
  return value;
}

class BaggagePropagator final : public TextMapPropagator {
 public:
  void inject(const context::Context& context, TextMapSetter& setter) const override {
    if (context.fields().baggage == nullptr) return;
    std::string header;
    for (const context::BaggageEntry& entry : context.fields().baggage->entries) {
      const std::size_t before = header.size();
      if (before != 0) header += ',';
      header += entry.key;
      header += '=';
      append_encoded(header, entry.value);
      if (!entry.metadata.empty()) {
        header += ';';
        header += entry.metadata;
      }
      // Encoding can triple a value: what no longer fits is left out, whole.
      if (header.size() > context::Baggage::kMaxBytes) header.resize(before);
    }
    if (!header.empty()) setter.set(kBaggage, header);
  }

  [[nodiscard]] context::Context extract(const context::Context& base,
                                         const TextMapGetter& getter) const override {
    if (!getter.get(kBaggage)) return base;
    context::Baggage baggage;
    getter.get_all(kBaggage, [&](std::string_view header) { add_members(baggage, header); });
    return baggage.empty() ? base : base.with_baggage(baggage);
  }

  [[nodiscard]] std::span<const std::string_view> fields() const noexcept override {
    return kFields;
  }

 private:
  static void add_members(context::Baggage& baggage, std::string_view header) {
    header = header.substr(0, context::Baggage::kMaxBytes);
    while (!header.empty()) {
      const std::size_t comma = std::min(header.find(','), header.size());
      add_member(baggage, header.substr(0, comma));
      header.remove_prefix(std::min(comma + 1, header.size()));
    }
  }

  /// Malformed members are left out; the others count.
  static void add_member(context::Baggage& baggage, std::string_view member) {
    const std::size_t semicolon = std::min(member.find(';'), member.size());
    const std::string_view pair = member.substr(0, semicolon);
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) return;
    const std::string_view metadata =
        semicolon == member.size() ? std::string_view() : trim(member.substr(semicolon + 1));
    baggage =
        baggage.set(trim(pair.substr(0, equals)), decoded(trim(pair.substr(equals + 1))), metadata);
  }
};

}  // namespace

PropagatorPtr baggage_propagator() {
  static const auto& propagator = *new PropagatorPtr(std::make_shared<BaggagePropagator>());
  return propagator;
}

}  // namespace signalbox::propagation
