#include "server/store/log/log.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <random>
#include <stdexcept>
#include <system_error>
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
  const char* end = name.data() + kNumberDigits;
  const auto [at, error] = std::from_chars(name.data(), end, number);
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
    for (auto at = heads_.begin(); at != heads_.end(); ++at) read_segment(at);
    check_first_segment();
    collect_blocks();
  }

 private:
  using Heads = std::map<std::uint64_t, std::optional<SegmentHead>>;

  void find_files() {
    for (const std::string& name : log_.files_.list(log_.options_.folder)) {
      if (const auto number = number_of(name, kSegmentSuffix)) heads_[*number];
      if (const auto number = number_of(name, kFreeSuffix)) log_.free_.push_back(*number);
    }
  }

  void read_heads() {
    bool has_salt = false;
    for (auto& [number, head] : heads_) {
      SegmentHead read;
      const std::string bytes = log_.files_.read(log_.path_of(number), 0, kSegmentHeadBytes);
      if (!decode_segment_head(bytes, read) || read.key.number != number) continue;
      head = read;
      log_.salt_ = read.key.salt;
      has_salt = true;
      log_.last_identity_ = std::max(log_.last_identity_, read.last_identity);
      log_.next_block_ = std::max(log_.next_block_.load(), read.next_block);
      log_.retired_below_ = std::max(log_.retired_below_, read.retired_below);
    }
    if (!has_salt) log_.salt_ = random_salt();
    if (!heads_.empty()) log_.current_number_ = heads_.rbegin()->first;
    for (const std::uint64_t number : log_.free_) {
      log_.current_number_ = std::max(log_.current_number_, number);
      log_.retired_below_ = std::max(log_.retired_below_, number + 1);
    }
  }

  void read_segment(Heads::iterator at) {
    const std::uint64_t number = at->first;
    const auto next = std::next(at);
    if (next != heads_.end() && next->first != number + 1) {
      recovery_.damage.push_back("the log's segments " + std::to_string(number + 1) + " to " +
                                 std::to_string(next->first - 1) +
                                 " are missing; what was only in them is lost");
    }
    const std::filesystem::path path = log_.path_of(number);
    std::string segment = log_.files_.read(path, 0, log_.files_.size(path));
    // Where it ends is known only if a next one began.
    const bool end_is_known =
        next != heads_.end() && next->first == number + 1 && next->second.has_value();
    const std::uint64_t end =
        end_is_known ? std::min<std::uint64_t>(next->second->previous_end, segment.size())
                     : segment.size();
    segment.resize(end);
    if (!at->second && end > kSegmentHeadBytes && end_is_known) {
      set_aside(number, segment, {0, kSegmentHeadBytes});
    }
    Segment& info = log_.segments_[number];
    info.bytes = scan_segment(
        {log_.salt_, number}, segment,
        [&](std::uint64_t offset, const RecordHead& head, std::string_view payload) {
          take(number, offset, head, payload);
        },
        [&](DamagedStretch damage) { set_aside(number, segment, damage); });
    if (end_is_known && info.bytes < end) {
      set_aside(number, segment, {info.bytes, end - info.bytes});
    }
    log_.current_end_ = info.bytes;
    recovery_.bytes += info.bytes;
  }

  void take(std::uint64_t segment, std::uint64_t offset, const RecordHead& head,
            std::string_view payload) {
    using Type = RecordHead::Type;
    log_.next_block_ = std::max(log_.next_block_.load(), head.block + 1);
    switch (head.type) {
      case Type::kRequest:
        blocks_[head.block].requests.push_back(
            {segment, offset, static_cast<std::uint32_t>(payload.size())});
        recovery_.requests.push_back({head.hash, head.time, head.rejected, segment});
        return;
      case Type::kSeal:
        blocks_[head.block].identity = head.time;
        blocks_[head.block].sealed_requests = head.number;
        log_.last_identity_ = std::max(log_.last_identity_, head.time);
        return;
      case Type::kCommit:
        committed_.insert(head.block);
        return;
      case Type::kRetire:
        log_.retired_below_ = std::max(log_.retired_below_, head.number);
        return;
    }
  }

  void check_first_segment() {
    if (heads_.empty()) return;
    const std::uint64_t first = heads_.begin()->first;
    const std::uint64_t expected = std::max<std::uint64_t>(log_.retired_below_, 1);
    if (first > expected) {
      recovery_.damage.push_back("the log's segments " + std::to_string(expected) + " to " +
                                 std::to_string(first - 1) +
                                 " are missing; what was only in them is lost");
    }
  }

  void collect_blocks() {
    for (auto& [number, found] : blocks_) {
      if (committed_.contains(number) || found.requests.empty()) continue;
      UncommittedBlock& block = recovery_.blocks.emplace_back();
      block.number = number;
      block.identity = found.identity;
      if (found.identity != 0 && found.sealed_requests > found.requests.size()) {
        block.missing_requests = found.sealed_requests - found.requests.size();
      }
      for (const Position& position : found.requests) {
        log_.segments_[position.segment].blocks.insert(number);
        log_.segments_of_block_[number].insert(position.segment);
      }
      block.requests = std::move(found.requests);
    }
    std::stable_sort(recovery_.blocks.begin(), recovery_.blocks.end(),
                     [](const UncommittedBlock& a, const UncommittedBlock& b) {
                       if ((a.identity == 0) != (b.identity == 0)) return b.identity == 0;
                       return a.identity < b.identity;
                     });
  }

  void set_aside(std::uint64_t segment, std::string_view bytes, DamagedStretch damage) {
    const std::filesystem::path folder = log_.options_.folder / "damaged";
    const std::string name = number_text(segment) + "-" + std::to_string(damage.offset) + ".bin";
    log_.files_.create_folder(folder);
    write_whole_file(log_.files_, folder / name, bytes.substr(damage.offset, damage.bytes));
    recovery_.damage.push_back(std::to_string(damage.bytes) + " bytes of the log's segment " +
                               std::to_string(segment) + " cannot be read; they are set aside in " +
                               (folder / name).string());
  }

  struct FoundBlock {
    std::int64_t identity = 0;
    std::uint64_t sealed_requests = 0;
    std::vector<Position> requests;
  };

  Log& log_;
  Recovery& recovery_;
  Heads heads_;
  std::map<std::uint64_t, FoundBlock> blocks_;
  std::set<std::uint64_t> committed_;
};

Log::Log(Files& files, Options options) : files_(files), options_(std::move(options)) {
  files_.create_folder(options_.folder);
  Reader(*this).run();
  count_bytes();
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
  const SegmentHeadBytes bytes = encode_segment_head(head);
  const std::string_view part(bytes.data(), bytes.size());
  file->write(0, {&part, 1});
  file->sync();
  files_.sync_folder(options_.folder);
  current_ = std::move(file);
  current_number_ = number;
  current_end_ = kSegmentHeadBytes;
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
  retired_below_ = std::max(retired_below_, first_needed);
  for (const std::uint64_t number : segments_below(first_needed)) {
    if (free_.size() < options_.kept_segments) {
      files_.rename(path_of(number), free_path(number));
      free_.push_back(number);
    } else {
      files_.remove(path_of(number));
    }
    segments_.erase(number);
  }
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
