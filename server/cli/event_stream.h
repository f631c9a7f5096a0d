#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace signalbox::server::cli {

/// Reads Server-Sent Events (text/event-stream), in pieces as they come.
///
/// Not thread-safe. An event of more than `kMostEventBytes` is dropped as a whole.
class EventStream {
 public:
  static constexpr std::size_t kMostEventBytes = std::size_t{16} << 20;

  /// Gets the event's name ("message" if it has none) and its data.
  using OnEvent = std::function<void(const std::string& name, const std::string& data)>;

  explicit EventStream(OnEvent on_event) : on_event_(std::move(on_event)) {}

  void feed(std::string_view bytes);

 private:
  void take_line(std::string_view line);
  void finish_event();

  OnEvent on_event_;
  std::string line_;
  std::string name_;
  std::string data_;
  bool has_data_ = false;
  bool is_too_large_ = false;
  bool skips_newline_ = false;  // After a carriage return, which ends a line alone too.
};

}  // namespace signalbox::server::cli
