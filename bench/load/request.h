#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Requests that are built once and made new before each sending: ids, times, parents and values
/// are written over in place, so that a generator costs little of the machine it shares with the
/// server.
namespace signalbox::bench {

/// A fast generator of numbers (splitmix64).
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15U;
    z = (z ^ z >> 30U) * 0xBF58476D1CE4E5B9U;
    z = (z ^ z >> 27U) * 0x94D049BB133111EBU;
    return z ^ z >> 31U;
  }
  /// 0 … `limit` - 1.
  std::uint32_t below(std::uint32_t limit) {
    return static_cast<std::uint32_t>((next() >> 32U) * limit >> 32U);
  }
  /// The same, small numbers more often than large ones, as users, paths and hosts occur.
  std::uint32_t skewed_below(std::uint32_t limit) {
    const std::uint64_t uniform = next() >> 32U;
    return static_cast<std::uint32_t>((uniform * uniform >> 32U) * limit >> 32U);
  }
  bool chance(double probability) {
    return static_cast<double>(next() >> 11U) * 0x1p-53 < probability;
  }

 private:
  std::uint64_t state_;
};

/// What is written at one place of a request before each sending.
struct Patch {
  enum class Kind : std::uint8_t {
    kTraceId,    ///< Of trace `index`.
    kSpanId,     ///< Of span `index`.
    kTime,       ///< `fraction`/65536 into trace `index`.
    kNow,        ///< The time of sending.
    kDigits,     ///< `width` decimal digits.
    kHex,        ///< `width` hex digits, practically unique.
    kVarint,     ///< A varint of exactly `width` bytes.
    kDouble,     ///< 0 … 1000.
    kCounter,    ///< A sfixed64 that has grown since the last sending; counter `index`.
    kHistogram,  ///< Count, sum and `width` buckets that have grown; counters from `index` on.
  };
  Kind kind;
  std::uint8_t width = 0;
  std::uint16_t fraction = 0;
  std::uint32_t offset = 0;
  std::uint32_t index = 0;
};

/// A protobuf message under construction, with the places in it that are to be patched.
class Message {
 public:
  void varint(std::uint32_t field, std::uint64_t value);
  void fixed32(std::uint32_t field, std::uint32_t value);
  void fixed64(std::uint32_t field, std::uint64_t value);
  void number(std::uint32_t field, double value);
  void bytes(std::uint32_t field, std::string_view value);
  void message(std::uint32_t field, const Message& inner);
  void append(const Message& fields);  ///< Puts the fields of `fields` after those here.

  void trace_id(std::uint32_t field, std::uint32_t trace);
  void span_id(std::uint32_t field, std::uint32_t span);
  void time(std::uint32_t field, std::uint32_t trace, std::uint16_t fraction);
  void now(std::uint32_t field);
  /// Text in which each run of '#' becomes as many decimal digits, each run of '%' hex digits.
  void pattern(std::uint32_t field, std::string_view text);
  void fresh_varint(std::uint32_t field, std::uint8_t width);
  void fresh_number(std::uint32_t field);
  void counter(std::uint32_t field, std::uint32_t counter);
  /// Fields `field` (count), `field + 1` (sum) and `field + 2` (buckets) of a histogram's point.
  void histogram(std::uint32_t field, std::uint8_t buckets, std::uint32_t first_counter);

  [[nodiscard]] const std::string& text() const { return bytes_; }
  [[nodiscard]] const std::vector<Patch>& patches() const { return patches_; }

 private:
  void patch_last(std::size_t size, Patch patch);

  std::string bytes_;
  std::vector<Patch> patches_;
};

/// A whole request, renewable.
///
/// Thread-safety: one thread at a time.
class Request {
 public:
  Request(const Message& message, std::uint32_t records, std::uint32_t traces, std::uint32_t spans,
          std::uint32_t counters);

  /// Writes new ids, times as of `now_ns`, and values.
  void renew(std::uint64_t now_ns, Random& random);

  [[nodiscard]] std::string_view bytes() const { return bytes_; }
  [[nodiscard]] std::uint32_t records() const { return records_; }

 private:
  struct Trace {
    std::uint64_t id[2];
    std::uint64_t start_ns;
    std::uint64_t duration_ns;
  };
  void renew_traces(std::uint64_t now_ns, Random& random);
  void renew_histogram(const Patch& patch, Random& random);

  std::string bytes_;
  std::vector<Patch> patches_;
  std::vector<Trace> traces_;
  std::vector<std::uint64_t> spans_;
  std::vector<std::uint64_t> counters_;
  std::uint32_t records_;
};

/// Requests of about `records` spans, log records or data points. `sender` tells the resources of
/// one sender from those of another.
Request build_traces(std::uint32_t records, unsigned sender, Random& random);
Request build_logs(std::uint32_t records, unsigned sender, Random& random);
Request build_metrics(std::uint32_t records, unsigned sender, Random& random);

}  // namespace signalbox::bench
