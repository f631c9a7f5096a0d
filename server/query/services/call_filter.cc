#include "server/query/services/call_filter.h"

#include <initializer_list>
#include <span>
#include <vector>

#include "server/query/language/filter.h"
#include "server/query/services/call_keys.h"

namespace signalbox::server::query {
namespace {

std::string equals(std::string_view field, std::string_view value) {
  return std::string(field) + " = " + quote_filter_text(value);
}

using Tests = std::vector<std::string>;
using Keys = std::span<const std::string_view>;

/// "a", or "(a OR b)"; nothing if there are none.
std::string any_of(const Tests& tests) {
  if (tests.size() == 1) return tests.front();
  std::string filter;
  for (const std::string& test : tests) filter += (filter.empty() ? "(" : " OR ") + test;
  return filter.empty() ? filter : filter + ")";
}

/// "a AND b" of those that there are.
std::string all_of(const Tests& terms) {
  std::string filter;
  for (const std::string& term : terms) {
    if (!term.empty()) filter += (filter.empty() ? "" : " AND ") + term;
  }
  return filter;
}

/// That one of the attributes is `value`; nothing if that is empty.
Tests any_equals(Keys keys, std::string_view value) {
  Tests tests;
  if (value.empty()) return tests;
  for (const std::string_view key : keys) tests.push_back(equals(key, value));
  return tests;
}

/// That none of the attributes is there.
std::string none_of(std::initializer_list<Keys> all_keys) {
  Tests tests;
  for (const Keys keys : all_keys) {
    for (const std::string_view key : keys) tests.push_back(std::string(key) + " EXISTS");
  }
  return "NOT " + any_of(tests);
}

void append(Tests& tests, const Tests& more) {
  tests.insert(tests.end(), more.begin(), more.end());
}

/// "host" of "host:port".
std::string_view host_of(std::string_view address) {
  const std::size_t colon = address.rfind(':');
  const bool has_port =
      colon != std::string_view::npos &&
      address.find_first_not_of("0123456789", colon + 1) == std::string_view::npos;
  return has_port ? address.substr(0, colon) : address;
}

/// That the call goes to this address, however it says so.
Tests at_address(std::string_view address) {
  const std::string_view host = host_of(address);
  Tests tests = any_equals(call_keys::kHost, host);
  if (host.empty()) return tests;
  for (const std::string_view key : call_keys::kUrl) {
    tests.push_back(std::string(key) + " CONTAINS " + quote_filter_text(host));
  }
  return tests;
}

/// The operation is the span's name where nothing else tells it.
Tests with_operation(Keys keys, std::string_view operation) {
  Tests tests = any_equals(keys, operation);
  tests.push_back(equals("name", operation));
  return tests;
}

/// That both hold, as one test.
std::string both_of(const std::string& a, const std::string& b) {
  return "(" + all_of({a, b}) + ")";
}

/// The operation is in two attributes with `joint` between them, or in one of them.
Tests with_operation_of_parts(std::string_view operation, char joint, Keys first, Keys second) {
  Tests tests = {equals("name", operation)};
  if (const std::size_t at = operation.find(joint); at != std::string_view::npos) {
    append(tests, any_equals(second, operation));
    tests.push_back(both_of(any_of(any_equals(first, operation.substr(0, at))),
                            any_of(any_equals(second, operation.substr(at + 1)))));
    return tests;
  }
  tests.push_back(both_of(any_of(any_equals(first, operation)), none_of({second})));
  tests.push_back(both_of(any_of(any_equals(second, operation)), none_of({first})));
  return tests;
}

/// That the call is of `target`, which some of `keys` tell, or else its address.
std::string with_target(std::string_view target, std::initializer_list<Keys> keys) {
  if (target.empty()) return all_of({none_of(keys), none_of({call_keys::kHost})});
  Tests tests;
  for (const Keys of : keys) append(tests, any_equals(of, target));
  append(tests, at_address(target));
  return any_of(tests);
}

Tests of_database(const Call& call) {
  using namespace call_keys;
  return {any_of(any_equals(kDatabaseSystem, call.system)), with_target(call.target, {kNamespace}),
          any_of(with_operation(kDatabaseOperation, call.operation)),
          any_of(any_equals(kCollection, call.collection)),
          any_of(any_equals(kSummary, call.summary))};
}

Tests of_queue(const Call& call) {
  using namespace call_keys;
  return {any_of(any_equals(kMessagingSystem, call.system)),
          with_target(call.target, {kDestination}),
          any_of(with_operation(kMessagingOperation, call.operation))};
}

Tests operation_of_service(const Call& call) {
  using namespace call_keys;
  if (call.type == "rpc") {
    return with_operation_of_parts(call.operation, '/', kRpcService, kRpcMethod);
  }
  if (call.type == "http") {
    return with_operation_of_parts(call.operation, ' ', kHttpMethod, kUrlTemplate);
  }
  return {equals("name", call.operation)};
}

Tests of_service(const Call& call) {
  using namespace call_keys;
  const bool has_type = call.type != "other";
  return {any_of(any_equals(kRpcSystem, call.system)),
          with_target(call.target, {kPeer, kRpcService}), any_of(operation_of_service(call)),
          has_type ? "" : none_of({kDatabaseSystem, kMessagingSystem, kRpcSystem, kHttpMethod})};
}

Tests of_type(const Call& call) {
  if (call.type == "database") return of_database(call);
  if (call.type == "messaging") return of_queue(call);
  return of_service(call);
}

}  // namespace

std::string call_filter(std::string_view service, const Call& call) {
  return all_of(
      {equals("service.name", service), "kind IN (client, producer)", all_of(of_type(call))});
}

}  // namespace signalbox::server::query
