#include "server/store/log/request_window.h"

#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>

namespace signalbox::server::store {
namespace {

// A file of the window is a sequence of chunks: a head, then entries.
struct ChunkHead {
  std::uint64_t checksum;  ///< Of `count` and the entries, seeded by the salt and the offset.
  std::uint64_t count;
};
struct Entry {
  RequestHash hash;
  std::int64_t received_ns;
  std::uint64_t rejected;
};
static_assert(std::is_trivially_copyable_v<Entry> && sizeof(Entry) == 32);

constexpr std::string_view kPrefix = "window-";

std::uint64_t checksum_of(std::string_view entries, std::uint64_t salt, std::uint64_t offset) {
  return XXH3_64bits_withSeed(entries.data(), entries.size(), salt ^ (offset + 1));
}

}  // namespace

RequestWindow::RequestWindow(Files& files, std::uint64_t salt, Options options)
    : files_(files), salt_(salt), options_(std::move(options)) {
  files_.create_folder(options_.folder);
}

std::filesystem::path RequestWindow::path_of(std::uint64_t file) const {
  return options_.folder / (std::string(kPrefix) + std::to_string(file));
}

void RequestWindow::restore(std::span<const Log::LoggedRequest> logged, std::int64_t now_ns) {
  for (const std::string& name : files_.list(options_.folder)) {
    if (!name.starts_with(kPrefix)) continue;
    std::uint64_t number = 0;
    const char* end = name.data() + name.size();
    if (std::from_chars(name.data() + kPrefix.size(), end, number).ptr != end) continue;
    current_number_ = std::max(current_number_, number);
    restore_file(number, now_ns);
  }
  const std::scoped_lock lock(mutex_);
  for (const Log::LoggedRequest& request : logged) remember(request, now_ns);
}

void RequestWindow::restore_file(std::uint64_t number, std::int64_t now_ns) {
  const std::filesystem::path path = path_of(number);
  const std::string bytes = files_.read(path, 0, files_.size(path));
  std::int64_t& youngest = files_youngest_[number];
  const std::scoped_lock lock(mutex_);
  for (std::size_t at = 0; bytes.size() - at >= sizeof(ChunkHead);) {
    ChunkHead head{};
    std::memcpy(&head, bytes.data() + at, sizeof head);
    const std::size_t left = bytes.size() - at - sizeof head;
    if (head.count == 0 || head.count > left / sizeof(Entry)) return;
    const std::string_view entries(bytes.data() + at + sizeof head, head.count * sizeof(Entry));
    if (head.checksum != checksum_of(entries, salt_, at)) return;
    for (std::size_t i = 0; i < head.count; ++i) {
      Entry entry{};
      std::memcpy(&entry, entries.data() + i * sizeof entry, sizeof entry);
      youngest = std::max(youngest, entry.received_ns);
      const bool is_young = entry.received_ns >= now_ns - options_.length.count();
      if (!is_young) continue;
      make_room(now_ns);
      young_.try_emplace(entry.hash, static_cast<std::uint32_t>(entry.rejected));
    }
    at += sizeof head + entries.size();
  }
}

RequestWindow::Finding RequestWindow::begin(const RequestHash& hash, Ingest::Done& done) {
  const std::scoped_lock lock(mutex_);
  for (const auto* generation : {&young_, &old_}) {
    if (const auto at = generation->find(hash); at != generation->end()) {
      return {Finding::Kind::kRepeated, at->second};
    }
  }
  const auto [at, is_new] = under_way_.try_emplace(hash);
  if (is_new) return {};
  at->second.push_back(std::move(done));
  return {Finding::Kind::kUnderWay, 0};
}

std::vector<Ingest::Done> RequestWindow::commit(const Log::LoggedRequest& request,
                                                std::int64_t now_ns) {
  const std::scoped_lock lock(mutex_);
  remember(request, now_ns);
  auto node = under_way_.extract(request.hash);
  return node.empty() ? std::vector<Ingest::Done>() : std::move(node.mapped());
}

std::vector<Ingest::Done> RequestWindow::drop(const RequestHash& hash) {
  const std::scoped_lock lock(mutex_);
  auto node = under_way_.extract(hash);
  return node.empty() ? std::vector<Ingest::Done>() : std::move(node.mapped());
}

void RequestWindow::make_room(std::int64_t now_ns) {
  const bool is_full = young_.size() >= options_.max_requests / 2;
  if (!is_full && now_ns - young_since_ns_ < options_.length.count()) return;
  old_ = std::exchange(young_, {});
  young_since_ns_ = now_ns;
}

void RequestWindow::remember(const Log::LoggedRequest& request, std::int64_t now_ns) {
  make_room(now_ns);
  young_[request.hash] = request.rejected;
  // Beyond the limit a hash lives only as long as its segment and its generation do.
  if (to_carry_ >= options_.max_requests) return;
  of_segment_[request.segment].push_back(request);
  ++to_carry_;
}

void RequestWindow::carry(std::uint64_t segment, std::int64_t now_ns) {
  const std::int64_t oldest = now_ns - options_.length.count();
  std::string entries;
  std::int64_t youngest = 0;
  {
    const std::scoped_lock lock(mutex_);
    if (const auto at = of_segment_.find(segment); at != of_segment_.end()) {
      for (const Log::LoggedRequest& request : at->second) {
        if (request.received_ns < oldest) continue;
        const Entry entry{request.hash, request.received_ns, request.rejected};
        entries.append(reinterpret_cast<const char*>(&entry), sizeof entry);
        youngest = std::max(youngest, request.received_ns);
      }
    }
  }
  if (!entries.empty()) write_chunk(entries, youngest, now_ns);
  {
    // Only now: what could not be written is still to be carried.
    const std::scoped_lock lock(mutex_);
    if (const auto node = of_segment_.extract(segment); !node.empty()) {
      to_carry_ -= node.mapped().size();
    }
  }
  std::erase_if(files_youngest_, [&](const auto& file) {
    if (file.first == current_number_ || file.second >= oldest) return false;
    files_.remove(path_of(file.first));
    return true;
  });
}

void RequestWindow::write_chunk(std::string_view entries, std::int64_t youngest,
                                std::int64_t now_ns) {
  // What a failed write left in a file is unknown, so a next file begins after one: it is taken as
  // the current one again only when all has succeeded.
  std::unique_ptr<File> file = std::exchange(current_, nullptr);
  if (file == nullptr || current_since_ns_ < now_ns - options_.length.count()) {
    ++current_number_;
    file = files_.create(path_of(current_number_), 0);
    files_.sync_folder(options_.folder);
    current_end_ = 0;
    current_since_ns_ = now_ns;
  }
  const ChunkHead head{checksum_of(entries, salt_, current_end_), entries.size() / sizeof(Entry)};
  const std::string_view parts[] = {{reinterpret_cast<const char*>(&head), sizeof head}, entries};
  std::int64_t& youngest_of_file = files_youngest_[current_number_];
  youngest_of_file = std::max(youngest_of_file, youngest);
  file->write(current_end_, parts);
  file->sync();
  current_end_ += sizeof head + entries.size();
  current_ = std::move(file);
}

std::size_t RequestWindow::size() const {
  const std::scoped_lock lock(mutex_);
  return young_.size() + old_.size();
}

}  // namespace signalbox::server::store
