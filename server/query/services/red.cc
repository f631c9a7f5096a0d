#include "server/query/services/red.h"

#include <optional>

#include "server/query/language/filter_lexer.h"
#include "server/query/plan/durations.h"
#include "server/query/plan/error.h"
#include "server/query/plan/fields.h"

namespace signalbox::server::query {
namespace {

/// Nothing if `text` is no number or duration, or more than that.
std::optional<double> duration_ns_of(std::string_view text) {
  try {
    Lexer lexer(text);
    const Token token = lexer.next();
    const bool is_one = token.kind == TokenKind::kDuration || token.kind == TokenKind::kNumber;
    if (is_one && lexer.next().kind == TokenKind::kEnd) return token.number;
  } catch (const QueryError&) {  // What is wrong is told about "apdex", not about a filter.
  }
  return std::nullopt;
}

std::string no_errors_up_to(std::int64_t limit_ns, Parameters& parameters) {
  return "countIf(status_code != 2 AND duration_ns <= " + parameters.bind_int(limit_ns) + ")";
}

}  // namespace

std::string class_sql(std::string_view is_root_sql) {
  return "toUInt8(multiIf(" + std::string(kTakesRequestsSql) + ", 2, " + std::string(is_root_sql) +
         ", 1, 0))";
}

Apdex parse_apdex(std::string_view text) {
  const std::optional<double> ns = duration_ns_of(text);
  if (!ns || !(*ns >= 1) || *ns > static_cast<double>(Apdex::kMostNs)) {
    throw QueryError::invalid(
        "apdex", "'apdex' must be a duration of at least 1ns, such as 500ms, 1.5s or 2min.");
  }
  return {.threshold_ns = static_cast<std::int64_t>(*ns)};
}

std::string satisfied_spans_sql(const Apdex& apdex, Parameters& parameters) {
  return no_errors_up_to(apdex.threshold_ns, parameters);
}

std::string tolerated_spans_sql(const Apdex& apdex, Parameters& parameters) {
  return no_errors_up_to(apdex.tolerated_ns(), parameters);
}

Red read_red_of_spans(RowReader& row) {
  Red red;
  red.count = row.u64();
  red.errors = row.u64();
  if (const std::size_t quantiles = row.size(); quantiles == 3) {
    red.p50 = row.f64();
    red.p90 = row.f64();
    red.p99 = row.f64();
  }
  // Who is satisfied tolerates too, so the sum counts them wholly and the others by half.
  const auto satisfied = static_cast<double>(row.u64());
  const auto tolerated = static_cast<double>(row.u64());
  red.apdex = (satisfied + tolerated) / 2 / static_cast<double>(red.count);
  return red;
}

Red read_red_of_minutes(RowReader& row, const Apdex& apdex) {
  Red red;
  red.count = row.u64();
  red.errors = row.u64();
  Durations all = Durations::read(row);
  Durations without_errors = Durations::read(row);
  const std::int64_t min_ns = row.i64();
  const std::int64_t max_ns = row.i64();
  all.set_range(min_ns, max_ns);
  without_errors.set_range(min_ns, max_ns);
  red.p50 = all.quantile(0.5);
  red.p90 = all.quantile(0.9);
  red.p99 = all.quantile(0.99);
  const Durations::Count satisfied = without_errors.at_most(apdex.threshold_ns);
  const Durations::Count tolerated = without_errors.at_most(apdex.tolerated_ns());
  const double weight = 0.5 / static_cast<double>(red.count);
  red.apdex = (satisfied.estimate + tolerated.estimate) * weight;
  red.apdex_error = (satisfied.error + tolerated.error) * weight;
  return red;
}

double ratio(std::uint64_t part, std::uint64_t whole) noexcept {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

double per_second(std::uint64_t count, const TimeRange& range) noexcept {
  return static_cast<double>(count) * 1e9 / static_cast<double>(range.length_ns());
}

void write_red(const Red& red, const TimeRange& range, JsonWriter& json) {
  json.key("span_count").number(red.count);
  json.key("error_count").number(red.errors);
  json.key("error_rate").number(ratio(red.errors, red.count));
  json.key("requests_per_second").number(per_second(red.count, range));
  json.key("p50_ns").number(red.p50);
  json.key("p90_ns").number(red.p90);
  json.key("p99_ns").number(red.p99);
  json.key("apdex").number(red.apdex);
  json.key("apdex_error").number(red.apdex_error);
}

}  // namespace signalbox::server::query
