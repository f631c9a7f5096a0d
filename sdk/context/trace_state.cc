#include <signalbox/trace/trace_state.h>

#include <algorithm>
#include <string>
#include <vector>

namespace signalbox::trace {
namespace {

constexpr std::size_t kMaxMembers = 32;

struct Member {
  std::string_view key;
  std::string_view value;
};

bool is_key_character(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '*' ||
         c == '/';
}

bool is_lower(char c) noexcept {
  return c >= 'a' && c <= 'z';
}
bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

/// W3C Trace Context, section 3.3.1.3.1: a simple key, or tenant@system.
bool is_valid_key(std::string_view key) noexcept {
  if (key.empty() || key.size() > 256) return false;
  const std::size_t at = key.find('@');
  if (at == std::string_view::npos) {
    return is_lower(key.front()) && std::ranges::all_of(key, is_key_character);
  }
  const std::string_view tenant = key.substr(0, at);
  const std::string_view system = key.substr(at + 1);
  return !tenant.empty() && tenant.size() <= 241 &&
         (is_lower(tenant.front()) || is_digit(tenant.front())) &&
         std::ranges::all_of(tenant, is_key_character) && !system.empty() && system.size() <= 14 &&
         is_lower(system.front()) && std::ranges::all_of(system, is_key_character);
}

/// Section 3.3.1.3.2: printable ASCII but comma and equals sign, no space at the end.
bool is_valid_value(std::string_view value) noexcept {
  return !value.empty() && value.size() <= 256 && value.back() != ' ' &&
         std::ranges::all_of(value,
                             [](char c) { return c >= ' ' && c <= '~' && c != ',' && c != '='; });
}

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Calls `each` with every member; false as soon as one is malformed or `each` says so.
template <typename Each>
bool for_each_member(std::string_view header, Each&& each) {
  while (!header.empty()) {
    const std::size_t comma = std::min(header.find(','), header.size());
    const std::string_view text = trim(header.substr(0, comma));
    header.remove_prefix(std::min(comma + 1, header.size()));
    if (text.empty()) continue;  // Allowed: "a=1,,b=2".
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) return false;
    const Member member{text.substr(0, equals), text.substr(equals + 1)};
    if (!is_valid_key(member.key) || !is_valid_value(member.value)) return false;
    if (!each(member)) return false;
  }
  return true;
}

std::string join(const std::vector<Member>& members) {
  std::string header;
  for (const Member& member : members) {
    if (!header.empty()) header += ',';
    header.append(member.key).append("=").append(member.value);
  }
  return header;
}

TraceState make(const std::vector<Member>& members) {
  if (members.empty()) return {};
  return TraceState(
      signalbox::detail::Ref<detail::TraceStateData>(new detail::TraceStateData(join(members))));
}

std::vector<Member> members_of(std::string_view header) {
  std::vector<Member> members;
  for_each_member(header, [&](const Member& member) {
    members.push_back(member);
    return true;
  });
  return members;
}

}  // namespace

TraceState TraceState::from_header(std::string_view header) noexcept try {
  if (header.empty()) return {};
  std::vector<Member> members;
  const bool valid = for_each_member(header, [&](const Member& member) {
    if (members.size() == kMaxMembers) return false;
    if (std::ranges::find(members, member.key, &Member::key) != members.end()) return false;
    members.push_back(member);
    return true;
  });
  if (!valid) return {};
  return make(members);
} catch (...) {
  return {};  // No memory: the trace goes on without its vendors' part.
}

std::string_view TraceState::to_header() const noexcept {
  return data_ ? std::string_view(data_->header) : std::string_view();
}

std::optional<std::string_view> TraceState::get(std::string_view key) const noexcept {
  std::optional<std::string_view> value;
  for_each_member(to_header(), [&](const Member& member) {
    if (member.key == key) value = member.value;
    return !value;
  });
  return value;
}

TraceState TraceState::set(std::string_view key, std::string_view value) const noexcept try {
  if (!is_valid_key(key) || !is_valid_value(value)) return *this;
  std::vector<Member> members = members_of(to_header());
  std::erase_if(members, [&](const Member& member) { return member.key == key; });
  members.insert(members.begin(), {key, value});
  if (members.size() > kMaxMembers) members.resize(kMaxMembers);
  return make(members);
} catch (...) {
  return *this;
}

TraceState TraceState::erase(std::string_view key) const noexcept try {
  std::vector<Member> members = members_of(to_header());
  if (std::erase_if(members, [&](const Member& member) { return member.key == key; }) == 0) {
    return *this;
  }
  return make(members);
} catch (...) {
  return *this;
}

}  // namespace signalbox::trace
