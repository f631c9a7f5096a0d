#include "server/api/static_files.h"

#include <array>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace signalbox::server::api {
namespace {

constexpr std::uintmax_t kMaxBytes = 64ULL << 20;

/// Vite puts files whose names contain a hash of their content here.
constexpr std::string_view kHashedFolder = "/assets/";

constexpr std::array<std::pair<std::string_view, std::string_view>, 15> kTypes = {{
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".mjs", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".json", "application/json"},
    {".map", "application/json"},
    {".webmanifest", "application/manifest+json"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".ico", "image/x-icon"},
    {".webp", "image/webp"},
    {".woff2", "font/woff2"},
    {".wasm", "application/wasm"},
    {".txt", "text/plain; charset=utf-8"},
    {".xml", "application/xml"},
}};

std::string_view content_type(const std::filesystem::path& path) {
  const std::string extension = path.extension().string();
  for (const auto& [known, type] : kTypes) {
    if (known == extension) return type;
  }
  return "application/octet-stream";
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string content((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file) throw std::runtime_error("Cannot read " + path.string());
  return content;
}

/// FNV-1a: the tag only has to change when the file does. Weak, for it may be sent compressed.
std::string make_etag(std::string_view content) {
  std::uint64_t hash = 0xCBF29CE484222325ULL;
  for (const char c : content) {
    hash ^= static_cast<std::uint8_t>(c);
    hash *= 0x100000001B3ULL;
  }
  return "W/\"" + std::to_string(hash) + "-" + std::to_string(content.size()) + "\"";
}

net::Response plain(unsigned status, std::string text) {
  net::Response response;
  response.status = status;
  response.headers.add("content-type", "text/plain; charset=utf-8");
  response.headers.add("cache-control", "no-store");
  response.body = std::move(text);
  return response;
}

}  // namespace

StaticFiles::StaticFiles(const std::filesystem::path& root) : root_(root) {
  std::error_code missing;
  if (!std::filesystem::is_directory(root, missing)) return;
  std::uintmax_t bytes = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (!entry.is_regular_file()) continue;
    bytes += entry.file_size();
    if (bytes > kMaxBytes) {
      throw std::runtime_error("The web UI's folder " + root.string() +
                               " is larger than 64 MiB. Is it the right folder?");
    }
    File file;
    file.content = std::make_shared<const std::string>(read_file(entry.path()));
    file.type = content_type(entry.path());
    file.etag = make_etag(*file.content);
    const std::string path = "/" + entry.path().lexically_relative(root).generic_string();
    file.is_immutable = path.starts_with(kHashedFolder);
    files_.emplace(path, std::move(file));
  }
}

net::Response StaticFiles::get(std::string_view path, std::string_view if_none_match) const {
  auto at = files_.find(path);
  if (at == files_.end()) {
    // A path without an extension is a place within the UI, which finds it by itself.
    const std::string_view last = path.substr(path.rfind('/') + 1);
    if (last.find('.') != std::string_view::npos) return plain(404, "There is no such file.\n");
    at = files_.find("/index.html");
  }
  if (at == files_.end()) {
    return plain(404, "The web UI is not in " + root_.string() +
                          ". Build it, or start Signalbox with --web-root.\n"
                          "The query API is at /api/v1/; /api/v1/openapi.yaml describes it.\n");
  }
  const File& file = at->second;
  net::Response response;
  response.headers.add("etag", file.etag);
  response.headers.add("cache-control",
                       file.is_immutable ? "public, max-age=31536000, immutable" : "no-cache");
  if (if_none_match == file.etag) {
    response.status = 304;
    return response;
  }
  response.headers.add("content-type", file.type);
  response.shared_body = file.content;
  return response;
}

}  // namespace signalbox::server::api
