#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "server/store/columns/side_tables.h"

namespace signalbox::server::store {
namespace {

/// Further ones lose their names: a client that puts an id into each span's name must not make this
/// table as large as the spans'.
constexpr std::size_t kMaxGroups = 8'192;
constexpr std::uint32_t kNoName = 0xFFFFFFFF;
constexpr std::int64_t kMinuteNs = 60'000'000'000;

struct Key {
  std::int64_t minute;
  std::uint32_t service, name;  // Indexes of dictionaries.
  std::int32_t kind, status_code;
  bool is_root;
  friend bool operator==(const Key&, const Key&) = default;
};

struct HashOfKey {
  std::size_t operator()(const Key& key) const noexcept {
    using hash_detail::mix;
    const std::uint64_t names = std::uint64_t{key.service} << 32 | key.name;
    const std::uint64_t rest = static_cast<std::uint64_t>(static_cast<std::uint32_t>(key.kind))
                                   << 32 |
                               static_cast<std::uint32_t>(key.status_code);
    return mix(names ^ hash_detail::kFirst,
               mix(rest ^ hash_detail::kSecond,
                   (static_cast<std::uint64_t>(key.minute) << 1 | (key.is_root ? 1U : 0U)) ^
                       hash_detail::kThird));
  }
};

struct Group {
  Key key;
  std::int64_t min_ns, max_ns, last_start;
  double sum_ns = 0;
};

class Minutes {
 public:
  explicit Minutes(const SpanColumns& spans) : spans_(spans) {
    const std::size_t rows = spans.start_time.size();
    codes_.reserve(rows);
    for (std::size_t row = 0; row < rows; ++row) add(row);
    std::sort(codes_.begin(), codes_.end());
  }

  void write(SpanMinuteColumns& to) const {
    std::size_t at = 0;
    for (std::uint32_t i = 0; i < groups_.size(); ++i) {
      const auto& [key, min_ns, max_ns, last_start, sum_ns] = groups_[i];
      std::uint64_t spans = 0;
      while (at < codes_.size() && codes_[at] >> kBucketBits == i) {
        const std::size_t begin = at;
        while (at < codes_.size() && codes_[at] == codes_[begin]) ++at;
        to.durations.add(static_cast<std::uint16_t>(codes_[begin] & kBucketMask), at - begin);
        spans += at - begin;
      }
      to.durations.end_row();
      to.minute.append(key.minute);
      to.service_name.append(spans_.service_name.dictionary()[key.service]);
      to.name.append(key.name == kNoName ? std::string_view() : spans_.name.dictionary()[key.name]);
      to.kind.append(key.kind);
      to.is_root.append(key.is_root ? 1 : 0);
      to.status_code.append(key.status_code);
      to.spans.append(spans);
      to.min_ns.append(min_ns);
      to.max_ns.append(max_ns);
      to.sum_ns.append(sum_ns);
      to.last_start.append(last_start);
    }
  }

 private:
  static constexpr unsigned kBucketBits = 10;
  static constexpr std::uint64_t kBucketMask = (1U << kBucketBits) - 1;

  void add(std::size_t row) {
    constexpr std::string_view kNoParent("\0\0\0\0\0\0\0\0", 8);
    const std::int64_t start = spans_.start_time[row];
    const std::int64_t duration = spans_.duration_ns[row];
    Key key{.minute = start / kMinuteNs * 60,
            .service = spans_.service_name.indexes()[row],
            .name = spans_.name.indexes()[row],
            .kind = spans_.kind[row],
            .status_code = spans_.status_code[row],
            .is_root = spans_.parent_span_id[row] == kNoParent};
    const std::uint32_t index = group_of(key, start, duration);
    Group& group = groups_[index];
    group.min_ns = std::min(group.min_ns, duration);
    group.max_ns = std::max(group.max_ns, duration);
    group.last_start = std::max(group.last_start, start);
    group.sum_ns += static_cast<double>(duration);
    codes_.push_back(std::uint64_t{index} << kBucketBits | duration_bucket(duration));
  }

  std::uint32_t group_of(Key key, std::int64_t start, std::int64_t duration) {
    auto at = index_.find(key);
    if (at == index_.end() && groups_.size() >= kMaxGroups) {
      key.name = kNoName;
      at = index_.find(key);
    }
    if (at == index_.end()) {
      at = index_.emplace(key, static_cast<std::uint32_t>(groups_.size())).first;
      groups_.push_back({.key = key, .min_ns = duration, .max_ns = duration, .last_start = start});
    }
    return at->second;
  }

  const SpanColumns& spans_;
  std::unordered_map<Key, std::uint32_t, HashOfKey> index_;
  std::vector<Group> groups_;
  std::vector<std::uint64_t> codes_;  // A group's index and a bucket, of each span.
};

}  // namespace

void add_span_minutes(const SpanColumns& spans, SpanMinuteColumns& to) {
  Minutes(spans).write(to);
}

}  // namespace signalbox::server::store
