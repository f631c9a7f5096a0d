#include "server/keys/key_ring.h"

#include <sys/stat.h>

#include <mutex>
#include <optional>
#include <string_view>
#include <utility>

namespace signalbox::server::keys {
namespace {

constexpr std::chrono::milliseconds kRereadInterval{250};
constexpr std::size_t kLongestKey = 256;

/// Tells one version of a file from another.
struct Version {
  ino_t inode = 0;
  off_t size = -1;
  std::int64_t changed_ns = 0;
  friend bool operator==(const Version&, const Version&) = default;
};

Version version_of(const std::filesystem::path& path) {
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) return {};
  constexpr std::int64_t kNanoseconds = 1'000'000'000;
  return {status.st_ino, status.st_size,
          status.st_mtim.tv_sec * kNanoseconds + status.st_mtim.tv_nsec};
}

bool is_bearer(std::string_view value) {
  constexpr std::string_view kBearer = "bearer ";
  if (value.size() < kBearer.size()) return false;
  for (std::size_t i = 0; i < kBearer.size(); ++i) {
    const char c =
        value[i] >= 'A' && value[i] <= 'Z' ? static_cast<char>(value[i] - 'A' + 'a') : value[i];
    if (c != kBearer[i]) return false;
  }
  return true;
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

/// The key that a request shows, or nothing.
std::optional<std::string_view> presented_key(const net::Headers& headers) {
  for (const std::string_view name : {"signalbox-ingestion-key", "signoz-ingestion-key"}) {
    if (const auto value = headers.find(name)) return trimmed(*value);
  }
  constexpr std::size_t kBearerSize = 7;
  const auto authorization = headers.find("authorization");
  if (!authorization || !is_bearer(*authorization)) return std::nullopt;
  return trimmed(authorization->substr(kBearerSize));
}

struct Entry {
  KeyRecord record;
  std::optional<TokenBucket> bucket;
  KeyRing::Usage usage;
};

}  // namespace

struct KeyRing::State {
  State(KeyFile from, Options with) : file(std::move(from)), options(std::move(with)) {}

  /// What `use` says of the key that `headers` show, or why they may not send. The key is null if
  /// none is asked for.
  template <typename Use>
  Verdict with_entry(const net::Headers& headers, Use use) {
    const auto key = presented_key(headers);
    const bool may_be_key = key && !key->empty() && key->size() <= kLongestKey;
    const KeyHash hash = may_be_key ? hash_key(*key) : KeyHash{};

    const std::scoped_lock lock(mutex);
    const Clock::time_point now = options.now();
    read_if_due(now);
    if (!has_file && !options.require_keys) return use(nullptr, now);
    if (!key) {
      return unauthenticated(
          "This server asks for an ingestion key: send it in the header signalbox-ingestion-key, "
          "or as authorization: Bearer KEY. `signalbox keys create NAME` makes one.");
    }
    Entry* const entry = may_be_key ? find(hash) : nullptr;
    if (entry == nullptr) {
      return unauthenticated(
          "This is not a valid ingestion key: it is misspelt or was revoked. `signalbox keys "
          "create NAME` makes a new one.");
    }
    return use(entry, now);
  }

  // The members below need the lock.

  void read_if_due(Clock::time_point now) {
    if (now < next_read) return;
    next_read = now + kRereadInterval;
    const Version found = version_of(file.path());
    if (found == version) return;
    version = found;
    try {
      if (auto records = file.read()) {
        take(std::move(*records), now);
      } else if (has_file) {
        options.report(file.path().string() + " is gone: the keys read before remain in force");
      }
    } catch (const KeyError& error) {
      // Somebody wants keys to be asked for, which they are.
      const bool had_file = std::exchange(has_file, true);
      options.report(std::string(error.what()) + (had_file
                                                      ? "; the keys read before remain in force"
                                                      : "; nobody may send until it can be read"));
    }
  }

  /// Keys that stay keep what they have used.
  void take(std::vector<KeyRecord> records, Clock::time_point now) {
    has_file = true;
    std::vector<Entry> next;
    for (KeyRecord& record : records) {
      Entry entry{.record = std::move(record), .bucket = std::nullopt, .usage = {}};
      entry.usage.name = entry.record.name;
      for (const Entry& old : entries) {
        if (!same_hash(old.record.hash, entry.record.hash)) continue;
        entry.usage = old.usage;
        if (old.record.rate == entry.record.rate) entry.bucket = old.bucket;
      }
      if (entry.record.rate && !entry.bucket) entry.bucket.emplace(*entry.record.rate, now);
      next.push_back(std::move(entry));
    }
    entries = std::move(next);
  }

  /// Looks at every key, so that the time tells nothing of where a match is.
  Entry* find(const KeyHash& hash) {
    Entry* found = nullptr;
    for (Entry& entry : entries) {
      if (same_hash(entry.record.hash, hash)) found = &entry;
    }
    return found;
  }

  Verdict unauthenticated(std::string message) {
    ++unauthenticated_requests;
    return {.status = Verdict::Status::kUnauthenticated,
            .message = std::move(message),
            .retry_after = {}};
  }

  const KeyFile file;
  const Options options;

  std::mutex mutex;
  Clock::time_point next_read = Clock::time_point::min();
  Version version;
  bool has_file = false;  ///< There is, or was, a file of keys, readable or not.
  std::vector<Entry> entries;
  std::uint64_t unauthenticated_requests = 0;
};

KeyRing::KeyRing(KeyFile file, Options options)
    : state_(std::make_unique<State>(std::move(file), std::move(options))) {
  // Not as later: at the start a damaged file is an error.
  state_->version = version_of(state_->file.path());
  if (auto records = state_->file.read()) state_->take(std::move(*records), state_->options.now());
}

KeyRing::~KeyRing() = default;

KeyRing::Verdict KeyRing::authenticate(const net::Headers& headers) {
  return state_->with_entry(headers, [](Entry* /*entry*/, Clock::time_point) { return Verdict(); });
}

KeyRing::Verdict KeyRing::authorize(const net::Headers& headers, std::size_t request_bytes) {
  return state_->with_entry(headers, [&](Entry* entry, Clock::time_point now) -> Verdict {
    if (entry == nullptr) return {};
    if (entry->bucket) {
      if (const auto wait = entry->bucket->take(request_bytes, now)) {
        ++entry->usage.rate_limited_requests;
        return {.status = Verdict::Status::kRateLimited,
                .message = "The ingestion key " + entry->record.name + " may send " +
                           rate_text(*entry->record.rate) +
                           " and has sent more; wait, or send less.",
                .retry_after = *wait};
      }
    }
    ++entry->usage.requests;
    entry->usage.request_bytes += request_bytes;
    return {};
  });
}

bool KeyRing::asks_for_key() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->has_file || state_->options.require_keys;
}

std::vector<KeyRing::Usage> KeyRing::usage() const {
  const std::scoped_lock lock(state_->mutex);
  std::vector<Usage> usage;
  for (const Entry& entry : state_->entries) usage.push_back(entry.usage);
  return usage;
}

std::uint64_t KeyRing::unauthenticated_requests() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->unauthenticated_requests;
}

}  // namespace signalbox::server::keys
