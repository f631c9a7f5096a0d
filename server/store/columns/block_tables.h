#pragma once

#include "server/store/columns/error_groups.h"
#include "server/store/columns/side_tables.h"
#include "server/store/columns/tables.h"

namespace signalbox::server::store {

/// The rows of a block, and what they bring that is counted when it is sealed.
struct BlockTables {
  ResourceColumns resources;
  ScopeColumns scopes;
  MetricSeriesColumns series;
  AttributeSlotColumns slots;  // Filled when the block is sealed.
  SeriesHourColumns series_hours;
  SpanColumns spans;
  LogColumns logs;
  NumberColumns numbers;
  HistogramColumns histograms;
  ExponentialHistogramColumns exponential_histograms;
  SummaryColumns summaries;
  ExemplarColumns exemplars;
  Errors span_errors, log_errors;

  template <typename F>
  void visit(F f) {
    f(resources);
    f(scopes);
    f(series);
    f(slots);
    f(series_hours);
    f(spans);
    f(logs);
    f(numbers);
    f(histograms);
    f(exponential_histograms);
    f(summaries);
    f(exemplars);
  }
};

}  // namespace signalbox::server::store
