#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include "server/store/ingest.h"
#include "server/store/log/files.h"
#include "server/store/log/log.h"
#include "server/store/log/record.h"

namespace signalbox::server::store {

/// Remembers the requests of the last minutes, so that one that is sent again, because its answer
/// was lost or came late, is answered again and not stored twice. OTLP gives requests no identity;
/// exporters repeat identical bytes, so a hash of them serves.
///
/// The log has the hashes of the requests in it; `carry` keeps those of a segment that goes. The
/// window is bounded by time and by number: beyond `max_requests` the oldest half is forgotten.
///
/// Thread-safety: all members from any thread, but `carry` and `restore` from one at a time.
class RequestWindow {
 public:
  struct Options {
    std::filesystem::path folder;                      ///< Made if missing.
    std::chrono::nanoseconds length{300'000'000'000};  ///< Kept at least so long. > 0.
    std::size_t max_requests = 2'000'000;              ///< About 60 bytes each. > 1.
  };

  RequestWindow(Files& files, std::uint64_t salt, Options options);

  /// Takes in what an earlier process left: its own files and the log's requests.
  void restore(std::span<const Log::LoggedRequest> logged, std::int64_t now_ns);

  struct Finding {
    enum class Kind : std::uint8_t {
      kNew,       ///< Go on; `commit` or `drop` must follow.
      kRepeated,  ///< Its rows are in the log: answer with success.
      kUnderWay,  ///< The same request is being taken in; `done` was kept to be answered with it.
    };
    Kind kind = Kind::kNew;
    std::uint32_t rejected = 0;  ///< Of kRepeated: the records that were refused then.
  };
  /// Moves from `done` only if the finding is kUnderWay.
  Finding begin(const RequestHash& hash, Ingest::Done& done);

  /// The request is in the log. Returns those who wait for the same one.
  std::vector<Ingest::Done> commit(const Log::LoggedRequest& request, std::int64_t now_ns);
  /// The request is not stored. Returns those who wait for the same one.
  std::vector<Ingest::Done> drop(const RequestHash& hash);

  /// Writes the hashes of `segment`'s requests, as far as they are young enough, to a file of the
  /// window's own; afterwards the segment may go. Errors: std::system_error; call it again then.
  void carry(std::uint64_t segment, std::int64_t now_ns);

  /// Requests remembered now.
  [[nodiscard]] std::size_t size() const;

 private:
  struct HashOfHash {
    std::size_t operator()(const RequestHash& hash) const noexcept { return hash.low; }
  };
  template <typename T>
  using MapOf = std::unordered_map<RequestHash, T, HashOfHash>;

  void remember(const Log::LoggedRequest& request, std::int64_t now_ns);
  void make_room(std::int64_t now_ns);
  void write_chunk(std::string_view entries, std::int64_t youngest, std::int64_t now_ns);
  void restore_file(std::uint64_t number, std::int64_t now_ns);
  [[nodiscard]] std::filesystem::path path_of(std::uint64_t file) const;

  Files& files_;
  const std::uint64_t salt_;
  const Options options_;

  mutable std::mutex mutex_;
  MapOf<std::vector<Ingest::Done>> under_way_;
  // Rejected records by request. The older generation goes when the younger one is full or old.
  MapOf<std::uint32_t> young_;
  MapOf<std::uint32_t> old_;
  std::int64_t young_since_ns_ = 0;
  std::map<std::uint64_t, std::vector<Log::LoggedRequest>> of_segment_;
  std::size_t to_carry_ = 0;  // In `of_segment_`.

  // Of `carry`: files by number, with the time of their youngest request.
  std::map<std::uint64_t, std::int64_t> files_youngest_;
  std::unique_ptr<File> current_;
  std::uint64_t current_number_ = 0;
  std::uint64_t current_end_ = 0;
  std::int64_t current_since_ns_ = 0;
};

}  // namespace signalbox::server::store
