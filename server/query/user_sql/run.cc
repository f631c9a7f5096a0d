#include "server/query/user_sql/run.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <set>
#include <utility>
#include <vector>

#include "server/ascii.h"
#include "server/query/json/json.h"
#include "server/query/json/json_reader.h"
#include "server/query/plan/error.h"
#include "server/query/plan/rows.h"
#include "server/query/user_sql/check.h"
#include "server/query/user_sql/syntax_tree.h"

namespace signalbox::server::query {
namespace {

constexpr std::size_t kLongestSql = 32 * 1024;
constexpr std::int64_t kMaxRows = 10'000;

/// What may be read (003_side_tables.sql, 004_views.sql in server/store/sql).
constexpr std::array<std::string_view, 15> kTables = {"attribute_values",
                                                      "error_groups",
                                                      "logs",
                                                      "metric_exemplars",
                                                      "metric_exponential_histograms",
                                                      "metric_histograms",
                                                      "metric_numbers",
                                                      "metric_series",
                                                      "metric_series_hours",
                                                      "metric_summaries",
                                                      "operation_minutes",
                                                      "resources",
                                                      "scopes",
                                                      "service_edges",
                                                      "spans"};

/// Functions are allowed by what they are for. Of the other kinds some reach beyond their
/// arguments: other servers, dictionaries, the machine, or time; these do not.
constexpr std::string_view kRefusedCategories =
    "('', 'AI', 'Dictionary', 'Embedded Dictionary', 'Internal', 'Introspection',\n"
    "  'Machine Learning', 'Other')";
constexpr std::string_view kHarmlessOthers =
    "('assumeNotNull', 'bar', 'byteSize', 'caseWithExpression', 'coalesce',\n"
    "  'currentDatabase', 'finalizeAggregation', 'formatReadableDecimalSize',\n"
    "  'formatReadableQuantity', 'formatReadableSize', 'formatReadableTimeDelta', 'identity',\n"
    "  'ifNull', 'ignore', 'indexHint', 'isConstant', 'isNotNull', 'isNull', 'isNullable',\n"
    "  'isZeroOrNull', 'materialize', 'neighbor', 'nullIf', 'parseReadableSize',\n"
    "  'parseReadableSizeOrNull', 'parseReadableSizeOrZero', 'parseTimeDelta',\n"
    "  'rowNumberInAllBlocks', 'rowNumberInBlock', 'runningAccumulate', 'runningDifference',\n"
    "  'throwIf', 'toColumnTypeName', 'toNullable', 'toTypeName', 'transform', 'variantElement',\n"
    "  'variantType', 'version', 'visibleWidth')";

struct Column {
  std::string name;
  std::string type;
};

/// As a table of another statement: nothing that stands in `sql` ends it, for check_text has seen
/// it and the engine parses both as one.
std::string as_table(const UserSql& query) {
  return "(\n" + query.sql + "\n)";
}

/// SQL for an array of names, which have no line feeds (see check_text): one parameter, however
/// many they are.
std::string bind_names(Parameters& parameters, const std::set<std::string>& names) {
  std::string lines;
  for (const std::string& name : names) lines.append(lines.empty() ? "" : "\n").append(name);
  return "splitByChar('\n', " + parameters.bind(lines) + ")";
}

void check_tables(Session& session, const std::set<std::string>& names) {
  std::set<std::string> others;
  for (const std::string& name : names) {
    if (std::find(kTables.begin(), kTables.end(), name) == kTables.end()) others.insert(name);
  }
  if (others.empty()) return;
  // The names of WITH clauses are no tables; of tables, only the views may be read.
  Parameters parameters;
  const std::string data = session.rows(
      "SELECT name FROM system.tables WHERE database = currentDatabase()\n"
      "AND has(" +
          bind_names(parameters, others) + ", name) LIMIT 1",
      parameters);
  if (data.empty()) return;
  std::string list;
  for (const std::string_view table : kTables) list.append(list.empty() ? "" : ", ") += table;
  throw QueryError::invalid("sql", "'" + std::string(RowReader(data).string()) +
                                       "' cannot be read here: ask " + list + ".");
}

void check_functions(Session& session, const std::set<std::string>& names) {
  if (names.empty()) return;
  std::set<std::string> lower;
  for (const std::string& name : names) lower.insert(to_lower(name));
  Parameters parameters;
  std::string sql =
      "SELECT name FROM system.functions AS used\n"
      "LEFT JOIN (SELECT name, categories FROM system.functions) AS real ON real.name = "
      "used.alias_to\n"
      "WHERE has(" +
      bind_names(parameters, lower) +
      ", lower(used.name)) AND NOT is_aggregate\n"
      "AND if(alias_to = '', used.categories, real.categories) IN ";
  sql += kRefusedCategories;
  sql += "\nAND if(alias_to = '', used.name, alias_to) NOT IN ";
  sql += kHarmlessOthers;
  const std::string data = session.rows(sql + " LIMIT 1", parameters);
  if (data.empty()) return;
  throw QueryError::invalid("sql", "'" + std::string(RowReader(data).string()) +
                                       "' cannot be used here, neither as a function nor as a "
                                       "name: it may reach beyond the tables.");
}

std::vector<Column> columns_of(Session& session, const UserSql& query) {
  std::vector<Column> columns;
  const std::string data = session.client_rows("DESCRIBE TABLE " + as_table(query), "RowBinary");
  constexpr int kFurtherTexts = 5;  // Default, comment and the like, which a subquery has not.
  for (RowReader row(data); !row.at_end();) {
    std::string name(row.string());
    columns.push_back({std::move(name), std::string(row.string())});
    for (int i = 0; i < kFurtherTexts; ++i) row.string();
  }
  return columns;
}

/// "`name`", without an escape: the engine refuses those in quoted names, since they could spell
/// what is looked for in the text.
std::string quoted(const std::string& name) {
  if (name.find_first_of("`\\\n") != std::string::npos) {
    throw QueryError::invalid("sql", "Give the column '" + name + "' a plain name with AS.");
  }
  return "`" + name + "`";
}

/// The column as JSON can hold it: ids as hexadecimal digits, and integers that a JSON number may
/// not hold as digits.
std::string for_json(const Column& column) {
  std::string name = quoted(column.name);
  std::string_view type = column.type;
  for (const std::string_view wrapper : {"LowCardinality(", "Nullable("}) {
    if (type.starts_with(wrapper))
      type = type.substr(wrapper.size(), type.size() - wrapper.size() - 1);
  }
  if (type.starts_with("FixedString(")) return "lower(hex(" + name + ")) AS " + name;
  for (const std::string_view wide :
       {"Int64", "UInt64", "Int128", "UInt128", "Int256", "UInt256"}) {
    if (type == wide) return std::string("toString(").append(name).append(") AS ").append(name);
  }
  return name;
}

/// What the engine says of a statement that stands in `as_table`, as if it stood alone.
std::string without_frame(std::string message) {
  message = message.substr(0, message.find("\n) LIMIT 1"));
  constexpr std::string_view kPosition = "failed at position ";
  constexpr std::string_view kLine = "(line ";
  const std::size_t at = message.find(kPosition);
  const std::size_t line = message.find(kLine, at);
  if (at == std::string::npos || line == std::string::npos) return message;
  const std::size_t number = line + kLine.size();
  const std::size_t end = message.find_first_not_of("0123456789", number);
  std::uint64_t lines = 0;
  std::from_chars(message.data() + number, message.data() + end, lines);
  if (lines < 2) return message;  // The frame is one line.
  return message.substr(0, at) + "at line " + std::to_string(lines - 1) + message.substr(end);
}

void write_columns(const std::vector<Column>& columns, JsonWriter& json) {
  json.key("columns").begin_array();
  for (const Column& column : columns) {
    json.begin_object();
    json.key("name").string(column.name);
    json.key("type").string(column.type);
    json.end_object();
  }
  json.end_array();
}

/// Of lines with a JSON array each; whether there were more than `limit`.
bool write_rows(std::string_view lines, std::uint32_t limit, JsonWriter& json) {
  json.key("rows").begin_array();
  std::uint32_t count = 0;
  for (; !lines.empty() && count < limit; ++count) {
    const std::size_t end = lines.find('\n');
    json.json(lines.substr(0, end));
    lines.remove_prefix(std::min(end, lines.size() - 1) + 1);
  }
  json.end_array();
  return !lines.empty();
}

}  // namespace

UserSql parse_user_sql(std::string_view body) {
  const boost::json::value value = parse_body(body);
  const JsonReader reader(value);
  reader.expect_members({"sql", "limit"});
  UserSql query;
  if (const auto sql = reader.member("sql")) query.sql = sql->text();
  if (const auto limit = reader.member("limit")) {
    query.limit = static_cast<std::uint32_t>(limit->integer(1, kMaxRows));
  }
  const std::size_t end = query.sql.find_last_not_of("; \t\r\n");
  query.sql.resize(end == std::string::npos ? 0 : end + 1);
  if (query.sql.empty() || query.sql.size() > kLongestSql) {
    throw QueryError::invalid("sql", "'sql' must be one SELECT of at most 32 KiB.");
  }
  const std::size_t begin = query.sql.find_first_not_of("( \t\r\n");
  const std::string word = to_lower(query.sql.substr(std::min(begin, query.sql.size()), 6));
  if (word != "select" && !word.starts_with("with") && !word.starts_with("from") &&
      !word.starts_with("--") && !word.starts_with("/*")) {
    throw QueryError::invalid("sql", "Only SELECT is answered here.");
  }
  check_text(query.sql);
  return query;
}

std::string run_user_sql(Session& session, const UserSql& query) {
  session.expect_current_tables();
  std::string tree;
  try {
    tree =
        session.client_rows("EXPLAIN AST SELECT * FROM " + as_table(query) + " LIMIT 1", "TSVRaw");
  } catch (const QueryError& error) {
    if (error.parameter != "sql") throw;
    throw QueryError::invalid("sql", without_frame(error.what()));
  }
  const SqlReferences references = check_tree(parse_syntax_tree(tree));
  check_tables(session, references.tables);
  check_functions(session, references.functions);

  const std::vector<Column> columns = columns_of(session, query);
  std::string select;
  for (const Column& column : columns)
    select.append(select.empty() ? "" : ", ") += for_json(column);
  const std::string lines = session.client_stream("SELECT " + select + " FROM " + as_table(query) +
                                                      "\nLIMIT " + std::to_string(query.limit + 1),
                                                  "JSONCompactEachRow");
  JsonWriter json;
  json.begin_object();
  write_columns(columns, json);
  const bool truncated = write_rows(lines, query.limit, json);
  json.key("truncated").boolean(truncated);
  session.write_stats(json);
  json.end_object();
  return json.take();
}

std::string list_sql_tables(Session& session) {
  Parameters parameters;
  const std::string names =
      bind_names(parameters, std::set<std::string>(kTables.begin(), kTables.end()));
  const std::string data = session.rows(
      "SELECT table, groupArray((name, type)) FROM (\n"
      "  SELECT table, name, type FROM system.columns\n"
      "  WHERE database = currentDatabase() AND has(" +
          names +
          ", table)\n"
          "  ORDER BY table, position)\n"
          "GROUP BY table ORDER BY table",
      parameters);
  JsonWriter json;
  json.begin_object();
  json.key("tables").begin_array();
  for (RowReader row(data); !row.at_end();) {
    json.begin_object();
    json.key("name").string(row.string());
    std::vector<Column> columns(row.size());
    for (Column& column : columns) {
      column.name = row.string();
      column.type = row.string();
    }
    write_columns(columns, json);
    json.end_object();
  }
  json.end_array();
  session.write_stats(json);
  json.end_object();
  return json.take();
}

}  // namespace signalbox::server::query
