#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace signalbox::server::store {

/// Tells an exception of ClickHouse from the result that it interrupts. A response whose header
/// X-ClickHouse-Exception-Tag names a tag may end in
///   CR LF "__exception__" CR LF <tag> CR LF <message> CR LF <size> " " <tag> CR LF "__exception__"
///   …
/// Passes on what comes before.
///
/// Thread-safety: one thread at a time.
class ExceptionTrailer {
 public:
  /// An empty `tag` passes everything on.
  ExceptionTrailer(std::string_view tag, std::function<bool(std::string_view)> sink);

  /// Passes on what cannot be the beginning of a trailer; false when the sink says so.
  bool write(std::string_view data);

  /// To be called at the end of the response; passes on the rest.
  bool finish();

  /// The message if the trailer has come, or else empty.
  [[nodiscard]] std::string message() const;

 private:
  std::string mark_;
  std::function<bool(std::string_view)> sink_;
  std::string held_;
  bool in_trailer_ = false;
};

}  // namespace signalbox::server::store
