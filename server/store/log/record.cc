#include "server/store/log/record.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>

namespace signalbox::server::store {
namespace {

static_assert(std::endian::native == std::endian::little,
              "the log is written as it lies in memory");

// In a segment's head, set in the end of the segment before.
constexpr std::uint64_t kMayBeCut = std::uint64_t{1} << 63;

constexpr std::array<char, 8> kMagic = {'S', 'B', 'O', 'X', 'L', 'O', 'G', '1'};

// Where the fields of a record's head stand.
constexpr std::size_t kHeadChecksumAt = 0;
constexpr std::size_t kPayloadChecksumAt = 8;
constexpr std::size_t kPayloadBytesAt = 16;
constexpr std::size_t kRejectedAt = 20;
constexpr std::size_t kTypeAt = 24;
constexpr std::size_t kSignalAt = 25;
constexpr std::size_t kContentAt = 26;
constexpr std::size_t kAppendAt = 28;  // In units of 8 bytes.
constexpr std::size_t kBlockAt = 32;
constexpr std::size_t kTimeAt = 40;
// A request's hash, or a seal's two numbers.
constexpr std::size_t kFirstNumberAt = 48;
constexpr std::size_t kSecondNumberAt = 56;
static_assert(kSecondNumberAt + sizeof(std::uint64_t) == kRecordHeadBytes);

template <typename T>
void put(char* bytes, std::size_t at, T value) noexcept {
  std::memcpy(bytes + at, &value, sizeof value);
}

template <typename T>
T get(const char* bytes, std::size_t at) noexcept {
  T value;
  std::memcpy(&value, bytes + at, sizeof value);
  return value;
}

std::uint64_t checksum(std::string_view bytes, std::uint64_t seed) noexcept {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

std::uint64_t seed_of(const SegmentKey& key, std::uint64_t offset) noexcept {
  const std::uint64_t place[3] = {key.salt, key.number, offset};
  return checksum({reinterpret_cast<const char*>(place), sizeof place}, 0);
}

/// The head that `bytes` begin with, if its own checksum holds and its payload lies within them.
std::optional<RecordHead> read_head(const SegmentKey& key, std::uint64_t offset,
                                    std::string_view bytes) {
  if (bytes.size() < kRecordHeadBytes) return std::nullopt;
  const char* at = bytes.data();
  // First what is cheap: a scan comes here for every eighth byte of what is no record.
  const auto type = get<std::uint8_t>(at, kTypeAt);
  const auto signal = get<std::uint8_t>(at, kSignalAt);
  RecordHead head;
  head.payload_bytes = get<std::uint32_t>(at, kPayloadBytesAt);
  if (type < 1 || type > 4 || signal > 2) return std::nullopt;
  if (head.payload_bytes > bytes.size() - kRecordHeadBytes) return std::nullopt;
  const std::string_view checked(at + kPayloadChecksumAt, kRecordHeadBytes - kPayloadChecksumAt);
  if (get<std::uint64_t>(at, kHeadChecksumAt) != checksum(checked, seed_of(key, offset))) {
    return std::nullopt;
  }
  head.type = static_cast<RecordHead::Type>(type);
  head.signal = static_cast<Signal>(signal);
  head.content = get<std::uint8_t>(at, kContentAt);
  head.rejected = get<std::uint32_t>(at, kRejectedAt);
  head.append_offset = std::uint64_t{get<std::uint32_t>(at, kAppendAt)} * 8;
  head.block = get<std::uint64_t>(at, kBlockAt);
  head.time = get<std::int64_t>(at, kTimeAt);
  if (head.type == RecordHead::Type::kRequest) {
    head.hash = {get<std::uint64_t>(at, kFirstNumberAt), get<std::uint64_t>(at, kSecondNumberAt)};
  } else {
    head.number = get<std::uint64_t>(at, kFirstNumberAt);
    head.first_segment = get<std::uint64_t>(at, kSecondNumberAt);
  }
  return head;
}

bool is_payload_intact(const SegmentKey& key, std::uint64_t offset, std::string_view bytes,
                       std::string_view payload) noexcept {
  return get<std::uint64_t>(bytes.begin(), kPayloadChecksumAt) ==
         checksum(payload, ~seed_of(key, offset));
}

}  // namespace

RequestHash hash_request(std::uint64_t salt, Signal signal, std::uint8_t content,
                         std::string_view payload) noexcept {
  const std::uint64_t seed =
      salt ^ (static_cast<std::uint64_t>(signal) << 8 | static_cast<std::uint64_t>(content));
  const XXH128_hash_t hash = XXH3_128bits_withSeed(payload.data(), payload.size(), seed);
  return {hash.low64, hash.high64};
}

RecordHeadBytes encode_record_head(const SegmentKey& key, std::uint64_t offset,
                                   const RecordHead& head, std::string_view payload) {
  RecordHeadBytes bytes{};
  char* at = bytes.data();
  const std::uint64_t seed = seed_of(key, offset);
  put(at, kPayloadChecksumAt, checksum(payload, ~seed));
  put(at, kPayloadBytesAt, static_cast<std::uint32_t>(payload.size()));
  put(at, kRejectedAt, head.rejected);
  put(at, kTypeAt, static_cast<std::uint8_t>(head.type));
  put(at, kSignalAt, static_cast<std::uint8_t>(head.signal));
  put(at, kContentAt, head.content);
  put(at, kAppendAt, static_cast<std::uint32_t>(head.append_offset / 8));
  put(at, kBlockAt, head.block);
  put(at, kTimeAt, head.time);
  const bool is_request = head.type == RecordHead::Type::kRequest;
  put(at, kFirstNumberAt, is_request ? head.hash.low : head.number);
  put(at, kSecondNumberAt, is_request ? head.hash.high : head.first_segment);
  const std::string_view checked(at + kPayloadChecksumAt, kRecordHeadBytes - kPayloadChecksumAt);
  put(at, kHeadChecksumAt, checksum(checked, seed));
  return bytes;
}

SegmentHeadBytes encode_segment_head(const SegmentHead& head) {
  SegmentHeadBytes bytes{};
  char* at = bytes.data();
  std::memcpy(at, kMagic.data(), kMagic.size());
  const std::uint64_t fields[] = {head.key.salt,
                                  head.key.number,
                                  static_cast<std::uint64_t>(head.last_identity),
                                  head.next_block,
                                  head.retired_below,
                                  head.previous_end | (head.previous_may_be_cut ? kMayBeCut : 0)};
  static_assert(kMagic.size() + sizeof fields + sizeof(std::uint64_t) == kSegmentHeadBytes);
  std::memcpy(at + kMagic.size(), fields, sizeof fields);
  put(at, kSegmentHeadBytes - 8, checksum({at, kSegmentHeadBytes - 8}, 0));
  return bytes;
}

bool decode_segment_head(std::string_view bytes, SegmentHead& head) {
  if (bytes.size() < kSegmentHeadBytes) return false;
  const char* at = bytes.data();
  if (std::memcmp(at, kMagic.data(), kMagic.size()) != 0) return false;
  if (get<std::uint64_t>(at, kSegmentHeadBytes - 8) != checksum({at, kSegmentHeadBytes - 8}, 0)) {
    return false;
  }
  head.key = {get<std::uint64_t>(at, 8), get<std::uint64_t>(at, 16)};
  head.last_identity = get<std::int64_t>(at, 24);
  head.next_block = get<std::uint64_t>(at, 32);
  head.retired_below = get<std::uint64_t>(at, 40);
  const auto previous = get<std::uint64_t>(at, 48);
  head.previous_end = previous & ~kMayBeCut;
  head.previous_may_be_cut = (previous & kMayBeCut) != 0;
  return true;
}

bool read_record(const SegmentKey& key, std::uint64_t offset, std::string_view bytes,
                 RecordHead& head, std::string_view& payload) {
  const auto found = read_head(key, offset, bytes);
  if (!found) return false;
  head = *found;
  payload = bytes.substr(kRecordHeadBytes, head.payload_bytes);
  return is_payload_intact(key, offset, bytes, payload);
}

ScannedSegment scan_segment(
    const SegmentKey& key, std::string_view segment, std::uint64_t written,
    const std::function<void(std::uint64_t, const RecordHead&, std::string_view)>& on_record,
    const std::function<void(DamagedStretch)>& on_damage) {
  ScannedSegment scanned;
  std::uint64_t& end = scanned.end;  // Of what has been read or reported.
  // A head is never all zero.
  const std::uint64_t last = std::min<std::uint64_t>(written, segment.size());
  for (std::uint64_t offset = end; offset < last;) {
    const auto head = read_head(key, offset, segment.substr(offset));
    if (!head) {
      offset += 8;
      continue;
    }
    const std::string_view bytes = segment.substr(offset);
    const std::string_view payload = bytes.substr(kRecordHeadBytes, head->payload_bytes);
    // The head is intact, so its length is right, even if the payload is damaged.
    const std::uint64_t next =
        std::min<std::uint64_t>(offset + record_bytes(head->payload_bytes), segment.size());
    if (!is_payload_intact(key, offset, bytes, payload)) {
      on_damage({end, next - end});
    } else {
      if (offset > end) on_damage({end, offset - end});
      on_record(offset, *head, payload);
    }
    scanned.last_append = head->append_offset;
    offset = next;
    end = next;
  }
  return scanned;
}

}  // namespace signalbox::server::store
