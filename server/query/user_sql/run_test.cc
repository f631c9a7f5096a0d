#include "server/query/user_sql/run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <string>
#include <vector>

#include "server/query/json/document_examples.h"
#include "server/query/plan/error.h"
#include "server/query/plan/query_test_fixture.h"
#include "server/query/plan/rows.h"

namespace signalbox::server::query {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class UserSqlTest : public QueryTest {
 protected:
  boost::json::value ask(const std::string& sql, std::uint32_t limit = 1000) {
    const boost::json::object body = {{"sql", sql}, {"limit", limit}};
    Session of_this_query = session();
    return parse(run_user_sql(of_this_query, parse_user_sql(boost::json::serialize(body))));
  }
  std::string rows(const std::string& sql) { return boost::json::serialize(ask(sql).at("rows")); }

  /// Why it is refused; "" if it is answered.
  std::string refusal_of(const std::string& sql) {
    try {
      ask(sql);
    } catch (const QueryError& error) {
      EXPECT_NE(error.code(), ErrorCode::kInternal) << sql << ": " << error.what();
      return error.what();
    }
    return "";
  }

  void add_span(int second, const std::string& attributes, const std::string& types) {
    insert(
        "span_rows (service_name, name, start_time, duration_ns, trace_id, overflow, resource_id, "
        "scope_id)",
        "('shop', 'buy', " + at_s(second) + ", 5000000, toFixedString(unhex('" +
            std::string(31, '0') + "7'), 16), " + overflow_sql(attributes, types) + ", 1, 1)");
  }
};

TEST_F(UserSqlTest, IsAnsweredWithColumnsAndRows) {
  add_span(1, "{'http.route': '/a', 'size': '7'}", "si");
  add_span(2, "{'http.route': '/b'}", "s");
  const auto answer = ask(
      "SELECT trace_id, attributes['http.route'] AS route, duration_ns, attributes, start_time\n"
      "FROM spans ORDER BY route DESC;");
  EXPECT_EQ(boost::json::serialize(answer.at("columns")),
            R"j([{"name":"trace_id","type":"FixedString(16)"},)j"
            R"j({"name":"route","type":"String"},{"name":"duration_ns","type":"Int64"},)j"
            R"j({"name":"attributes","type":"Map(String, String)"},)j"
            R"j({"name":"start_time","type":"DateTime64(9, 'UTC')"}])j");
  EXPECT_EQ(boost::json::serialize(answer.at("rows")),
            R"([["00000000000000000000000000000007","/b","5000000",{"http.route":"/b"},)"
            R"("2023-11-14 22:13:02.000000000"],)"
            R"(["00000000000000000000000000000007","/a","5000000",{"http.route":"/a","size":"7"},)"
            R"("2023-11-14 22:13:01.000000000"]])");
  EXPECT_EQ(answer.at("truncated"), false);
}

TEST_F(UserSqlTest, MayUseWhatSqlHas) {
  add_span(1, "{'a': '1'}", "s");
  for (const char* sql :
       {"WITH slow AS (SELECT * FROM spans WHERE duration_ns > 1000) SELECT count() FROM slow",
        "SELECT s.name FROM spans AS s LEFT JOIN resources AS r USING (resource_id)",
        "SELECT quantilesIf(0.5, 0.99)(duration_ns, status_code = 2) FROM spans",
        "SELECT name, count() OVER (PARTITION BY service_name ORDER BY start_time) FROM spans",
        "SELECT toHour(start_time) AS h, count() FROM spans GROUP BY h ORDER BY h WITH FILL",
        "SELECT * EXCEPT (attributes) FROM spans WHERE name IN (SELECT name FROM spans)",
        "SELECT arrayMap(x -> x + 1, [1, 2]), coalesce(NULL, 1), number FROM numbers(3)",
        "SELECT version, name FROM scopes", "SELECT 1 UNION ALL SELECT 2 -- two",
        "SELECT arrayJoin(mapKeys(attributes)) AS k, count() FROM spans GROUP BY k HAVING k != ''",
        "SELECT if(match(name, '^b'), NOW(), now()) FROM spans",
        "SELECT body, severity_text FROM logs WHERE body ILIKE '%file; not found%'"}) {
    EXPECT_EQ(refusal_of(sql), "") << sql;
  }
}

TEST_F(UserSqlTest, ReadsEachViewThatItLists) {
  Session of_this_query = session();
  const auto tables = parse(list_sql_tables(of_this_query)).at("tables").as_array();
  EXPECT_EQ(tables.size(), 15U);
  EXPECT_EQ(tables.back().at("name"), "spans");
  EXPECT_THAT(boost::json::serialize(tables.back().at("columns")),
              HasSubstr(R"({"name":"duration_ns","type":"Int64"})"));
  for (const auto& table : tables) {
    const auto answer = ask("SELECT * FROM " + std::string(table.at("name").as_string()));
    EXPECT_EQ(boost::json::serialize(answer.at("columns")),
              boost::json::serialize(table.at("columns")));
  }
}

TEST_F(UserSqlTest, AnswersTheDocument) {
  const std::vector<std::string> statements = document_examples(SIGNALBOX_SQL_DOCUMENT, "sql");
  EXPECT_GT(statements.size(), 3U);
  for (const std::string& statement : statements) EXPECT_EQ(refusal_of(statement), "") << statement;
}

TEST_F(UserSqlTest, ReadsNothingButTheViews) {
  for (const char* sql :
       {"SELECT * FROM system.tables", "SELECT * FROM system.query_log",
        "SELECT * FROM INFORMATION_SCHEMA.TABLES", "SELECT * FROM span_rows",
        "SELECT * FROM signalbox.spans", "SELECT 1 IN span_rows", "SELECT 1 IN system.one",
        "SELECT 1 GLOBAL NOT IN system.one", "SELECT in(1, system.one)",
        "WITH a AS (SELECT * FROM span_rows) SELECT * FROM a",
        "SELECT (SELECT count() FROM span_rows)", "SELECT EXISTS (SELECT 1 FROM system.one)",
        "SELECT 1 FROM spans JOIN span_rows ON 1", "SELECT * FROM `/etc/passwd`",
        "SELECT 1 UNION ALL SELECT 2 FROM system.one",
        "SELECT 1 INTERSECT SELECT 1 FROM span_rows"}) {
    EXPECT_THAT(refusal_of(sql), HasSubstr("cannot be read here")) << sql;
  }
}

TEST_F(UserSqlTest, ReachesNothingBeyondTheTables) {
  const std::vector<std::string> functions = {"url('http://127.0.0.1:1/', CSV, 'a String')",
                                              "s3('http://127.0.0.1:1/b/c', 'CSV')",
                                              "remote('127.0.0.1', system.one)",
                                              "cluster('default', system.one)",
                                              "executable('ls', CSV, 'a String')",
                                              "mysql('127.0.0.1:1', 'a', 'b', 'c', 'd')",
                                              "postgresql('127.0.0.1:1', 'a', 'b', 'c', 'd')",
                                              "deltaLake('http://127.0.0.1:1/')",
                                              "iceberg('http://127.0.0.1:1/')",
                                              "merge('signalbox', '.*')",
                                              "view(SELECT * FROM span_rows)",
                                              "mergeTreeIndex('signalbox', 'span_rows')",
                                              "viewExplain('EXPLAIN', '', (SELECT 1))",
                                              "dictionary('d')",
                                              "input('a String')",
                                              "fuzzQuery('SELECT 1')",
                                              "eval('SELECT 1')",
                                              "sqlite('/a', 'b')",
                                              "format(CSV, '1')",
                                              "generateRandom('a String')",
                                              "hdfs('hdfs://127.0.0.1:1/', 'CSV')",
                                              "azureBlobStorage('a')",
                                              "prometheusQuery('a', 'b', 'c')",
                                              "loop(span_rows)",
                                              "filesystem('/')"};
  for (const std::string& function : functions) {
    EXPECT_THAT(refusal_of("SELECT * FROM " + function), HasSubstr("cannot be used here"))
        << function;
  }
  for (const char* sql : {"SELECT sleep(3)",
                          "SELECT SLEEP(3)",
                          "SELECT sleepEachRow(1) FROM spans",
                          "SELECT getSetting('max_threads')",
                          "SELECT getServerSetting('max_threads')",
                          "SELECT getMacro('a')",
                          "SELECT hostName()",
                          "SELECT FQDN()",
                          "SELECT serverUUID()",
                          "SELECT dictGet('d', 'a', 1)",
                          "SELECT joinGet('j', 'a', 1)",
                          "SELECT AIGenerate('a')",
                          "SELECT arrayMap(AIGenerate, ['a'])",
                          "SELECT arrayMap(sleep, [3])",
                          "SELECT filesystemAvailable()",
                          "SELECT showCertificate()",
                          "SELECT logTrace('a')",
                          "SELECT catboostEvaluate('/m', 1)",
                          "SELECT addressToLine(1)",
                          "SELECT currentUser()",
                          "SELECT hasColumnInTable('system', 'one', 'dummy')",
                          "SELECT * APPLY(sleep) FROM spans",
                          "SELECT getClientHTTPHeader('a')",
                          "SELECT regionToName(toUInt32(1))"}) {
    EXPECT_THAT(refusal_of(sql), HasSubstr("cannot be used here")) << sql;
  }
  for (const char* sql :
       {"SELECT file('/etc/passwd')", "SELECT arrayMap(file, ['/etc/passwd'])",
        "SELECT `file`('/etc/passwd')", "SELECT * FROM file('/etc/passwd', 'CSV', 'a String')",
        "SELECT 1 INTO OUTFILE '/tmp/a'", "SELECT 1) INTO OUTFILE '/tmp/a' --"}) {
    EXPECT_NE(refusal_of(sql), "") << sql;
  }
}

TEST_F(UserSqlTest, OnlyReads) {
  for (const char* sql : {"DROP TABLE spans",
                          "INSERT INTO span_rows SELECT 1",
                          "CREATE TABLE t (a UInt8) ENGINE = Log",
                          "ALTER TABLE span_rows DELETE WHERE 1",
                          "TRUNCATE TABLE span_rows",
                          "SYSTEM SHUTDOWN",
                          "SET max_threads = 1",
                          "USE system",
                          "KILL QUERY WHERE 1",
                          "SHOW TABLES",
                          "DESCRIBE spans",
                          "EXPLAIN SELECT 1",
                          "ATTACH TABLE t",
                          "BACKUP DATABASE signalbox TO Disk('a', 'b')",
                          "SELECT 1; DROP TABLE spans",
                          "SELECT 1) FORMAT CSV --",
                          "SELECT 1 FORMAT CSV",
                          "SELECT 1) LIMIT 5; DROP TABLE spans; SELECT * FROM (SELECT 1",
                          "SELECT 1) UNION ALL SELECT * FROM (SELECT 2",
                          "SELECT 1) AS a, (SELECT 2",
                          "SELECT 1) WHERE (1",
                          "(((",
                          "",
                          ";",
                          "SELECT {a:String}"}) {
    EXPECT_NE(refusal_of(sql), "") << sql;
  }
  EXPECT_THAT(refusal_of("SELECT count() FROM spans SETTINGS max_execution_time = 0"),
              HasSubstr("SETTINGS"));
  EXPECT_THAT(refusal_of("SELECT * FROM (SELECT 1 SETTINGS max_threads = 64)"),
              HasSubstr("SETTINGS"));
  EXPECT_EQ(rows("SELECT count() FROM spans"), R"([["0"]])");
}

TEST_F(UserSqlTest, IsBounded) {
  const auto answer = ask("SELECT number FROM numbers(100000000000)", 3);
  EXPECT_EQ(boost::json::serialize(answer.at("rows")), R"([["0"],["1"],["2"]])");
  EXPECT_EQ(answer.at("truncated"), true);
  EXPECT_EQ(ask("SELECT number FROM numbers(3)", 3).at("truncated"), false);

  EXPECT_THAT(refusal_of("SELECT repeat('x', 20000) FROM numbers(1000)"), HasSubstr("16 MiB"));
  EXPECT_THAT(
      refusal_of(
          "SELECT groupArray(repeat('x', 100) || toString(number)) FROM numbers(10000000000)"),
      HasSubstr("memory"));

  Session short_one(engine_, Session::Clock::now() + std::chrono::seconds(2));
  try {
    run_user_sql(short_one, {.sql = "SELECT max(sipHash64(number)) FROM numbers(1000000000000)"});
    FAIL() << "answered";
  } catch (const QueryError& error) {
    EXPECT_EQ(error.code(), ErrorCode::kDeadlineExceeded) << error.what();
  }
}

TEST_F(UserSqlTest, MayHaveThousandsOfNames) {
  std::string sql = "SELECT 1 AS n0";
  for (int i = 1; sql.size() < 30'000; ++i) {
    sql += ", n" + std::to_string(i - 1) + " AS n" + std::to_string(i);
  }
  EXPECT_EQ(refusal_of(sql), "");
}

TEST_F(UserSqlTest, SaysWhatIsWrong) {
  EXPECT_THAT(refusal_of("SELECT nmae FROM spans"), HasSubstr("nmae"));
  EXPECT_THAT(refusal_of("SELECT name FRM spans"), HasSubstr("yntax"));
  EXPECT_THAT(refusal_of("SELECT * FROM spam"), HasSubstr("spam"));
  EXPECT_THROW(parse_user_sql("[]"), QueryError);
  EXPECT_THROW(parse_user_sql(R"({"sql": 1})"), QueryError);
  EXPECT_THROW(parse_user_sql(R"({"sql": "SELECT 1", "limit": 0})"), QueryError);
  EXPECT_THROW(parse_user_sql(R"({"sql": "SELECT 1", "settings": {}})"), QueryError);
}

// A new version of the engine may bring functions of a kind that nobody has looked at.
TEST_F(UserSqlTest, KnowsAllKindsOfFunctions) {
  Session of_this_query = session();
  const std::string data = of_this_query.rows(
      "SELECT DISTINCT categories FROM system.functions WHERE NOT is_aggregate ORDER BY "
      "categories");
  std::vector<std::string> kinds;
  for (RowReader row(data); !row.at_end();) kinds.emplace_back(row.string());
  EXPECT_THAT(
      kinds,
      ElementsAre("", "AI", "Arithmetic", "Arrays", "Bit", "Bitmap", "Comparison", "Conditional",
                  "Dates and Times", "Dictionary", "Distance", "Embedded Dictionary", "Encoding",
                  "Encryption", "Financial", "Geo", "Geo Polygon", "Hash", "IP Address", "Internal",
                  "Introspection", "JSON", "Logical", "Machine Learning", "Map", "Mathematical",
                  "Null", "NumericIndexedVector", "Other", "QBit", "Random Number", "Rounding",
                  "String", "String Replacement", "String Search", "String Splitting",
                  "Time Series", "Time Window", "Tuple", "Type Conversion", "URL", "UUID"));
}

}  // namespace
}  // namespace signalbox::server::query
