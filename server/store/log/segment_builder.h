#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/store/log/record.h"

/// Segments for tests of the log's format.
namespace signalbox::server::store::testing {

inline bool same(const RecordHead& a, const RecordHead& b) {
  return a.type == b.type && a.signal == b.signal && a.content == b.content &&
         a.rejected == b.rejected && a.block == b.block && a.time == b.time &&
         a.number == b.number && a.first_segment == b.first_segment && a.hash == b.hash &&
         a.payload_bytes == b.payload_bytes && a.append_offset == b.append_offset;
}

struct ReadRecord {
  std::uint64_t offset = 0;
  RecordHead head;
  std::string payload;

  friend bool operator==(const ReadRecord& a, const ReadRecord& b) {
    return a.offset == b.offset && same(a.head, b.head) && a.payload == b.payload;
  }
};

/// A segment in memory, as `Log` writes it, each record by an append of its own.
class SegmentBuilder {
 public:
  explicit SegmentBuilder(SegmentKey key) : key_(key), bytes_(kSegmentHeadBytes, '\0') {
    SegmentHead head;
    head.key = key;
    const SegmentHeadBytes encoded = encode_segment_head(head);
    bytes_.assign(encoded.data(), encoded.size());
  }

  SegmentBuilder& add(RecordHead head, std::string_view payload) {
    head.payload_bytes = static_cast<std::uint32_t>(payload.size());
    head.append_offset = bytes_.size();
    const RecordHeadBytes encoded = encode_record_head(key_, bytes_.size(), head, payload);
    records_.push_back({bytes_.size(), head, std::string(payload)});
    bytes_.append(encoded.data(), encoded.size());
    bytes_.append(payload);
    bytes_.resize(records_.back().offset + record_bytes(payload.size()), '\0');
    return *this;
  }
  SegmentBuilder& add_request(std::string_view payload, std::uint64_t block = 1) {
    RecordHead head;
    head.block = block;
    head.time = 1'790'000'000'000'000'000;
    head.hash = hash_request(key_.salt, head.signal, head.content, payload);
    return add(head, payload);
  }

  [[nodiscard]] const std::string& bytes() const { return bytes_; }
  [[nodiscard]] const std::vector<ReadRecord>& records() const { return records_; }

 private:
  SegmentKey key_;
  std::string bytes_;
  std::vector<ReadRecord> records_;
};

struct Scan {
  std::vector<ReadRecord> records;
  std::vector<DamagedStretch> damage;
  ScannedSegment end;
};

inline Scan scan(const SegmentKey& key, std::string_view bytes) {
  Scan scan;
  scan.end = scan_segment(
      key, bytes, bytes.size(),
      [&](std::uint64_t offset, const RecordHead& head, std::string_view payload) {
        scan.records.push_back({offset, head, std::string(payload)});
      },
      [&](DamagedStretch stretch) { scan.damage.push_back(stretch); });
  return scan;
}

}  // namespace signalbox::server::store::testing
