#include "server/store/log/record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "server/store/log/segment_builder.h"

namespace signalbox::server::store {
namespace {

using ::testing::IsEmpty;
using testing::ReadRecord;
using testing::scan;
using testing::Scan;
using testing::SegmentBuilder;
using ::testing::SizeIs;

constexpr SegmentKey kKey{.salt = 0x1234567890abcdef, .number = 7};

SegmentBuilder some_records() {
  SegmentBuilder segment(kKey);
  RecordHead request;
  request.type = RecordHead::Type::kRequest;
  request.signal = Signal::kLogs;
  request.content = 3;
  request.rejected = 17;
  request.block = 42;
  request.time = 1'790'000'000'123'456'789;
  request.hash = {.low = 1, .high = 2};
  segment.add(request, "thirteen char");
  segment.add(request, "");
  segment.add(request, std::string(1000, 'x'));
  RecordHead seal;
  seal.type = RecordHead::Type::kSeal;
  seal.block = 42;
  seal.time = 1'790'000'000'123'456;
  seal.number = 3;
  seal.first_segment = 6;
  segment.add(seal, "");
  RecordHead commit;
  commit.type = RecordHead::Type::kCommit;
  commit.block = 42;
  segment.add(commit, "");
  RecordHead retire;
  retire.type = RecordHead::Type::kRetire;
  retire.number = 7;
  segment.add(retire, "");
  return segment;
}

TEST(Record, ReadsWhatWasWritten) {
  const SegmentBuilder segment = some_records();

  const Scan got = scan(kKey, segment.bytes());

  EXPECT_EQ(got.records, segment.records());
  EXPECT_THAT(got.damage, IsEmpty());
  EXPECT_EQ(got.end.end, segment.bytes().size());
  EXPECT_EQ(got.end.last_append, segment.records().back().offset);
}

TEST(Record, ReadsASegmentsHead) {
  const SegmentHead head{.key = kKey,
                         .last_identity = -5,
                         .next_block = 6,
                         .retired_below = 7,
                         .previous_end = 8,
                         .previous_may_be_cut = true};
  const SegmentHeadBytes bytes = encode_segment_head(head);
  SegmentHead got;
  ASSERT_TRUE(decode_segment_head({bytes.data(), bytes.size()}, got));
  EXPECT_EQ(got.key.salt, kKey.salt);
  EXPECT_EQ(got.key.number, kKey.number);
  EXPECT_EQ(got.last_identity, -5);
  EXPECT_EQ(got.next_block, 6U);
  EXPECT_EQ(got.retired_below, 7U);
  EXPECT_EQ(got.previous_end, 8U);
  EXPECT_TRUE(got.previous_may_be_cut);
}

TEST(Record, RefusesASegmentsHeadWithAnyBitFlippedOrAnyByteMissing) {
  SegmentHead head;
  head.key = kKey;
  const SegmentHeadBytes intact = encode_segment_head(head);
  SegmentHead got;
  for (std::size_t bit = 0; bit < kSegmentHeadBytes * 8; ++bit) {
    SegmentHeadBytes bytes = intact;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(decode_segment_head({bytes.data(), bytes.size()}, got)) << bit;
  }
  for (std::size_t size = 0; size < kSegmentHeadBytes; ++size) {
    EXPECT_FALSE(decode_segment_head({intact.data(), size}, got)) << size;
  }
}

TEST(Record, ReadsTheRecordsBeforeACutAtAnyByte) {
  const SegmentBuilder segment = some_records();
  for (std::size_t size = 0; size <= segment.bytes().size(); ++size) {
    // Exactly as large as that, so that a sanitizer sees every read beyond it.
    const std::vector<char> cut(segment.bytes().begin(),
                                segment.bytes().begin() + static_cast<std::ptrdiff_t>(size));
    const Scan got = scan(kKey, {cut.data(), cut.size()});
    std::vector<ReadRecord> whole;
    for (const ReadRecord& record : segment.records()) {
      // Of the last record's padding, nothing is needed.
      if (record.offset + kRecordHeadBytes + record.payload.size() <= size) whole.push_back(record);
    }
    ASSERT_EQ(got.records, whole) << size;
    ASSERT_THAT(got.damage, IsEmpty()) << size;
  }
}

TEST(Record, LosesOnlyTheRecordOfAFlippedBitAndReportsIt) {
  const SegmentBuilder segment = some_records();
  const auto& records = segment.records();
  for (std::size_t bit = kSegmentHeadBytes * 8; bit < segment.bytes().size() * 8; ++bit) {
    std::string bytes = segment.bytes();
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    const auto hit = std::find_if(records.rbegin(), records.rend(), [&](const ReadRecord& record) {
      return record.offset <= bit / 8;
    });
    const bool is_padding = bit / 8 >= hit->offset + kRecordHeadBytes + hit->payload.size();
    std::vector<ReadRecord> others = records;
    if (!is_padding) std::erase(others, *hit);

    const Scan got = scan(kKey, bytes);

    ASSERT_EQ(got.records, others) << bit;
    const bool is_last = hit == records.rbegin();
    // Where the last record stood cannot be told from where nothing was written.
    ASSERT_THAT(got.damage, SizeIs(is_padding || is_last ? 0 : 1)) << bit;
    if (is_last) {
      ASSERT_EQ(got.end.end, is_padding ? bytes.size() : hit->offset) << bit;
    }
    if (got.damage.empty()) continue;
    ASSERT_EQ(got.damage[0].offset, hit->offset) << bit;
    ASSERT_EQ(got.damage[0].bytes, record_bytes(hit->payload.size())) << bit;
  }
}

TEST(Record, ReportsADamagedPayloadAlsoOfTheLastRecord) {
  SegmentBuilder segment(kKey);
  segment.add_request("first").add_request("second");
  std::string bytes = segment.bytes();
  bytes[bytes.size() - 8] ^= 1;

  const Scan got = scan(kKey, bytes);

  ASSERT_THAT(got.records, SizeIs(1));
  ASSERT_THAT(got.damage, SizeIs(1));
  EXPECT_EQ(got.damage[0].offset, segment.records()[1].offset);
  EXPECT_EQ(got.end.last_append, segment.records()[1].offset);
}

TEST(Record, ReportsAStretchOfSeveralRecordsOnce) {
  SegmentBuilder segment(kKey);
  for (int i = 0; i < 10; ++i) segment.add_request("request " + std::to_string(i));
  std::string bytes = segment.bytes();
  const std::uint64_t from = segment.records()[3].offset;
  const std::uint64_t to = segment.records()[7].offset;
  std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(from), to - from, '\xff');

  const Scan got = scan(kKey, bytes);

  EXPECT_THAT(got.records, SizeIs(6));
  ASSERT_THAT(got.damage, SizeIs(1));
  EXPECT_EQ(got.damage[0].offset, from);
  EXPECT_EQ(got.damage[0].bytes, to - from);
}

TEST(Record, IsNeverTakenFromAnotherSegmentOtherLogOrOtherPlace) {
  const SegmentBuilder segment = some_records();
  EXPECT_THAT(scan({kKey.salt, kKey.number + 1}, segment.bytes()).records, IsEmpty());
  EXPECT_THAT(scan({kKey.salt + 1, kKey.number}, segment.bytes()).records, IsEmpty());
  for (std::size_t by = 8; by < 512; by += 8) {
    std::string moved = segment.bytes();
    moved.insert(kSegmentHeadBytes, by, '\0');
    const Scan got = scan(kKey, moved);
    EXPECT_THAT(got.records, IsEmpty()) << by;
  }
}

TEST(Record, DoesNotReadWhatAFileHeldBeforeItWasUsedAgain) {
  SegmentBuilder old({kKey.salt, kKey.number - 3});
  for (int i = 0; i < 100; ++i) old.add_request("of an earlier segment " + std::to_string(i));
  SegmentBuilder segment(kKey);
  segment.add_request("new");
  std::string bytes = old.bytes();
  bytes.replace(0, segment.bytes().size(), segment.bytes());

  const Scan got = scan(kKey, bytes);

  EXPECT_EQ(got.records, segment.records());
  EXPECT_THAT(got.damage, IsEmpty());
  EXPECT_EQ(got.end.end, segment.bytes().size());
}

TEST(Record, DoesNotReadRecordsThatASenderPutIntoAPayload) {
  // The sender knows the format and everything but the log's salt.
  SegmentBuilder forged({0, kKey.number});
  for (int i = 0; i < 50; ++i) forged.add_request("forged");
  SegmentBuilder segment(kKey);
  segment.add_request(forged.bytes()).add_request("honest");
  EXPECT_EQ(scan(kKey, segment.bytes()).records, segment.records());

  std::string bytes = segment.bytes();
  bytes[segment.records()[0].offset] ^= 1;  // So that a scan looks into the payload.
  const Scan got = scan(kKey, bytes);

  ASSERT_THAT(got.records, SizeIs(1));
  EXPECT_EQ(got.records[0], segment.records()[1]);
  EXPECT_THAT(got.damage, SizeIs(1));
}

TEST(Record, BelievesNoLengthThatReachesBeyondTheSegment) {
  SegmentBuilder segment(kKey);
  segment.add_request(std::string(5000, 'x'));
  for (const std::size_t size : {64U, 72U, 128U, 136U, 1000U, 5000U}) {
    RecordHead head;
    std::string_view payload;
    const std::string_view bytes(segment.bytes());
    EXPECT_FALSE(read_record(kKey, 64, bytes.substr(64, size), head, payload)) << size;
  }
}

TEST(Record, IsScannedInATimeThatGrowsNoFasterThanTheSegment) {
  // The worst that a segment can hold: every eighth byte looks like a head of a large record.
  const auto took = [](std::size_t bytes) {
    SegmentBuilder segment(kKey);
    std::string worst(bytes, '\0');
    for (std::size_t at = 0; at + 8 <= bytes; at += 8) {
      worst[at] = 1;  // As a type, and as a length.
    }
    segment.add_request(worst);
    std::string all = segment.bytes();
    all[kSegmentHeadBytes] ^= 1;
    auto best = std::chrono::nanoseconds::max();
    for (int i = 0; i < 3; ++i) {
      const auto start = std::chrono::steady_clock::now();
      scan(kKey, all);
      best = std::min<std::chrono::nanoseconds>(best, std::chrono::steady_clock::now() - start);
    }
    return best;
  };
  const auto small = took(1 << 18);
  const auto large = took(1 << 22);
  EXPECT_LT(large, 16 * 8 * small);  // 16 times the bytes; quadratic would be 256 times the time.
}

TEST(Record, ChecksEachDamagedPayloadOnce) {
  // Heads that are intact, with lengths that would make a scan check each byte again and again.
  const auto took = [](std::size_t records) {
    SegmentBuilder segment(kKey);
    for (std::size_t i = 0; i < records; ++i) segment.add_request(std::string(64, 'x'));
    std::string all = segment.bytes();
    for (const ReadRecord& record : segment.records()) {
      RecordHead head = record.head;
      const std::string_view rest = std::string_view(all).substr(record.offset + 64);
      const RecordHeadBytes forged = encode_record_head(kKey, record.offset, head, rest);
      all.replace(record.offset, forged.size(), forged.data(), forged.size());
    }
    // The payloads' checksums do not hold any more: later heads were changed behind them.
    const auto start = std::chrono::steady_clock::now();
    scan(kKey, all);
    return std::chrono::steady_clock::now() - start;
  };
  took(100);
  EXPECT_LT(took(8000),
            8 * 3 * std::max<std::chrono::nanoseconds>(took(1000), std::chrono::microseconds(50)));
}

TEST(Record, TellsRequestsOfDifferentSignalsAndContentsApart) {
  const RequestHash hash = hash_request(1, Signal::kTraces, 0, "payload");
  EXPECT_EQ(hash, hash_request(1, Signal::kTraces, 0, "payload"));
  EXPECT_FALSE(hash == hash_request(2, Signal::kTraces, 0, "payload"));
  EXPECT_FALSE(hash == hash_request(1, Signal::kLogs, 0, "payload"));
  EXPECT_FALSE(hash == hash_request(1, Signal::kTraces, 1, "payload"));
  EXPECT_FALSE(hash == hash_request(1, Signal::kTraces, 0, "payload "));
}

}  // namespace
}  // namespace signalbox::server::store
