#include "server/api/compress.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <new>
#include <optional>
#include <string>

namespace signalbox::server::api {
namespace {

/// Shorter bodies fit a packet as they are.
constexpr std::size_t kLeastBytes = 1'400;
/// Answers are made for one client and sent once, so speed decides.
constexpr int kZstdLevel = 3;
constexpr int kGzipLevel = 4;
/// A window of 32 KiB, and gzip's head instead of zlib's.
constexpr int kGzipWindow = 15 + 16;
constexpr int kGzipMemory = 8;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

/// Whether the parameters of an encoding leave it a weight: ";q=0" refuses it.
bool is_wanted(std::string_view parameters) {
  const std::string_view parameter = trimmed(parameters);
  if (!parameter.starts_with("q=") && !parameter.starts_with("Q=")) return true;
  double weight = 1;
  std::from_chars(parameter.data() + 2, parameter.data() + parameter.size(), weight);
  return weight > 0;
}

bool is_text(std::string_view type) {
  constexpr std::array<std::string_view, 7> kTypes = {
      "text/",     "application/json",     "application/x-ndjson", "application/x-protobuf",
      "image/svg", "application/manifest", "application/yaml"};
  return std::any_of(kTypes.begin(), kTypes.end(),
                     [&](std::string_view known) { return type.starts_with(known); });
}

std::optional<std::string> by_zstd(std::string_view text) {
  std::string encoded(ZSTD_compressBound(text.size()), '\0');
  const std::size_t size =
      ZSTD_compress(encoded.data(), encoded.size(), text.data(), text.size(), kZstdLevel);
  if (ZSTD_isError(size) != 0) return std::nullopt;
  encoded.resize(size);
  return encoded;
}

std::optional<std::string> by_gzip(std::string_view text) {
  z_stream stream{};
  if (deflateInit2(&stream, kGzipLevel, Z_DEFLATED, kGzipWindow, kGzipMemory, Z_DEFAULT_STRATEGY) !=
      Z_OK) {
    return std::nullopt;
  }
  std::string encoded(deflateBound(&stream, text.size()), '\0');
  // zlib does not write to its input.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(encoded.data());
  stream.avail_out = static_cast<uInt>(encoded.size());
  const bool is_done = deflate(&stream, Z_FINISH) == Z_STREAM_END;
  encoded.resize(stream.total_out);
  deflateEnd(&stream);
  return is_done ? std::optional(std::move(encoded)) : std::nullopt;
}

}  // namespace

Encoding choose_encoding(std::string_view accepted) {
  std::optional<bool> zstd;
  std::optional<bool> gzip;
  bool others = false;
  while (!accepted.empty()) {
    const std::size_t comma = std::min(accepted.find(','), accepted.size());
    const std::string_view one = accepted.substr(0, comma);
    accepted.remove_prefix(std::min(comma + 1, accepted.size()));
    const std::size_t semicolon = std::min(one.find(';'), one.size());
    const std::string_view name = trimmed(one.substr(0, semicolon));
    const bool wanted = is_wanted(one.substr(std::min(semicolon + 1, one.size())));
    if (equals_ignoring_case(name, "zstd")) zstd = wanted;
    if (equals_ignoring_case(name, "gzip") || equals_ignoring_case(name, "x-gzip")) gzip = wanted;
    if (name == "*") others = wanted;
  }
  if (zstd.value_or(others)) return Encoding::kZstd;
  return gzip.value_or(others) ? Encoding::kGzip : Encoding::kIdentity;
}

void compress(net::Response& response, std::string_view accepted) {
  const std::string_view text = response.content();
  if (!is_text(response.headers.get("content-type"))) return;
  // Whoever keeps answers must not give this one to a client that takes another.
  response.headers.add("vary", "accept-encoding");
  const Encoding encoding = choose_encoding(accepted);
  if (encoding == Encoding::kIdentity || text.size() < kLeastBytes) return;
  std::optional<std::string> encoded;
  try {
    encoded = encoding == Encoding::kZstd ? by_zstd(text) : by_gzip(text);
  } catch (const std::bad_alloc& /*error*/) {
    return;
  }
  if (!encoded || encoded->size() >= text.size()) return;
  response.headers.add("content-encoding", encoding == Encoding::kZstd ? "zstd" : "gzip");
  response.body = std::move(*encoded);
  response.shared_body = nullptr;
}

}  // namespace signalbox::server::api
