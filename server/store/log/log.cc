#include "server/store/log/log.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <random>
#include <stdexcept>
#include <system_error>
#include <tuple>
#include <utility>

namespace signalbox::server::store {
namespace {

constexpr std::string_view kSegmentSuffix = ".log";
constexpr std::string_view kFreeSuffix = ".free";
constexpr std::size_t kNumberDigits = 16;

std::string number_text(std::uint64_t number) {
  std::string digits = std::to_string(number);
  return std::string(kNumberDigits - std::min(kNumberDigits, digits.size()), '0') + digits;
}

/// The number of "0000000000000012.log"; nothing for other names.
std::optional<std::uint64_t> number_of(std::string_view name, std::string_view suffix) {
  if (name.size() != kNumberDigits + suffix.size() || !name.ends_with(suffix)) return std::nullopt;
  std::uint64_t number = 0;
  const char* const end = name.data() + kNumberDigits;
  const auto [at, error] = std::from_chars(end - kNumberDigits, end, number);
  if (error != std::errc() || at != end) return std::nullopt;
  return number;
}

std::uint64_t random_salt() {
  std::random_device random;
  return static_cast<std::uint64_t>(random()) << 32 | random();
}

}  // namespace

/// Reads the segments that an earlier process left.
class Log::Reader {
 public:
  explicit Reader(Log& log) : log_(log), recovery_(log.recovery_) {}

  void run() {
    find_files();
    read_heads();
    // The latest first: they say which of the earlier ones have served.
    for (auto at = heads_.rbegin(); at != heads_.rend(); ++at) {
      read_segment(std::prev(at.base()));
      report_progress();
    }
    check_first_segment();
    std::reverse(recovery_.damage.begin(), recovery_.damage.end());
    put_requests_in_order();
    collect_blocks();
  }

 private:
  struct FoundHead {
    std::optional<SegmentHead> head;
    bool is_damaged = false;  // It is neither intact nor that of a segment which never began.
  };
  using Heads = std::map<std::uint64_t, FoundHead>;

  void find_files() {
    for (const std::string& name : log_.files_.list(log_.options_.folder)) {
      if (const auto number = number_of(name, kSegmentSuffix)) heads_[*number];
      if (const auto number = number_of(name, kFreeSuffix)) log_.free_.push_back(*number);
    }
  }

  void read_heads() {
    for (const std::uint64_t number : log_.free_) {
      SegmentHead head;
      const std::string bytes = log_.files_.read(log_.free_path(number), 0, kSegmentHeadBytes);
      if (decode_segment_head(bytes, head)) take_salt(head);
      log_.current_number_ = std::max(log_.current_number_, number);
      log_.retired_below_ = std::max(log_.retired_below_, number + 1);
    }
    for (auto& [number, found] : heads_) {
      SegmentHead read;
      const std::string bytes = log_.files_.read(log_.path_of(number), 0, kSegmentHeadBytes);
      if (!decode_segment_head(bytes, read)) {
        found.is_damaged = bytes.find_first_not_of('\0') != std::string::npos;
        continue;
      }
      take_salt(read);
      if (read.key.number != number) continue;  // A file that was to be used again.
      found.head = read;
      log_.last_identity_ = std::max(log_.last_identity_, read.last_identity);
      log_.next_block_ = std::max(log_.next_block_.load(), read.next_block);
      log_.retired_below_ = std::max(log_.retired_below_, read.retired_below);
    }
    if (!has_salt_) log_.salt_ = random_salt();
    if (heads_.empty()) return;
    log_.current_number_ = std::max(log_.current_number_, heads_.rbegin()->first);
    log_.current_may_be_cut_ = true;
  }

  void take_salt(const SegmentHead& head) {
    log_.salt_ = head.key.salt;
    has_salt_ = true;
  }

  void read_segment(Heads::iterator at) {
    const std::uint64_t number = at->first;
    Segment& info = log_.segments_[number];
    const std::filesystem::path path = log_.path_of(number);
    if (number < log_.retired_below_) {
      // It has served, but was not yet removed when the earlier process ended.
      info.bytes = log_.files_.size(path);
      return;
    }
    const auto next = std::next(at);
    if (next != heads_.end() && next->first != number + 1) {
      report_missing(number + 1, next->first);
    }
    // Where it ends is known only if a next one began.
    const bool end_is_known =
        next != heads_.end() && next->first == number + 1 && next->second.head.has_value();
    const FileContent content = log_.files_.read_all(path);
    std::string_view segment = content.view();
    if (end_is_known) segment = segment.substr(0, next->second.head->previous_end);
    std::vector<DamagedStretch> unreadable;
    const ScannedSegment scanned = scan_segment(
        {log_.salt_, number}, segment, content.written(),
        [&](std::uint64_t offset, const RecordHead& head, std::string_view payload) {
          take(number, offset, head, payload);
        },
        [&](DamagedStretch stretch) { unreadable.push_back(stretch); });
    if (!end_is_known) sync_what_counts(*at, segment, scanned);
    info.bytes = scanned.end;
    if (std::next(at) == heads_.end()) log_.current_end_ = info.bytes;
    recovery_.bytes += info.bytes;
    check_head(*at, segment, scanned, end_is_known);
    const bool may_be_cut = !end_is_known || next->second.head->previous_may_be_cut;
    report_unreadable(number, segment, unreadable,
                      may_be_cut ? scanned.last_append : segment.size());
    if (end_is_known && scanned.end < segment.size()) {
      set_aside(number, segment, {scanned.end, segment.size() - scanned.end}, recovery_.damage);
    }
  }

  /// What a process wrote that was killed, or could not sync it, is readable until the power fails.
  /// From now on it counts, so it is written again: the last records, and the head, which says
  /// where the segment before ends.
  void sync_what_counts(const Heads::value_type& at, std::string_view segment,
                        const ScannedSegment& scanned) {
    const auto& [number, found] = at;
    const std::string_view head = segment.substr(0, found.head ? kSegmentHeadBytes : 0);
    const std::uint64_t end = std::min<std::uint64_t>(scanned.end, segment.size());
    const std::uint64_t begin = std::min(scanned.last_append, end);
    const std::string_view last = segment.substr(begin, end - begin);
    const std::unique_ptr<File> file = log_.files_.open(log_.path_of(number));
    if (!head.empty()) file->write(0, {&head, 1});
    if (!last.empty()) file->write(begin, {&last, 1});
    file->sync();
    log_.files_.sync_folder(log_.options_.folder);
  }

  void report_progress() {
    ++segments_read_;
    const auto now = std::chrono::steady_clock::now();
    if (segments_read_ == heads_.size() || now < reported_at_ + log_.options_.report_interval) {
      return;
    }
    reported_at_ = now;
    log_.options_.report("read " + std::to_string(segments_read_) + " of " +
                         std::to_string(heads_.size()) +
                         " segments of the log that an earlier run left");
  }

  void report_missing(std::uint64_t first, std::uint64_t end) {
    recovery_.damage.push_back("the log's segments " + std::to_string(first) + " to " +
                               std::to_string(end - 1) +
                               " are missing; what was only in them is lost");
  }

  void check_head(const Heads::value_type& at, std::string_view segment,
                  const ScannedSegment& scanned, bool end_is_known) {
    const auto& [number, found] = at;
    if (found.head.has_value()) return;
    if (!has_salt_ && found.is_damaged) {
      // Without any segment's head no record can be told from other bytes.
      const std::uint64_t bytes = segment.find_last_not_of('\0') + 1;
      set_aside(number, segment, {0, bytes}, recovery_.damage);
      return;
    }
    const bool has_records = scanned.end > kSegmentHeadBytes;
    const bool was_begun = end_is_known ? segment.size() > kSegmentHeadBytes : has_records;
    if (was_begun || found.is_damaged) {
      set_aside(number, segment, {0, std::min(segment.size(), kSegmentHeadBytes)},
                recovery_.damage);
    }
  }

  /// What is behind `synced_end` may never have been on disk as a whole.
  void report_unreadable(std::uint64_t segment, std::string_view bytes,
                         const std::vector<DamagedStretch>& unreadable, std::uint64_t synced_end) {
    for (const DamagedStretch& stretch : unreadable) {
      const std::uint64_t end = stretch.offset + stretch.bytes;
      const std::uint64_t middle = std::clamp(synced_end, stretch.offset, end);
      if (middle > stretch.offset) {
        set_aside(segment, bytes, {stretch.offset, middle - stretch.offset}, recovery_.damage);
      }
      if (middle < end) {
        cut_from_.try_emplace(segment, middle);
        set_aside(segment, bytes, {middle, end - middle}, recovery_.cut_short);
      }
    }
  }

  void take(std::uint64_t segment, std::uint64_t offset, const RecordHead& head,
            std::string_view payload) {
    using Type = RecordHead::Type;
    log_.next_block_ = std::max(log_.next_block_.load(), head.block + 1);
    switch (head.type) {
      case Type::kRequest:
        blocks_[head.block].requests.push_back(
            {segment, offset, static_cast<std::uint32_t>(payload.size())});
        // The latest segments come first. A log of tiny requests has many more than are of use.
        if (recovery_.requests.size() < log_.options_.max_recovered_requests) {
          recovery_.requests.push_back({head.hash, head.time, head.rejected, segment});
        }
        return;
      case Type::kSeal: {
        FoundBlock& block = blocks_[head.block];
        if (head.time < block.identity) return;
        block.identity = head.time;
        block.sealed_requests = head.number;
        block.seal = {segment, offset, 0};
        log_.last_identity_ = std::max(log_.last_identity_, head.time);
        return;
      }
      case Type::kCommit:
        committed_.insert(head.block);
        return;
      case Type::kRetire:
        log_.retired_below_ = std::max(log_.retired_below_, head.number);
        return;
    }
  }

  void check_first_segment() {
    const std::uint64_t expected = std::max<std::uint64_t>(log_.retired_below_, 1);
    const auto first = heads_.lower_bound(expected);
    if (first != heads_.end() && first->first > expected) report_missing(expected, first->first);
  }

  /// They came segment by segment, the latest first, each of them in order.
  void put_requests_in_order() {
    auto& requests = recovery_.requests;
    std::reverse(requests.begin(), requests.end());
    for (auto begin = requests.begin(); begin != requests.end();) {
      const auto end = std::find_if(begin, requests.end(), [&](const LoggedRequest& request) {
        return request.segment != begin->segment;
      });
      std::reverse(begin, end);
      begin = end;
    }
  }

  void collect_blocks() {
    for (auto& [number, found] : blocks_) {
      if (committed_.contains(number) || found.requests.empty()) continue;
      UncommittedBlock& block = recovery_.blocks.emplace_back();
      block.number = number;
      block.identity = found.identity;
      std::sort(found.requests.begin(), found.requests.end(),
                [](const Position& a, const Position& b) {
                  return std::tie(a.segment, a.offset) < std::tie(b.segment, b.offset);
                });
      // Requests that were written together with the seal, and did not get to the disk like it, had
      // not been answered.
      const auto cut = cut_from_.find(found.seal.segment);
      const bool is_cut = cut != cut_from_.end() && found.seal.offset >= cut->second;
      if (found.sealed_requests > found.requests.size() && !is_cut) {
        block.missing_requests = found.sealed_requests - found.requests.size();
      }
      for (const Position& position : found.requests) {
        log_.segments_[position.segment].blocks.insert(number);
        log_.segments_of_block_[number].insert(position.segment);
      }
      block.requests = std::move(found.requests);
    }
    std::sort(recovery_.blocks.begin(), recovery_.blocks.end(),
              [](const UncommittedBlock& a, const UncommittedBlock& b) {
                if ((a.identity == 0) != (b.identity == 0)) return b.identity == 0;
                return std::tie(a.identity, a.number) < std::tie(b.identity, b.number);
              });
  }

  void set_aside(std::uint64_t segment, std::string_view bytes, DamagedStretch stretch,
                 std::vector<std::string>& reports) {
    const std::filesystem::path folder = log_.options_.folder / "damaged";
    const std::filesystem::path path =
        folder / (number_text(segment) + "-" + std::to_string(stretch.offset) + ".bin");
    std::string report = std::to_string(stretch.bytes) + " bytes of the log's segment " +
                         std::to_string(segment) + " cannot be read; they ";
    try {
      log_.files_.create_folder(folder);
      write_whole_file(log_.files_, path, bytes.substr(stretch.offset, stretch.bytes));
      report += "are set aside in " + path.string();
    } catch (const std::exception& error) {
      // A full disk, say, must not keep the rest of the log from being taken up.
      report += std::string("could not be set aside: ") + error.what();
    }
    reports.push_back(std::move(report));
  }

  struct FoundBlock {
    std::int64_t identity = 0;
    std::uint64_t sealed_requests = 0;
    Position seal;
    std::vector<Position> requests;
  };

  Log& log_;
  Recovery& recovery_;
  Heads heads_;
  std::size_t segments_read_ = 0;
  std::chrono::steady_clock::time_point reported_at_ = std::chrono::steady_clock::now();
  bool has_salt_ = false;
  std::map<std::uint64_t, FoundBlock> blocks_;
  std::set<std::uint64_t> committed_;
  std::map<std::uint64_t, std::uint64_t> cut_from_;  // By segment, if its last write was cut short.
};

Log::Log(Files& files, Options options) : files_(files), options_(std::move(options)) {
  files_.create_folder(options_.folder);
  Reader(*this).run();
  count_bytes();
  try {
    retire(retired_below_);
  } catch (const std::system_error&) {  // NOLINT(bugprone-empty-catch): the next `retire` does it.
  }
}

std::filesystem::path Log::path_of(std::uint64_t segment) const {
  return options_.folder / (number_text(segment) + std::string(kSegmentSuffix));
}

std::filesystem::path Log::free_path(std::uint64_t number) const {
  return options_.folder / (number_text(number) + std::string(kFreeSuffix));
}

std::unique_ptr<File> Log::new_file(const std::filesystem::path& path, std::uint64_t bytes) {
  while (!free_.empty()) {
    const std::filesystem::path old = free_path(free_.back());
    free_.pop_back();
    if (files_.size(old) < bytes) {
      files_.remove(old);
      continue;
    }
    files_.rename(old, path);
    return files_.open(path);
  }
  try {
    return files_.create(path, bytes);
  } catch (...) {
    // A segment that could not be allocated must not look like one that was written.
    try {
      files_.remove(path);
    } catch (const std::system_error&) {  // NOLINT(bugprone-empty-catch): the first error counts.
    }
    throw;
  }
}

void Log::begin_segment(std::uint64_t payload_bytes) {
  const std::uint64_t number = current_number_ + 1;
  const std::filesystem::path path = path_of(number);
  std::unique_ptr<File> file = new_file(
      path, std::max(options_.segment_bytes, kSegmentHeadBytes + record_bytes(payload_bytes)));
  SegmentHead head;
  head.key = {salt_, number};
  head.last_identity = last_identity_;
  head.next_block = next_block_;
  head.retired_below = retired_below_;
  head.previous_end = segments_.contains(current_number_) ? current_end_ : 0;
  head.previous_may_be_cut = current_may_be_cut_;
  const SegmentHeadBytes bytes = encode_segment_head(head);
  const std::string_view part(bytes.data(), bytes.size());
  file->write(0, {&part, 1});
  file->sync();
  files_.sync_folder(options_.folder);
  current_ = std::move(file);
  current_number_ = number;
  current_end_ = kSegmentHeadBytes;
  current_may_be_cut_ = false;
  segments_[number].bytes = current_end_;
}

void Log::append(std::span<Entry> entries) {
  if (entries.empty()) return;
  if (current_ == nullptr || current_end_ >= options_.segment_bytes) {
    current_ = nullptr;
    begin_segment(entries.front().payload.size());
  }
  static constexpr std::array<char, 8> kPadding{};
  const SegmentKey key{salt_, current_number_};
  std::vector<RecordHeadBytes> heads;
  heads.reserve(entries.size());
  std::vector<std::string_view> parts;
  parts.reserve(entries.size() * 3);
  std::uint64_t end = current_end_;
  for (Entry& entry : entries) {
    entry.head.append_offset = current_end_;
    heads.push_back(encode_record_head(key, end, entry.head, entry.payload));
    parts.emplace_back(heads.back().data(), heads.back().size());
    parts.push_back(entry.payload);
    const std::uint64_t bytes = record_bytes(entry.payload.size());
    parts.emplace_back(kPadding.data(), bytes - kRecordHeadBytes - entry.payload.size());
    entry.position = {current_number_, end, static_cast<std::uint32_t>(entry.payload.size())};
    end += bytes;
  }
  try {
    current_->write(current_end_, parts);
    current_->sync();
  } catch (...) {
    // What is on disk behind `current_end_` now is unknown. The next segment says that it does not
    // count.
    current_ = nullptr;
    throw;
  }
  Segment& segment = segments_[current_number_];
  for (const Entry& entry : entries) {
    if (entry.head.type == RecordHead::Type::kRequest) {
      if (segment.blocks.insert(entry.head.block).second) {
        segments_of_block_[entry.head.block].insert(current_number_);
      }
    } else if (entry.head.type == RecordHead::Type::kSeal) {
      last_identity_ = std::max(last_identity_, entry.head.time);
    }
  }
  current_end_ = end;
  segment.bytes = end;
  count_bytes();
}

void Log::release(std::uint64_t block) {
  const auto at = segments_of_block_.find(block);
  if (at == segments_of_block_.end()) return;
  for (const std::uint64_t segment : at->second) segments_[segment].blocks.erase(block);
  segments_of_block_.erase(at);
}

std::uint64_t Log::first_needed() const {
  for (const auto& [number, segment] : segments_) {
    if (!segment.blocks.empty() || number == current_number_) return number;
  }
  return current_number_ + 1;
}

std::vector<std::uint64_t> Log::segments_below(std::uint64_t first_needed) const {
  std::vector<std::uint64_t> numbers;
  for (const auto& [number, segment] : segments_) {
    if (number < first_needed) numbers.push_back(number);
  }
  return numbers;
}

void Log::retire(std::uint64_t first_needed) {
  for (const std::uint64_t number : segments_below(first_needed)) {
    if (free_.size() < options_.kept_segments) {
      files_.rename(path_of(number), free_path(number));
      free_.push_back(number);
    } else {
      files_.remove(path_of(number));
    }
    segments_.erase(number);
  }
  retired_below_ = std::max(retired_below_, first_needed);
  count_bytes();
}

void Log::count_bytes() {
  std::uint64_t bytes = 0;
  for (const auto& [number, segment] : segments_) bytes += segment.bytes;
  bytes_ = bytes;
}

std::string Log::read(const Position& position, RecordHead& head) const {
  const std::string record = files_.read(path_of(position.segment), position.offset,
                                         kRecordHeadBytes + position.payload_bytes);
  std::string_view payload;
  if (!read_record({salt_, position.segment}, position.offset, record, head, payload)) {
    throw std::system_error(
        EIO, std::generic_category(),
        "a request in " + path_of(position.segment).string() + " cannot be read any more");
  }
  return std::string(payload);
}

}  // namespace signalbox::server::store
