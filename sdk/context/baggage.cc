#include <signalbox/context/baggage.h>

#include <algorithm>
#include <utility>

namespace signalbox::context {
namespace {

/// Whether `text` is a token of RFC 7230, as the keys of baggage are.
bool is_token(std::string_view text) noexcept {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kOthers.find(c) != std::string_view::npos;
  });
}

/// Whether `text` can stand in a header after a value: printable ASCII without a comma.
bool is_metadata(std::string_view text) noexcept {
  return std::ranges::all_of(
      text, [](char c) { return c == '\t' || (c >= ' ' && c <= '~' && c != ','); });
}

Baggage make(std::vector<BaggageEntry> entries) {
  if (entries.empty()) return {};
  return Baggage(
      signalbox::detail::Ref<detail::BaggageData>(new detail::BaggageData(std::move(entries))));
}

}  // namespace

std::optional<std::string_view> Baggage::get(std::string_view key) const noexcept {
  for (const BaggageEntry& entry : entries()) {
    if (entry.key == key) return entry.value;
  }
  return std::nullopt;
}

Baggage Baggage::set(std::string_view key, std::string_view value,
                     std::string_view metadata) const noexcept try {
  if (!is_token(key) || !is_metadata(metadata)) return *this;
  std::vector<BaggageEntry> list(entries().begin(), entries().end());
  const auto found = std::ranges::find(list, key, &BaggageEntry::key);
  BaggageEntry entry{std::string(key), std::string(value), std::string(metadata)};
  if (found != list.end()) {
    *found = std::move(entry);
  } else {
    list.push_back(std::move(entry));
  }
  std::size_t bytes = 0;
  for (const BaggageEntry& each : list) {
    bytes += each.key.size() + each.value.size() + each.metadata.size() + 2;
  }
  if (list.size() > kMaxEntries || bytes > kMaxBytes) return *this;
  return make(std::move(list));
} catch (...) {
  return *this;  // No memory: the baggage stays as it was.
}

Baggage Baggage::erase(std::string_view key) const noexcept try {
  if (!get(key)) return *this;
  std::vector<BaggageEntry> list(entries().begin(), entries().end());
  std::erase_if(list, [&](const BaggageEntry& entry) { return entry.key == key; });
  return make(std::move(list));
} catch (...) {
  return *this;
}

}  // namespace signalbox::context
