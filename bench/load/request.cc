#include "bench/load/request.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "otlp/wire.h"

namespace signalbox::bench {
namespace {

namespace wire = otlp::wire;

constexpr std::size_t kFixed64FieldBytes = 9;  // Tag and value, of fields below 16.

void write_digits(char* out, unsigned width, std::uint32_t value) {
  for (char* at = out + width; at != out; value /= 10) *--at = static_cast<char>('0' + value % 10);
}

void write_hex(char* out, unsigned width, std::uint64_t value) {
  for (unsigned i = 0; i < width; ++i, value >>= 4U) out[i] = "0123456789abcdef"[value & 15U];
}

void write_varint(char* out, unsigned width, std::uint64_t value) {
  for (unsigned i = 0; i + 1 < width; ++i, value >>= 7U) {
    out[i] = static_cast<char>((value & 0x7FU) | 0x80U);
  }
  out[width - 1] = static_cast<char>((value & 0x3FU) | 1U);  // Not 0: it would be a byte too many.
}

template <typename Value>
void write(char* out, const Value& value) {
  std::memcpy(out, &value, sizeof value);
}

constexpr std::array<std::uint32_t, 10> kPowersOf10{
    1, 10, 100, 1'000, 10'000, 100'000, 1'000'000, 10'000'000, 100'000'000, 1'000'000'000};

}  // namespace

void Message::varint(std::uint32_t field, std::uint64_t value) {
  wire::append_varint_field(bytes_, field, value);
}
void Message::fixed32(std::uint32_t field, std::uint32_t value) {
  wire::append_fixed32_field(bytes_, field, value);
}
void Message::fixed64(std::uint32_t field, std::uint64_t value) {
  wire::append_fixed64_field(bytes_, field, value);
}
void Message::number(std::uint32_t field, double value) {
  wire::append_double_field(bytes_, field, value);
}
void Message::bytes(std::uint32_t field, std::string_view value) {
  wire::append_bytes_field(bytes_, field, value);
}

void Message::message(std::uint32_t field, const Message& inner) {
  wire::append_length_prefix(bytes_, field, inner.bytes_.size());
  append(inner);
}

void Message::append(const Message& fields) {
  const auto base = static_cast<std::uint32_t>(bytes_.size());
  bytes_ += fields.bytes_;
  for (Patch patch : fields.patches_) {
    patch.offset += base;
    patches_.push_back(patch);
  }
}

void Message::patch_last(std::size_t size, Patch patch) {
  patch.offset = static_cast<std::uint32_t>(bytes_.size() - size);
  patches_.push_back(patch);
}

void Message::trace_id(std::uint32_t field, std::uint32_t trace) {
  bytes(field, std::string(16, '\1'));
  patch_last(16, {.kind = Patch::Kind::kTraceId, .index = trace});
}
void Message::span_id(std::uint32_t field, std::uint32_t span) {
  bytes(field, std::string(8, '\1'));
  patch_last(8, {.kind = Patch::Kind::kSpanId, .index = span});
}
void Message::time(std::uint32_t field, std::uint32_t trace, std::uint16_t fraction) {
  fixed64(field, 1);
  patch_last(8, {.kind = Patch::Kind::kTime, .fraction = fraction, .index = trace});
}
void Message::now(std::uint32_t field) {
  fixed64(field, 1);
  patch_last(8, {.kind = Patch::Kind::kNow});
}

void Message::pattern(std::uint32_t field, std::string_view text) {
  bytes(field, text);
  for (std::size_t at = 0; (at = text.find_first_of("#%", at)) != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_not_of(text[at], at), text.size());
    patch_last(text.size() - at,
               {.kind = text[at] == '#' ? Patch::Kind::kDigits : Patch::Kind::kHex,
                .width = static_cast<std::uint8_t>(end - at)});
    at = end;
  }
}

void Message::fresh_varint(std::uint32_t field, std::uint8_t width) {
  varint(field, std::uint64_t{1} << (7U * (width - 1U)));
  patch_last(width, {.kind = Patch::Kind::kVarint, .width = width});
}
void Message::fresh_number(std::uint32_t field) {
  number(field, 1);
  patch_last(8, {.kind = Patch::Kind::kDouble});
}
void Message::counter(std::uint32_t field, std::uint32_t counter) {
  fixed64(field, 1);
  patch_last(8, {.kind = Patch::Kind::kCounter, .index = counter});
}

void Message::histogram(std::uint32_t field, std::uint8_t buckets, std::uint32_t first_counter) {
  fixed64(field, 0);
  patch_last(8, {.kind = Patch::Kind::kHistogram, .width = buckets, .index = first_counter});
  number(field + 1, 0);
  bytes(field + 2, std::string(std::size_t{buckets} * 8, '\0'));
}

Request::Request(const Message& message, std::uint32_t records, std::uint32_t traces,
                 std::uint32_t spans, std::uint32_t counters)
    : bytes_(message.text()),
      patches_(message.patches()),
      traces_(traces),
      spans_(spans),
      counters_(counters),
      records_(records) {}

void Request::renew_traces(std::uint64_t now_ns, Random& random) {
  constexpr std::uint32_t kLongestNs = 400'000'000;
  constexpr std::uint32_t kOldestNs = 500'000'000;
  for (Trace& trace : traces_) {
    trace.id[0] = random.next() | 1U;
    trace.id[1] = random.next();
    trace.duration_ns = 300'000 + random.skewed_below(kLongestNs);
    trace.start_ns = now_ns - trace.duration_ns - random.below(kOldestNs);
  }
  for (std::uint64_t& span : spans_) span = random.next() | 1U;
}

void Request::renew_histogram(const Patch& patch, Random& random) {
  // Counters: the sum, then the buckets.
  std::uint64_t* const buckets = &counters_[patch.index + 1];
  for (int observation = 0; observation < 8; ++observation) {
    const std::uint32_t bucket = random.skewed_below(patch.width);
    ++buckets[bucket];
    counters_[patch.index] += (std::uint64_t{1} << bucket) + random.below(100);
  }
  std::uint64_t count = 0;
  for (unsigned i = 0; i < patch.width; ++i) count += buckets[i];
  char* const out = bytes_.data() + patch.offset;
  write(out, count);
  write(out + kFixed64FieldBytes, static_cast<double>(counters_[patch.index]) / 1000);
  const std::size_t prefix = 1 + wire::varint_size(std::size_t{patch.width} * 8);
  std::memcpy(out + 8 + kFixed64FieldBytes + prefix, buckets, std::size_t{patch.width} * 8);
}

void Request::renew(std::uint64_t now_ns, Random& random) {
  renew_traces(now_ns, random);
  for (const Patch& patch : patches_) {
    char* const out = bytes_.data() + patch.offset;
    switch (patch.kind) {
      case Patch::Kind::kTraceId:
        write(out, traces_[patch.index].id);
        break;
      case Patch::Kind::kSpanId:
        write(out, spans_[patch.index]);
        break;
      case Patch::Kind::kTime: {
        const Trace& trace = traces_[patch.index];
        write(out, trace.start_ns + (trace.duration_ns * patch.fraction >> 16U));
        break;
      }
      case Patch::Kind::kNow:
        write(out, now_ns);
        break;
      case Patch::Kind::kDigits:
        write_digits(out, patch.width, random.skewed_below(kPowersOf10.at(patch.width)));
        break;
      case Patch::Kind::kHex:
        write_hex(out, patch.width, random.next());
        break;
      case Patch::Kind::kVarint:
        write_varint(out, patch.width, random.next());
        break;
      case Patch::Kind::kDouble:
        write(out, static_cast<double>(random.below(1'000'000)) / 1000);
        break;
      case Patch::Kind::kCounter:
        write(out, counters_[patch.index] += random.below(100));
        break;
      case Patch::Kind::kHistogram:
        renew_histogram(patch, random);
        break;
    }
  }
}

}  // namespace signalbox::bench
