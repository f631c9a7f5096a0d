#include <gtest/gtest.h>
#include <signalbox/trace/sdk_tracer_provider.h>

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "sdk/testing/capture_exporter.h"
#include "sdk/testing/otlp_reader.h"

namespace signalbox::trace {
namespace {

using sdk::testing::KeyValues;
using sdk::testing::SpanRead;

/// What a span should contain, by the plainest means.
struct Model {
  std::string name;
  std::map<std::string, std::string> attributes;
  std::vector<std::string> events;
  std::size_t dropped = 0;
  std::uint64_t status = 0;
  std::string status_message;
};

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  /// Mostly short; now and then across the sizes where length prefixes and buffers grow.
  std::string text() {
    const std::uint64_t kind = below(20);
    const std::size_t size = kind < 14 ? below(30) : kind < 18 ? 100 + below(100) : below(6000);
    std::string result(size, ' ');
    for (char& c : result) c = static_cast<char>('a' + below(26));
    return result;
  }
  /// Few distinct keys, so that they repeat; some that differ in the middle only.
  std::string key() {
    const std::uint64_t number = below(60);
    if (number < 20) return "the.same.start." + std::to_string(number) + ".and.the.same.end";
    return std::string(1 + number % 9, static_cast<char>('a' + number % 26)) +
           std::to_string(number);
  }

 private:
  std::mt19937_64 random_;
};

constexpr std::size_t kAttributeLimit = 40;

void mutate(Generator& generate, Span& span, Model& model) {
  switch (generate.below(8)) {
    case 0:
      model.name = generate.text();
      span.update_name(model.name);
      return;
    case 1:
      model.events.push_back(generate.text());
      span.add_event(model.events.back(), {{"k", "v"}});
      return;
    case 2:
      if (model.status != 1) {
        model.status = 2;
        model.status_message = generate.text();
      }
      span.set_status(StatusCode::kError, model.status_message);
      return;
    default: {
      const std::string key = generate.key();
      std::string expected;
      if (generate.below(2) == 0) {
        const std::string value = generate.text();
        expected = "s:" + value;
        span.set_attribute(key, value);
      } else {
        const auto value = static_cast<std::int64_t>(generate.below(UINT64_MAX));
        expected = "i:" + std::to_string(value);
        span.set_attribute(key, value);
      }
      if (model.attributes.contains(key) || model.attributes.size() < kAttributeLimit) {
        model.attributes[key] = expected;
      } else {
        ++model.dropped;
      }
    }
  }
}

void expect_equal(const SpanRead& read, const Model& model) {
  EXPECT_EQ(read.name, model.name);
  EXPECT_EQ(read.attributes.size(), model.attributes.size());
  const std::map<std::string, std::string> attributes(read.attributes.begin(),
                                                      read.attributes.end());
  EXPECT_EQ(attributes, model.attributes);
  EXPECT_EQ(read.dropped_attributes, model.dropped);
  ASSERT_EQ(read.events.size(), model.events.size());
  for (std::size_t i = 0; i < model.events.size(); ++i) {
    EXPECT_EQ(read.events[i].name, model.events[i]);
  }
  EXPECT_EQ(read.status, model.status);
  EXPECT_EQ(read.status_message, model.status_message);
}

// Whatever is done to a span, in whatever order, another library reads what a plain model says.
TEST(SpanProperty, BytesSayWhatWasRecorded) {
  const std::uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Generator generate(seed);
  const auto exporter = std::make_shared<sdk::testing::CaptureExporter>();
  const auto provider = sdk::TracerProvider::create(
                            {.exporter = exporter, .limits = {.attribute_count = kAttributeLimit}})
                            .value();
  const Tracer tracer = provider->get_tracer({.name = "t"});
  for (int round = 0; round < 300; ++round) {
    Model model;
    model.name = generate.text();
    Span span = tracer.start_span(model.name);
    for (std::uint64_t steps = generate.below(120); steps-- != 0;) mutate(generate, span, model);
    span.end();
    ASSERT_TRUE(provider->force_flush());
    const std::vector<SpanRead> spans = sdk::testing::read_spans(exporter->requests().back());
    ASSERT_EQ(spans.size(), 1U);
    expect_equal(spans[0], model);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace signalbox::trace
