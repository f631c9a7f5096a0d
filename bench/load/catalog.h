#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "bench/load/request.h"

/// The system that the load pretends to come from: a shop of twenty services in several languages.
namespace signalbox::bench {

/// An attribute as it varies from record to record.
struct Attribute {
  enum class Type : std::uint8_t { kText, kInt, kDouble, kBool };
  std::string_view key;
  Type type;
  /// Alternatives divided by '|', of which a template takes one. In text, '#' and '%' are digits
  /// made new for each sending (see Message::pattern); "~2" is a new integer of a varint's two
  /// bytes, "~" a new double.
  std::string_view value;
  double chance = 1;  ///< That a record has it.
};

struct Service {
  std::string_view name;
  std::string_view language;              ///< telemetry.sdk.language
  std::span<const Attribute> attributes;  ///< Its own, on each of its spans and log records.
};

/// One kind of work; the SpanKind's numbers are OTLP's.
struct Operation {
  std::string_view name;
  std::uint8_t service;  ///< Index into services().
  std::uint8_t kind;
  std::uint8_t depth;  ///< In the tree of its trace: its parent is the last before it of depth - 1.
  std::span<const Attribute> attributes;
};

std::span<const Service> services();
/// Kinds of traces: operations in the order of a walk from parent to children, the root first.
std::span<const std::span<const Operation>> trace_shapes();
/// Of log records, besides those of their service.
std::span<const Attribute> log_attributes();

/// Takes one of the alternatives of `value`.
std::string_view pick(std::string_view value, Random& random);
/// Adds `attribute` as field `field` of `record`, unless chance leaves it out.
void add_attribute(Message& record, std::uint32_t field, const Attribute& attribute,
                   Random& random);
void add_text(Message& record, std::uint32_t field, std::string_view key, std::string_view value);
/// The resource of one service as one sender runs it.
Message resource_of(const Service& service, unsigned sender, Random& random);

}  // namespace signalbox::bench
