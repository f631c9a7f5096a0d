#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "server/store/log/record.h"

/// Scans the input as a segment, whose head tells its key. What is found lies within it, in order,
/// and encodes to the same bytes again.
namespace {

namespace store = signalbox::server::store;

void check(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  // The corpus is written with this key; a damaged head must not end the search.
  store::SegmentKey key{.salt = 0x5eed, .number = 1};
  store::SegmentHead head;
  if (store::decode_segment_head(bytes, head)) {
    key = head.key;
    const store::SegmentHeadBytes again = store::encode_segment_head(head);
    check(std::string_view(again.data(), again.size()) == bytes.substr(0, again.size()));
  }
  std::uint64_t end = store::kSegmentHeadBytes;
  const store::ScannedSegment scanned = store::scan_segment(
      key, bytes, bytes.size(),
      [&](std::uint64_t offset, const store::RecordHead& record, std::string_view payload) {
        check(offset % 8 == 0 && offset == end);
        check(offset + store::kRecordHeadBytes + payload.size() <= bytes.size());
        check(payload.data() == bytes.data() + offset + store::kRecordHeadBytes);
        store::RecordHead again;
        std::string_view content;
        check(store::read_record(key, offset, bytes.substr(offset), again, content));
        check(content == payload && again.block == record.block);
        end = offset + store::record_bytes(payload.size());
      },
      [&](store::DamagedStretch stretch) {
        check(stretch.bytes > 0 && stretch.offset == end);
        check(stretch.offset + stretch.bytes <= bytes.size());
        end = stretch.offset + stretch.bytes;
      });
  // The padding of the last record may be cut off.
  check(scanned.end == end || (scanned.end == bytes.size() && end < bytes.size() + 8));
  return 0;
}
