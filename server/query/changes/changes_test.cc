#include "server/query/changes/changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "server/query/json/document_examples.h"
#include "server/query/plan/error.h"
#include "server/query/plan/query_test_fixture.h"

namespace signalbox::server::query {
namespace {

struct Record {
  int second = 0;
  std::string name = "op";
  int status = 0;
  double duration_ms = 1;
  std::map<std::string, std::string> attributes = {};
  std::string types = "";
  int resource = 1;
};

class ChangesTest : public QueryTest {
 protected:
  void add(const std::vector<Record>& records) {
    std::string values;
    for (std::size_t i = 0; i < records.size(); ++i) {
      const Record& record = records[i];
      std::string map;
      for (const auto& [key, value] : record.attributes) {
        map.append(map.empty() ? "'" : ", '").append(key).append("': '").append(value).append("'");
      }
      values += (values.empty() ? "('shop', '" : ", ('shop', '") + record.name + "', " +
                at_s(record.second) + ", " +
                std::to_string(static_cast<std::int64_t>(record.duration_ms * 1e6)) + ", " +
                std::to_string(record.status) + ", " + overflow_sql("{" + map + "}", record.types) +
                ", " + std::to_string(record.resource) + ", toFixedString(reinterpretAsString(" +
                std::to_string(i + 1) + "), 8))";
    }
    insert(
        "span_rows (service_name, name, start_time, duration_ns, status_code, overflow, "
        "resource_id, span_id)",
        values);
  }

  boost::json::value ask(const std::string& members) {
    const std::string body = R"({"signal": "traces", "start": ")" + std::to_string(kT0) +
                             R"(", "end": ")" + std::to_string(kT0 + 60 * kSecondNs) + "\", " +
                             members + "}";
    Session of_this_query = session();
    return parse(find_changes(of_this_query, parse_changes(body, 0)));
  }

  static std::vector<std::string> names(const boost::json::value& answer) {
    std::vector<std::string> fields;
    for (const auto& field : answer.at("fields").as_array()) {
      fields.emplace_back(field.at("field").as_string());
    }
    return fields;
  }
};

TEST_F(ChangesTest, NamesWhatFailedRequestsHaveInCommon) {
  insert("resource_rows (resource_id, attributes)",
         "(1, {'host.name': 'a', 'cloud': 'x'}), (2, {'host.name': 'b', 'cloud': 'x'})");
  std::vector<Record> records;
  for (int i = 0; i < 400; ++i) {
    const bool failed = i % 4 == 0;
    Record record{.second = i % 60, .status = failed ? 2 : 0, .duration_ms = failed ? 900.0 : 10.0};
    record.attributes = {{"id", std::to_string(i)},
                         {"version", failed ? "1.3" : "1.2"},
                         {"region", i % 3 == 0 ? "eu" : "us"}};
    record.types = "sss";
    record.resource = failed || i % 8 == 1 ? 2 : 1;
    records.push_back(record);
  }
  add(records);

  const auto answer = ask(R"("selection": {"filter": "status = error"})");

  EXPECT_EQ(answer.at("selection").at("records"), "100");
  EXPECT_EQ(answer.at("baseline").at("records"), "300");
  const std::vector<std::string> fields = names(answer);
  ASSERT_GE(fields.size(), 3U) << boost::json::serialize(answer);
  EXPECT_THAT((std::set<std::string>(fields.begin(), fields.begin() + 2)),
              ::testing::ElementsAre("duration", "version"));
  EXPECT_EQ(fields[2], "resource.host.name");
  for (const char* other : {"id", "region", "resource.cloud", "name", "status"}) {
    EXPECT_EQ(std::count(fields.begin(), fields.end(), other), 0) << other;
  }
  for (const auto& field : answer.at("fields").as_array()) {
    const auto& value = field.at("values").at(0);
    if (field.at("field") == "version") {
      EXPECT_EQ(value.at("value"), "1.3");
      EXPECT_EQ(value.at("selection").to_number<double>(), 1);
      EXPECT_EQ(value.at("baseline").to_number<double>(), 0);
    } else if (field.at("field") == "duration") {
      EXPECT_LE(value.at("from").to_number<double>(), 900e6);
      EXPECT_GT(value.at("to").to_number<double>(), 900e6);
    }
  }
}

TEST_F(ChangesTest, ComparesAStretchOfTimeWithTheRest) {
  std::vector<Record> records(300);
  for (int i = 0; i < 300; ++i) {
    records[i] = {.second = i % 60, .name = i % 60 >= 30 ? "new" : "old"};
  }
  add(records);
  const std::string middle = std::to_string(kT0 + 30 * kSecondNs);
  const auto answer = ask(R"("selection": {"start": ")" + middle + R"(", "end": ")" +
                          std::to_string(kT0 + 60 * kSecondNs) + R"("})");
  EXPECT_EQ(answer.at("selection").at("records"), "150");
  EXPECT_EQ(answer.at("baseline").at("records"), "150");
  EXPECT_EQ(names(answer), std::vector<std::string>{"name"});
  EXPECT_NEAR(answer.at("fields").at(0).at("score").to_number<double>(), 1, 0.1);
}

TEST_F(ChangesTest, HasNothingToSayOfEqualOrEmptySets) {
  std::vector<Record> records(200);
  for (int i = 0; i < 200; ++i) {
    records[i] = {.second = i % 60,
                  .attributes = {{"side", i % 2 == 0 ? "l" : "r"}, {"same", "x"}},
                  .types = "ss"};
  }
  add(records);
  EXPECT_EQ(names(ask(R"("selection": {"filter": "side = l"})")), std::vector<std::string>{});
  const auto empty = ask(R"("selection": {"filter": "side = none"})");
  EXPECT_EQ(empty.at("selection").at("records"), "0");
  EXPECT_TRUE(names(empty).empty());
  EXPECT_EQ(ask(R"("selection": {"filter": "sied = l"})").at("warnings").as_array().size(), 1U);
}

TEST_F(ChangesTest, SamplesLargeSets) {
  engine_.execute(
      "INSERT INTO span_rows (service_name, name, start_time, status_code, span_id)\n"
      "SELECT 'shop', if(number % 10 = 0, 'bad', 'good'), " +
      at_s(1) +
      ", if(number % 10 = 0, 2, 0), toFixedString(reinterpretAsString(number + 1), 8)\n"
      "FROM numbers(1000000)");
  const auto answer = ask(R"("selection": {"filter": "status = error"})");
  EXPECT_EQ(answer.at("selection").at("records"), "100000");
  EXPECT_EQ(answer.at("baseline").at("records"), "900000");
  for (const char* side : {"selection", "baseline"}) {
    EXPECT_NEAR(answer.at(side).at("sampled").to_number<double>(), 50'000, 2'000) << side;
  }
  ASSERT_EQ(names(answer), std::vector<std::string>{"name"});
  EXPECT_NEAR(answer.at("fields").at(0).at("score").to_number<double>(), 1, 0.01);
}

// The shares, of random records, are those that are counted by hand.
TEST_F(ChangesTest, CountsWhatThereIs) {
  std::mt19937 random(7);  // NOLINT(bugprone-random-generator-seed): the same records each time.
  std::vector<Record> records;
  for (int i = 0; i < 2'000; ++i) {
    Record record{.second = static_cast<int>(random() % 60), .status = random() % 3 == 0 ? 2 : 0};
    for (const char* key : {"a", "b", "c"}) {
      if (random() % 3 == 0) continue;
      const bool leans = record.status == 2 && key[0] == 'b';
      record.attributes[key] = std::to_string(random() % (leans ? 2 : 4));
      record.types += 'i';
    }
    records.push_back(record);
  }
  add(records);
  const auto answer = ask(R"("selection": {"filter": "status = error"}, "limit": 100)");

  double failed = 0;
  std::map<std::pair<std::string, std::string>, std::pair<double, double>> counts;
  for (const Record& record : records) {
    failed += record.status == 2 ? 1 : 0;
    for (const auto& [key, value] : record.attributes) {
      auto& of_value = counts[{key, value}];
      (record.status == 2 ? of_value.first : of_value.second) += 1;
    }
  }
  ASSERT_EQ(names(answer).at(0), "b");
  for (const auto& field : answer.at("fields").as_array()) {
    const std::string name(field.at("field").as_string());
    double selection = field.at("absent").at("selection").to_number<double>();
    for (const auto& value : field.at("values").as_array()) {
      const auto& expected = counts.at({name, std::string(value.at("value").as_string())});
      selection += value.at("selection").to_number<double>();
      EXPECT_DOUBLE_EQ(value.at("selection").to_number<double>(), expected.first / failed);
      EXPECT_DOUBLE_EQ(value.at("baseline").to_number<double>(),
                       expected.second / (static_cast<double>(records.size()) - failed));
    }
    EXPECT_NEAR(selection, 1, 1e-9);
  }
}

TEST(ChangesDocument, HasRequestsThatAreRead) {
  std::string all = document_examples(SIGNALBOX_QUERY_DOCUMENT, "changes").at(0);
  int count = 0;
  for (std::size_t at = 0; at < all.size(); ++count) {
    const std::size_t end = std::min(all.find("}\n{", at), all.size() - 1);
    EXPECT_NO_THROW(parse_changes(all.substr(at, end + 1 - at), kT0));
    at = end + 2;
  }
  EXPECT_EQ(count, 3);
}

TEST_F(ChangesTest, RefusesWhatIsWrong) {
  for (const char* members :
       {R"("selection": {})", R"("baseline": {})", R"("selection": {"filter": "a ="})",
        R"("selection": {"start": "1"})",
        R"("selection": {"filter": "a = 1"}, "signal": "metrics")",
        R"("selection": {"filter": "a = 1"}, "limit": 0)", R"("select": {})"}) {
    EXPECT_THROW(ask(members), std::exception) << members;
  }
  try {
    ask(R"("selection": {"filter": "a ="})");
  } catch (const QueryError& error) {
    EXPECT_EQ(error.parameter, "selection.filter");
  }
}

}  // namespace
}  // namespace signalbox::server::query
