#pragma once

#include "server/api/target.h"
#include "server/query/language/filter.h"
#include "server/query/plan/fields.h"

/// Parameters that several routes have. Each function throws query::QueryError as Target does.
namespace signalbox::server::api {

/// `q`, and `service` if it is there.
query::FilterNode filter_of(Target& target);

/// `signal`, which must be there.
query::Signal signal_of(Target& target);

}  // namespace signalbox::server::api
