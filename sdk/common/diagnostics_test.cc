#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signalbox/common/diagnostics.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace signalbox::sdk {
namespace {

using ::testing::ElementsAre;

TEST(Diagnostics, AreLimitedForEachKind) {
  std::vector<std::string> messages;
  set_diagnostic_handler([&](DiagnosticLevel level, std::string_view message) {
    EXPECT_EQ(level, DiagnosticLevel::kWarning);
    messages.emplace_back(message);
  });
  for (int i = 0; i < 100; ++i) {
    report_diagnostic(DiagnosticLevel::kWarning, "a", "first " + std::to_string(i));
    report_diagnostic(DiagnosticLevel::kWarning, "b", "second " + std::to_string(i));
  }
  EXPECT_THAT(messages, ElementsAre("first 0", "second 0"));
  set_diagnostic_handler({});
  report_diagnostic(DiagnosticLevel::kWarning, "c", "to nobody");
}

TEST(Diagnostics, AHandlerThatThrowsDoesNoHarm) {
  set_diagnostic_handler(
      [](DiagnosticLevel, std::string_view) { throw std::runtime_error("broken handler"); });
  report_diagnostic(DiagnosticLevel::kError, "a", "x");
  int calls = 0;
  set_diagnostic_handler([&](DiagnosticLevel, std::string_view) { ++calls; });
  report_diagnostic(DiagnosticLevel::kError, "a", "x");
  EXPECT_EQ(calls, 1);
  set_diagnostic_handler({});
}

}  // namespace
}  // namespace signalbox::sdk
