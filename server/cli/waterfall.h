#pragma once

#include <boost/json/value.hpp>
#include <map>
#include <string>
#include <vector>

#include "server/cli/style.h"
#include "server/cli/trace_tree.h"

namespace signalbox::server::cli {

struct WaterfallOptions {
  bool all = false;  ///< Fold nothing.
  /// Log records by the id of their span; "" are those of none.
  std::map<std::string, std::vector<const boost::json::value*>> logs = {};
};

/// A trace's spans as a tree, each with its duration, its share of the critical path, and a bar on
/// the trace's time axis.
std::string waterfall(const TraceTree& tree, const WaterfallOptions& options, const Style& style);

/// A bar of `width` columns from `from` to `to`, each a share of the axis from 0 to 1, to an eighth
/// of a column; at least one column shows something.
std::string bar(double from, double to, std::size_t width);

}  // namespace signalbox::server::cli
