#include "server/query/export/cursor.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/query/plan/error.h"

namespace signalbox::server::query {
namespace {

using Type = KeyColumn::Type;

std::vector<KeyColumn> columns() {
  return {{"name"}, {"id", Type::kId, 2}, {"time", Type::kTime}};
}

std::string condition(const Cursor& cursor) {
  Parameters parameters;
  return cursor.condition(columns(), parameters);
}

TEST(ExportCursor, BeginsWithTheWholeTable) {
  EXPECT_EQ(condition({}), "1");
}

TEST(ExportCursor, FindsThePlaceColumnByColumn) {
  Cursor cursor;
  cursor.pass({"a", "xy", "7"}, columns());

  EXPECT_EQ(condition(cursor),
            "(name > {p1:String} OR (name = {p1:String} AND (id > unhex('7879') OR (id = "
            "unhex('7879') AND (time >= fromUnixTimestamp64Nano({p0:Int64}))))))");
}

TEST(ExportCursor, CountsTheRowsOfItsKey) {
  Cursor cursor;
  cursor.pass({"a", "xy", "7"}, columns());
  cursor.pass({"a", "xy", "7"}, columns());
  EXPECT_EQ(cursor.skip, 2u);

  cursor.pass({"a", "xy", "8"}, columns());
  EXPECT_EQ(cursor.skip, 1u);
}

TEST(ExportCursor, KeepsOnlyHowALongTextBegins) {
  const std::string beginning(256, 'a');
  Cursor cursor;
  cursor.pass({beginning + "b", "xy", "7"}, columns());
  cursor.pass({beginning + "c", "xy", "1"}, columns());

  EXPECT_EQ(cursor.skip, 2u) << "all that are behind the beginning are counted";
  EXPECT_EQ(condition(cursor), "(name > {p0:String})");
  EXPECT_LT(cursor.to_text().size(), 600u);
}

TEST(ExportCursor, TellsATextOfTheLongestKeptLengthFromOneThatIsCut) {
  const std::string beginning(256, 'a');
  Cursor cursor;
  cursor.pass({beginning, "xy", "7"}, columns());
  cursor.pass({beginning + "b", "xy", "7"}, columns());
  EXPECT_EQ(cursor.skip, 1u);
}

TEST(ExportCursor, SurvivesAsText) {
  Cursor cursor{.table = 3};
  cursor.pass({std::string("\0'\xFF", 3), "xy", "-7"}, columns());
  cursor.skip = UINT64_MAX;

  EXPECT_EQ(Cursor::from_text(cursor.to_text()), cursor);
}

TEST(ExportCursor, RefusesWhatItDidNotMake) {
  for (const char* const text : {"x", "00", "0", "zz", "0000000000000000000005"}) {
    EXPECT_THROW(static_cast<void>(Cursor::from_text(text)), QueryError) << text;
  }
  EXPECT_THROW(condition({.values = {"a"}}), QueryError) << "too few values";
  EXPECT_THROW(condition({.values = {"a", "x", "7"}}), QueryError) << "an id of another length";
  EXPECT_THROW(condition({.values = {"a", "xy", "7'"}}), QueryError) << "no number";
}

}  // namespace
}  // namespace signalbox::server::query
