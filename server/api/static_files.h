#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "server/net/http.h"

namespace signalbox::server::api {

/// The files of the web UI, read once into memory: what was not in the folder then cannot be
/// reached by any path.
///
/// Thread-safety: all members from any thread.
class StaticFiles {
 public:
  /// Files below `root`; none if it does not exist. Throws std::runtime_error if they cannot be
  /// read, or are larger than 64 MiB together.
  explicit StaticFiles(const std::filesystem::path& root);

  /// The file at `path` (decoded), or index.html for a path of the UI's own, or 404.
  /// `if_none_match` is the request's header.
  [[nodiscard]] net::Response get(std::string_view path, std::string_view if_none_match) const;

 private:
  struct File {
    std::shared_ptr<const std::string> content;
    std::string type;
    std::string etag;
    bool is_immutable = false;
  };
  std::filesystem::path root_;
  std::map<std::string, File, std::less<>> files_;
};

}  // namespace signalbox::server::api
