#include "server/query/fields/complete.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "server/ascii.h"
#include "server/query/fields/value_suggestions.h"
#include "server/query/json/json.h"
#include "server/query/language/filter.h"
#include "server/query/language/filter_lexer.h"
#include "server/query/language/filter_place.h"
#include "server/query/plan/unknown_fields.h"

namespace signalbox::server::query {
namespace {

using Form = FilterPlace::Form;
using Op = FilterOperator;

struct Suggestion {
  std::string text;  ///< To be put in the place of what is being written.
  std::string_view kind;
  std::string detail = {};
  std::uint64_t count = 0;  ///< 0: not known.
};

/// Operators by what their fields are.
struct OperatorInfo {
  std::string_view text;
  std::string_view detail;
  bool is_word = false;
  bool needs_order = false;
  bool needs_text = false;
};
constexpr std::array kOperators = {
    OperatorInfo{"=", "is"},
    OperatorInfo{"!=", "is not, or is absent"},
    OperatorInfo{.text = "<", .detail = "less than", .needs_order = true},
    OperatorInfo{.text = "<=", .detail = "at most", .needs_order = true},
    OperatorInfo{.text = ">", .detail = "more than", .needs_order = true},
    OperatorInfo{.text = ">=", .detail = "at least", .needs_order = true},
    OperatorInfo{.text = "IN", .detail = "is one of: IN (a, b)", .is_word = true},
    OperatorInfo{.text = "CONTAINS",
                 .detail = "has this part, in any case",
                 .is_word = true,
                 .needs_text = true},
    OperatorInfo{.text = "LIKE",
                 .detail = "matches: % any characters, _ one",
                 .is_word = true,
                 .needs_text = true},
    OperatorInfo{
        .text = "ILIKE", .detail = "as LIKE, in any case", .is_word = true, .needs_text = true},
    OperatorInfo{.text = "REGEXP",
                 .detail = "matches the regular expression",
                 .is_word = true,
                 .needs_text = true},
    OperatorInfo{.text = "BETWEEN",
                 .detail = "from a to b: BETWEEN a AND b",
                 .is_word = true,
                 .needs_order = true},
    OperatorInfo{.text = "EXISTS", .detail = "is there", .is_word = true},
};

bool fits(const OperatorInfo& info, const FieldReference& field) {
  if (field.kind != FieldReference::Kind::kIntrinsic) return true;
  switch (field.intrinsic->type) {
    case FieldType::kString:
      return true;
    case FieldType::kNumber:
    case FieldType::kDuration:
    case FieldType::kSeverity:
      return !info.needs_text;
    case FieldType::kBool:
    case FieldType::kEnum:
    case FieldType::kTraceId:
    case FieldType::kSpanId:
      break;
  }
  return !info.needs_text && !info.needs_order;
}

/// How well `text` goes on with what was typed: 0 begins so, 1 has it somewhere; nothing: it does
/// not.
std::optional<int> rank(std::string_view text, std::string_view typed_lower) {
  const std::size_t at = to_lower(text).find(typed_lower);
  if (at == std::string::npos) return std::nullopt;
  return at == 0 ? 0 : 1;
}

class Completion {
 public:
  Completion(Session& session, const CompletionRequest& request, const FilterPlace& place)
      : session_(session), request_(request), place_(place), typed_(to_lower(place.typed)) {}

  /// One more than the limit, if there are more.
  std::vector<Suggestion> take() {
    const FilterExpectation& expected = place_.expected;
    if (expected.value) add_values();
    if (expected.condition) add_fields();
    if (place_.form != Form::kQuoted && place_.form != Form::kBacktick) {
      if (!expected.field.empty() || expected.comparison) add_operators();
      add_words();
    }
    return std::move(suggestions_);
  }

 private:
  [[nodiscard]] bool is_full() const { return suggestions_.size() > request_.limit; }

  void add(Suggestion suggestion) {
    if (!is_full()) suggestions_.push_back(std::move(suggestion));
  }

  void add_fields() {
    if (place_.form == Form::kQuoted) return;  // A text to search for.
    KnownFields known(session_, request_.signal, request_.range, request_.metric);
    const std::vector<KnownFields::Field> fields = known.list();
    std::set<std::string_view> taken;
    for (const int wanted : {0, 1}) {
      for (const auto& [name, description] : fields) {
        if (is_full()) return;
        if (rank(name, typed_) != wanted || !taken.insert(name).second) continue;
        add({print_filter_field(name), "field", std::string(description)});
      }
    }
  }

  void add_operators() {
    const FilterExpectation& expected = place_.expected;
    if (expected.value) return;
    const FieldReference field = resolve_field(request_.signal, expected.field);
    const auto is_possible = [&](std::string_view word) {
      return std::find(expected.words.begin(), expected.words.end(), word) != expected.words.end();
    };
    const auto add_if_typed = [&](std::string text, std::string detail) {
      if (rank(text, typed_) == 0) add({std::move(text), "operator", std::move(detail)});
    };
    for (const OperatorInfo& info : kOperators) {
      if (!(info.is_word ? is_possible(info.text) : expected.comparison) || !fits(info, field)) {
        continue;
      }
      add_if_typed(std::string(info.text), std::string(info.detail));
      if (info.is_word && is_possible("NOT")) {
        add_if_typed("NOT " + std::string(info.text), "the opposite of " + std::string(info.text));
      }
    }
  }

  /// What is not an operator.
  void add_words() {
    const FilterExpectation& expected = place_.expected;
    for (const std::string_view word : expected.words) {
      const auto is_word = [&](const OperatorInfo& info) { return info.text == word; };
      const bool is_operator = std::any_of(kOperators.begin(), kOperators.end(), is_word) ||
                               (word == "NOT" && !expected.condition);
      if (!is_operator && rank(word, typed_) == 0) add({std::string(word), "keyword"});
    }
  }

  void add_values() {
    if (place_.form == Form::kBacktick) return;
    const FieldReference field = resolve_field(request_.signal, place_.expected.field);
    if (field.kind == FieldReference::Kind::kIntrinsic) {
      switch (field.intrinsic->type) {
        case FieldType::kBool:
          add_names({"true", "false"});
          return;
        case FieldType::kEnum:
        case FieldType::kSeverity:
          add_enum(field.intrinsic->values);
          return;
        case FieldType::kDuration:
          add_durations();
          return;
        default:
          break;
      }
    }
    // Patterns are not values.
    const Op op = place_.expected.op;
    if (op == Op::kLike || op == Op::kIlike || op == Op::kRegexp) return;
    add_known_values(field);
  }

  void add_names(std::initializer_list<std::string_view> names) {
    for (const std::string_view name : names) {
      if (rank(name, typed_) == 0 && !is_given(name)) add({std::string(name), "value"});
    }
  }

  void add_enum(std::span<const EnumValue> values) {
    for (const EnumValue& value : values) add_names({value.name});
  }

  /// The units, behind the number that was typed.
  void add_durations() {
    if (place_.form != Form::kBare) return;
    if (!is_plain_number(place_.typed)) return;
    for (const std::string_view unit : {"ns", "us", "ms", "s", "m", "h", "d"}) {
      add({place_.typed + std::string(unit), "value"});
    }
  }

  void add_known_values(const FieldReference& field) {
    const std::vector<SuggestedValue> values = suggest_values(
        session_,
        {.signal = request_.signal,
         .field = field,
         .range = request_.range,
         .metric = request_.metric,
         .contains = place_.typed,
         .limit = request_.limit + 1 + static_cast<std::uint32_t>(place_.expected.values.size())});
    for (const SuggestedValue& value : values) {
      if (!is_given(value.text)) add({print_value(value), "value", {}, value.records});
    }
  }

  /// As it is written in a filter: a number or truth value as such, where that is the same.
  static std::string print_value(const SuggestedValue& value) {
    const bool is_number = value.type == 'i' || value.type == 'd';
    const bool is_bool = value.type == 'b' && (value.text == "true" || value.text == "false");
    if (is_bool) return value.text;
    if (is_number && is_plain_number(value.text)) return value.text;
    return quote_filter_text(value.text);
  }

  static bool is_plain_number(const std::string& text) {
    return text.find_first_not_of("0123456789.-") == std::string::npos &&
           text.find_first_of("0123456789") != std::string::npos &&
           Lexer(text).next().kind == TokenKind::kNumber;
  }

  /// In the same list before.
  [[nodiscard]] bool is_given(std::string_view text) const {
    const std::vector<FilterValue>& values = place_.expected.values;
    return place_.expected.op == Op::kIn &&
           std::any_of(values.begin(), values.end(),
                       [&](const FilterValue& value) { return value.text == text; });
  }

  Session& session_;
  const CompletionRequest& request_;
  const FilterPlace& place_;
  std::string typed_;
  std::vector<Suggestion> suggestions_;
};

}  // namespace

std::string complete_filter(Session& session, const CompletionRequest& request) {
  const FilterPlace place = place_in_filter(request.filter, request.position);
  std::vector<Suggestion> suggestions = Completion(session, request, place).take();
  const bool has_more = suggestions.size() > request.limit;
  if (has_more) suggestions.resize(request.limit);

  JsonWriter json;
  json.begin_object();
  json.key("replace").begin_object();
  json.key("start").number(place.begin);
  json.key("end").number(place.end);
  json.end_object();
  json.key("suggestions").begin_array();
  for (const Suggestion& suggestion : suggestions) {
    json.begin_object();
    json.key("text").string(suggestion.text);
    json.key("kind").string(suggestion.kind);
    json.key("detail").string(suggestion.detail);
    if (suggestion.count > 0) json.key("count").number(suggestion.count);
    json.end_object();
  }
  json.end_array();
  json.key("truncated").boolean(has_more);
  session.write_stats(json);
  json.end_object();
  return json.take();
}

}  // namespace signalbox::server::query
