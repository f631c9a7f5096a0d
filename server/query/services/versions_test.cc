#include "server/query/services/versions.h"

#include <gtest/gtest.h>

#include <string>

#include "server/query/plan/query_test_fixture.h"

namespace signalbox::server::query {
namespace {

class VersionsTest : public QueryTest {
 protected:
  void add_resource(int resource_id, const std::string& version, const std::string& instance,
                    const std::string& service = "demo") {
    insert("resource_rows (resource_id, service_name, service_version, service_instance_id)",
           "(" + std::to_string(resource_id) + ", '" + service + "', '" + version + "', '" +
               instance + "')");
  }

  /// `count` spans, one a second from `from_s` on, of 1 ms, 2 ms, …; the first `errors` failed.
  void add_spans(int resource_id, int kind, int from_s, int count, int errors,
                 const std::string& service = "demo") {
    engine_.execute(
        "INSERT INTO span_rows (service_name, name, start_time, duration_ns, span_id, "
        "parent_span_id, kind, status_code, resource_id) SELECT '" +
        service + "', 'op', " + at_s(from_s) +
        " + toIntervalSecond(number), (number + 1) * 1000000, 'abcdefgh', unhex(" +
        (kind == 2 ? "'0000000000000001'" : "'0000000000000000'") + "), " + std::to_string(kind) +
        ", number < " + std::to_string(errors) + " ? 2 : 0, " + std::to_string(resource_id) +
        " FROM numbers(" + std::to_string(count) + ")");
  }

  boost::json::value list(std::int64_t until_s = 90) {
    Session of_this_query = session();
    return parse(
        list_versions(of_this_query, "demo", seconds_range(0, until_s), parse_apdex("2ms")));
  }
};

TEST_F(VersionsTest, AreInTheOrderInWhichTheyCame) {
  add_resource(1, "1.10", "a");
  add_resource(2, "1.9", "a");
  add_resource(3, "1.9", "b");
  add_resource(4, "other", "c", "other");
  add_spans(2, 2, 0, 30, 3);
  add_spans(3, 2, 10, 20, 0);
  add_spans(1, 2, 40, 10, 5);
  add_spans(4, 2, 0, 10, 10, "other");

  const auto answer = list();

  const auto& versions = answer.at("versions").as_array();
  ASSERT_EQ(versions.size(), 2u);
  EXPECT_EQ(versions[0].at("version"), "1.9");
  EXPECT_EQ(versions[0].at("first_seen"), json_s(0));
  EXPECT_EQ(versions[0].at("last_seen"), json_s(29));
  EXPECT_EQ(versions[0].at("instance_count"), 2);
  EXPECT_EQ(versions[0].at("span_count"), 50);
  EXPECT_EQ(versions[0].at("error_count"), 3);
  EXPECT_EQ(versions[1].at("version"), "1.10");
  EXPECT_EQ(versions[1].at("first_seen"), json_s(40));
  EXPECT_EQ(versions[1].at("instance_count"), 1);
  EXPECT_DOUBLE_EQ(versions[1].at("error_rate").to_number<double>(), 0.5);
  // 1 ms to 10 ms, of which the first five failed; 6, 7 and 8 ms are tolerated.
  EXPECT_DOUBLE_EQ(versions[1].at("apdex").to_number<double>(), 0.15);
  ASSERT_EQ(answer.at("times").as_array().size(), versions[1].at("requests").as_array().size());
  EXPECT_EQ(answer.at("times").at(40), json_s(40));
  EXPECT_EQ(versions[1].at("requests").at(39), 0);
  EXPECT_EQ(versions[1].at("requests").at(40), 1);
  EXPECT_EQ(versions[1].at("errors").at(44), 1);
  EXPECT_EQ(versions[1].at("errors").at(45), 0);
}

TEST_F(VersionsTest, AreThereWithoutRequestsToo) {
  add_resource(1, "1", "");
  add_resource(2, "2", "");
  add_spans(1, 2, 0, 10, 0);
  add_spans(2, 3, 5, 10, 0);  // Calls others, and takes no requests.

  const auto answer = list();

  const auto& versions = answer.at("versions").as_array();
  ASSERT_EQ(versions.size(), 2u);
  EXPECT_EQ(versions[0].at("span_count"), 10);
  EXPECT_EQ(versions[0].at("instance_count"), 0);
  EXPECT_EQ(versions[1].at("version"), "2");
  EXPECT_EQ(versions[1].at("first_seen"), json_s(5));
  EXPECT_EQ(versions[1].at("span_count"), 0);
  EXPECT_TRUE(versions[1].at("p50_ns").is_null());
}

TEST_F(VersionsTest, CountRootsOfAServiceThatTakesNoRequests) {
  add_resource(1, "1", "");
  add_spans(1, 1, 0, 10, 4);

  EXPECT_EQ(list().at("versions").at(0).at("error_count"), 4);
}

TEST_F(VersionsTest, OfAServiceThatSentNothingAreNone) {
  EXPECT_TRUE(list().at("versions").as_array().empty());
}

}  // namespace
}  // namespace signalbox::server::query
