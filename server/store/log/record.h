#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "server/store/ingest.h"

/// The format of the log's segments. All numbers are little-endian.
///
/// A segment begins with a head of 64 bytes; records follow, each at a multiple of 8 bytes: a head
/// of 64 bytes, the payload, zeros up to the next multiple of 8. Head and payload have a checksum
/// each (XXH3-64), seeded by the log's salt, the segment's number and the record's offset: bytes
/// that were left over in a file that is used again, that a sender made up, or that came to lie in
/// another place are never taken for a record.
namespace signalbox::server::store {

/// Identity of a request: a hash of what was received, keyed by the log's salt.
struct RequestHash {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  friend bool operator==(const RequestHash&, const RequestHash&) = default;
};

/// XXH3-128 of signal, content and payload.
[[nodiscard]] RequestHash hash_request(std::uint64_t salt, Signal signal, std::uint8_t content,
                                       std::string_view payload) noexcept;

struct RecordHead {
  enum class Type : std::uint8_t {
    kRequest = 1,  ///< A request, with its bytes, that was decoded into `block`.
    kSeal = 2,     ///< `block` has all its requests, and got the identity `time`.
    kCommit = 3,   ///< The rows of `block` are in all their tables.
    kRetire = 4,   ///< Segments below `number` have served.
  };
  Type type = Type::kRequest;
  Signal signal = Signal::kTraces;  ///< Of a request.
  std::uint8_t content = 0;         ///< Of a request: see Decoder.
  std::uint32_t rejected = 0;       ///< Of a request: records that were well-formed but refused.
  std::uint64_t block = 0;          ///< A number that is never given twice.
  std::int64_t time = 0;            ///< Of a request: when received, nanoseconds since 1970; of a
                                    ///< seal: the block's identity, microseconds since 1970.
  std::uint64_t number = 0;         ///< Of a seal: how many requests the block has.
  std::uint64_t first_segment = 0;  ///< Of a seal: where its first request stands.
  RequestHash hash;                 ///< Of a request.
  std::uint32_t payload_bytes = 0;
  /// Where the first of the records stands that were written and synced together with this one:
  /// what is before it was on disk when this one was written. A multiple of 8, < 32 GiB.
  std::uint64_t append_offset = 0;
};

inline constexpr std::size_t kRecordHeadBytes = 64;
inline constexpr std::size_t kSegmentHeadBytes = 64;
inline constexpr std::size_t kLargestPayloadBytes = std::size_t{1} << 30;

/// From a record's offset to the next one's.
[[nodiscard]] constexpr std::uint64_t record_bytes(std::uint64_t payload_bytes) noexcept {
  return (kRecordHeadBytes + payload_bytes + 7) / 8 * 8;
}

/// Which segment of which log.
struct SegmentKey {
  std::uint64_t salt = 0;
  std::uint64_t number = 0;
};

using RecordHeadBytes = std::array<char, kRecordHeadBytes>;
[[nodiscard]] RecordHeadBytes encode_record_head(const SegmentKey& key, std::uint64_t offset,
                                                 const RecordHead& head, std::string_view payload);

struct SegmentHead {
  SegmentKey key;
  std::int64_t last_identity = 0;   ///< Of the blocks sealed so far.
  std::uint64_t next_block = 0;     ///< Numbers below it are given.
  std::uint64_t retired_below = 0;  ///< Segments below it had served when this one began.
  std::uint64_t previous_end = 0;   ///< Bytes of the segment before that count; 0: there is none.
  /// The process that wrote the segment before ended without saying whether its last write was
  /// finished.
  bool previous_may_be_cut = false;
};

using SegmentHeadBytes = std::array<char, kSegmentHeadBytes>;
[[nodiscard]] SegmentHeadBytes encode_segment_head(const SegmentHead& head);
/// False if `bytes` do not begin with an intact head.
[[nodiscard]] bool decode_segment_head(std::string_view bytes, SegmentHead& head);

/// A stretch of a segment that holds no readable record although it should.
struct DamagedStretch {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

/// Reads the record that `bytes` begin with and that stands at `offset` of its segment. False if
/// there is no intact one; `head` is set nevertheless if only the payload is damaged.
[[nodiscard]] bool read_record(const SegmentKey& key, std::uint64_t offset, std::string_view bytes,
                               RecordHead& head, std::string_view& payload);

struct ScannedSegment {
  std::uint64_t end = kSegmentHeadBytes;          ///< Of its last record.
  std::uint64_t last_append = kSegmentHeadBytes;  ///< `append_offset` of its last record.
};

/// Finds the records of a whole segment, also those behind a damaged stretch; from `written` on its
/// bytes are zero. The time it takes is proportional to `written`, whatever the bytes are.
ScannedSegment scan_segment(const SegmentKey& key, std::string_view segment, std::uint64_t written,
                            const std::function<void(std::uint64_t offset, const RecordHead&,
                                                     std::string_view payload)>& on_record,
                            const std::function<void(DamagedStretch)>& on_damage);

}  // namespace signalbox::server::store
