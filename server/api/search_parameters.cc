#include "server/api/search_parameters.h"

#include <utility>

#include "server/query/plan/selection.h"

namespace signalbox::server::api {

query::FilterNode filter_of(Target& target) {
  query::FilterNode filter = query::parse_filter(target.text("q"));
  const auto service = target.name("service");
  return service ? query::both(query::field_equals("service.name", *service), std::move(filter))
                 : filter;
}

query::Signal signal_of(Target& target) {
  target.required_text("signal");
  return static_cast<query::Signal>(target.choice("signal", {"traces", "logs", "metrics"}));
}

}  // namespace signalbox::server::api
