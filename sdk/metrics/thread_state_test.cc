#include "sdk/metrics/thread_state.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "sdk/metrics/attribute_set.h"
#include "sdk/metrics/instrument.h"

namespace signalbox::metrics::detail {
namespace {

std::shared_ptr<Instrument> make_counter() {
  return std::make_shared<Instrument>(Description{.kind = Kind::kCounter,
                                                  .is_int = true,
                                                  .name = "c",
                                                  .description = "",
                                                  .unit = "",
                                                  .boundaries = {}});
}

std::uint64_t hash_of(const Instrument& instrument, Attributes attributes) {
  bool ok = true;
  return hash_spelling(instrument.seed(), attributes, ok);
}

TEST(ThreadState, FindsWhatWasInsertedForThatInstrumentOnly) {
  ThreadState state;
  const auto a = make_counter();
  const auto b = make_counter();
  int cell = 0;
  EXPECT_EQ(state.find(hash_of(*a, {{"k", "v"}}), *a, {{"k", "v"}}), nullptr);
  state.insert(hash_of(*a, {{"k", "v"}}), *a, make_spelling({{"k", "v"}}), &cell);
  EXPECT_EQ(state.find(hash_of(*a, {{"k", "v"}}), *a, {{"k", "v"}}), &cell);
  EXPECT_EQ(state.find(hash_of(*a, {{"k", "v"}}), *b, {{"k", "v"}}), nullptr);
  // Another set with, as it happens, the same hash.
  EXPECT_EQ(state.find(hash_of(*a, {{"k", "v"}}), *a, {{"k", "w"}}), nullptr);
}

TEST(ThreadState, IsBoundedAndKeepsFindingWhatIsNew) {
  ThreadState state;
  const auto counter = make_counter();
  int cell = 0;
  for (int i = 0; i < 100'000; ++i) {
    state.insert(hash_of(*counter, {{"i", i}}), *counter, make_spelling({{"i", i}}), &cell);
    ASSERT_EQ(state.find(hash_of(*counter, {{"i", i}}), *counter, {{"i", i}}), &cell);
  }
  EXPECT_LE(state.capacity(), 8192U);
  EXPECT_LE(state.cached(), state.capacity());
}

TEST(ThreadState, DoesNotKeepVeryLongSpellings) {
  ThreadState state;
  const auto counter = make_counter();
  int cell = 0;
  const std::string value(10'000, 'v');
  const Attribute attribute{"k", std::string_view(value)};
  const Attributes attributes(std::span<const Attribute>(&attribute, 1));
  state.insert(hash_of(*counter, attributes), *counter, make_spelling(attributes), &cell);
  EXPECT_EQ(state.cached(), 0U);
}

}  // namespace
}  // namespace signalbox::metrics::detail
