#include <array>
#include <string_view>
#include <vector>

#include "bench/load/catalog.h"
#include "bench/load/request.h"

namespace signalbox::bench {
namespace {

constexpr std::uint32_t kRecordsOfATrace = 5;
constexpr double kInTraceChance = 0.8;

constexpr std::string_view kBodies =
    "order ###### of user ###### confirmed after ### ms, 2 parcels to warehouse ##, paid by card, "
    "next step: shipment|"
    "cache miss for product ##### on shelf ##, asking the database instead; the entry was dropped "
    "### ms ago|"
    "retrying the call to 10.2.1##.1## in ### ms: connection reset by peer while waiting for the "
    "headers of the answer|"
    "session %%%%%%%% of user ###### renewed for 30 minutes by the gateway, last seen ### seconds "
    "before from 203.0.1##.1##|"
    "GET /api/products/##### answered 200 with #### bytes in ## ms over a connection kept for ### "
    "requests";

struct Severity {
  std::uint32_t number;
  std::string_view text;
};
constexpr std::array<Severity, 10> kSeverities{{{9, "INFO"},
                                                {9, "INFO"},
                                                {9, "INFO"},
                                                {9, "INFO"},
                                                {9, "INFO"},
                                                {9, "INFO"},
                                                {5, "DEBUG"},
                                                {5, "DEBUG"},
                                                {13, "WARN"},
                                                {17, "ERROR"}}};

Message build_record(std::uint32_t index, const Service& service, Random& random) {
  const Severity& severity = kSeverities[random.below(kSeverities.size())];
  Message record;
  const auto fraction = static_cast<std::uint16_t>(random.next());
  record.time(1, index / kRecordsOfATrace, fraction);
  record.time(11, index / kRecordsOfATrace, fraction);
  record.varint(2, severity.number);
  record.bytes(3, severity.text);
  Message body;
  body.pattern(1, pick(kBodies, random));
  record.message(5, body);
  for (const Attribute& attribute : log_attributes()) add_attribute(record, 6, attribute, random);
  for (const Attribute& attribute : service.attributes) {
    add_attribute(record, 6, attribute, random);
  }
  if (random.chance(kInTraceChance)) {
    record.fixed32(8, 1);
    record.trace_id(9, index / kRecordsOfATrace);
    record.span_id(10, index);
  }
  return record;
}

}  // namespace

Request build_logs(std::uint32_t records, unsigned sender, Random& random) {
  std::vector<Message> scopes(services().size());
  for (std::uint32_t i = 0; i < records; ++i) {
    const std::uint32_t service = random.below(static_cast<std::uint32_t>(services().size()));
    scopes[service].message(2, build_record(i, services()[service], random));
  }
  Message request;
  for (std::size_t i = 0; i < scopes.size(); ++i) {
    if (scopes[i].text().empty()) continue;
    Message scope;
    scope.bytes(1, "shop.log");
    Message scope_logs;
    scope_logs.message(1, scope);
    scope_logs.append(scopes[i]);
    Message resource_logs;
    resource_logs.message(1, resource_of(services()[i], sender, random));
    resource_logs.message(2, scope_logs);
    request.message(1, resource_logs);
  }
  return {request, records, records / kRecordsOfATrace + 1, records, 0};
}

}  // namespace signalbox::bench
