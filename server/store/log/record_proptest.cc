#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "server/store/log/record.h"
#include "server/store/log/segment_builder.h"

/// Whatever becomes of a segment's bytes: what is read was written, what is far from the damage is
/// read, and damage between records is reported.
namespace signalbox::server::store {
namespace {

using testing::ReadRecord;
using testing::scan;
using testing::Scan;
using testing::SegmentBuilder;

std::string random_payload(std::mt19937& random) {
  std::string payload(random() % 3 == 0 ? random() % 5000 : random() % 100, '\0');
  for (char& byte : payload) byte = static_cast<char>(random() % 4 == 0 ? random() : 1);
  return payload;
}

SegmentBuilder random_segment(std::mt19937& random, const SegmentKey& key) {
  SegmentBuilder segment(key);
  const std::size_t records = 1 + random() % 20;
  for (std::size_t i = 0; i < records; ++i) {
    RecordHead head;
    head.type = static_cast<RecordHead::Type>(1 + random() % 4);
    head.signal = static_cast<Signal>(random() % 3);
    head.content = static_cast<std::uint8_t>(random());
    head.rejected = random();
    head.block = random();
    head.time = static_cast<std::int64_t>(random()) << 31;
    if (head.type == RecordHead::Type::kRequest) {
      head.hash = {random(), random()};
    } else {
      head.number = random();
      head.first_segment = random();
    }
    segment.add(head, head.type == RecordHead::Type::kRequest ? random_payload(random) : "");
  }
  return segment;
}

/// Overwrites, swaps or zeroes some bytes; returns which bytes may differ now.
std::pair<std::size_t, std::size_t> spoil(std::mt19937& random, std::string& bytes) {
  const std::size_t from = kSegmentHeadBytes + random() % (bytes.size() - kSegmentHeadBytes);
  const std::size_t size = std::min<std::size_t>(bytes.size() - from, 1 + random() % 600);
  const auto at = bytes.begin() + static_cast<std::ptrdiff_t>(from);
  switch (random() % 4) {
    case 0:
      std::generate_n(at, size, [&] { return static_cast<char>(random()); });
      break;
    case 1:
      std::fill_n(at, size, '\0');
      break;
    case 2:  // As when a sector came to lie in another's place.
      bytes.replace(from, size, bytes.substr(random() % from, size).substr(0, size));
      bytes.resize(std::max(bytes.size(), from + size), '\0');
      break;
    default:
      *at = static_cast<char>(*at ^ (1 << random() % 8));
      return {from, from + 1};
  }
  return {from, from + size};
}

TEST(RecordProperty, ReadsNothingThatWasNotWrittenAndAllThatIsIntact) {
  const std::uint32_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 3000; ++round) {
    const SegmentKey key{random(), random() % 5};
    const SegmentBuilder segment = random_segment(random, key);
    std::string bytes = segment.bytes();
    bytes.resize(bytes.size() + random() % 300, '\0');
    const auto [from, to] = spoil(random, bytes);
    const Scan got = scan(key, bytes);

    std::vector<ReadRecord> hit;
    for (const ReadRecord& record : segment.records()) {
      const std::size_t end = record.offset + kRecordHeadBytes + record.payload.size();
      const bool is_whole = bytes.compare(record.offset, end - record.offset, segment.bytes(),
                                          record.offset, end - record.offset) == 0;
      const bool is_read =
          std::find(got.records.begin(), got.records.end(), record) != got.records.end();
      ASSERT_EQ(is_read, is_whole) << "round " << round << ", bytes " << from << " to " << to;
      if (!is_whole) hit.push_back(record);
    }
    ASSERT_EQ(got.records.size() + hit.size(), segment.records().size()) << "round " << round;
    for (const ReadRecord& record : hit) {
      const bool is_covered =
          std::any_of(got.damage.begin(), got.damage.end(), [&](const DamagedStretch& stretch) {
            return stretch.offset <= record.offset &&
                   record.offset + record_bytes(record.payload.size()) <=
                       stretch.offset + stretch.bytes;
          });
      ASSERT_TRUE(is_covered || record.offset >= got.end.end) << "round " << round;
    }
    ASSERT_TRUE(!hit.empty() || got.damage.empty()) << "round " << round;
  }
}

}  // namespace
}  // namespace signalbox::server::store
