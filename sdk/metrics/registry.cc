#include "sdk/metrics/registry.h"

#include <signalbox/common/diagnostics.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <utility>

#include "sdk/common/attribute_encoder.h"
#include "sdk/common/utf8.h"

namespace signalbox::metrics::detail {
namespace {

using sdk::DiagnosticLevel;
using sdk::report_diagnostic;

constexpr std::size_t kMaxNameChars = 255;

bool is_valid_name(std::string_view name) noexcept {
  const auto is_letter = [](unsigned char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; };
  const auto is_allowed = [&](unsigned char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-' || c == '/';
  };
  return !name.empty() && name.size() <= kMaxNameChars &&
         is_letter(static_cast<unsigned char>(name.front())) &&
         std::all_of(name.begin(), name.end(), is_allowed);
}

bool are_valid_boundaries(const std::vector<double>& boundaries) noexcept {
  return std::all_of(boundaries.begin(), boundaries.end(),
                     [](double boundary) { return std::isfinite(boundary); }) &&
         std::adjacent_find(boundaries.begin(), boundaries.end(), std::greater_equal<>()) ==
             boundaries.end();
}

std::string to_lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

std::string to_utf8(std::string_view text) {
  const sdk::WireText measured(text);
  std::string clean(measured.size(), '\0');
  measured.write(clean.data());
  return clean;
}

void warn(std::string_view name, const char* what) {
  report_diagnostic(DiagnosticLevel::kWarning, "metrics.instrument",
                    "The instrument \"" + std::string(name) + "\" " + what);
}

}  // namespace

MeterState::MeterState(std::string scope, std::string schema_url,
                       std::shared_ptr<const Settings> settings)
    : scope_(std::move(scope)),
      schema_url_(std::move(schema_url)),
      settings_(std::move(settings)) {}

std::shared_ptr<Instrument> MeterState::instrument(Kind kind, bool is_int, std::string_view name,
                                                   const InstrumentOptions& options,
                                                   std::vector<double> boundaries) {
  if (!is_valid_name(name)) {
    warn(to_utf8(name.substr(0, kMaxNameChars)),
         "does nothing: a name starts with a letter and has at most 255 letters, digits, '_', "
         "'.', '-' and '/'.");
    return nullptr;
  }
  if (!are_valid_boundaries(boundaries)) {
    warn(name, "does nothing: boundaries must be finite and in rising order.");
    return nullptr;
  }
  const std::string lower = to_lower(name);
  const std::string identity = lower + '\0' + static_cast<char>('0' + static_cast<int>(kind)) +
                               (is_int ? 'i' : 'd') + std::string(options.unit);

  const std::scoped_lock lock(mutex_);
  if (const auto found = by_identity_.find(identity); found != by_identity_.end()) {
    const Description& known = found->second->description();
    if (known.description != options.description || known.boundaries != boundaries) {
      warn(name,
           "is created again with another description or other boundaries: the first ones "
           "are kept.");
    }
    return found->second;
  }
  if (!identity_of_name_.emplace(lower, identity).second) {
    warn(name,
         "is created again with another kind, number type or unit: both are exported under "
         "one name, which receivers may not tell apart.");
  }
  auto created =
      std::make_shared<Instrument>(Description{.kind = kind,
                                               .is_int = is_int,
                                               .name = std::string(name),
                                               .description = to_utf8(options.description),
                                               .unit = to_utf8(options.unit),
                                               .boundaries = std::move(boundaries)});
  if (settings_ && !closed_) {
    created->activate(settings_);
  }
  by_identity_.emplace(identity, created);
  in_order_.push_back(created);
  return created;
}

void MeterState::activate(const std::shared_ptr<const Settings>& settings) {
  const std::scoped_lock lock(mutex_);
  settings_ = settings;
  for (const auto& instrument : in_order_) {
    instrument->activate(settings);
  }
}

void MeterState::close() noexcept {
  const std::scoped_lock lock(mutex_);
  closed_ = true;
  for (const auto& instrument : in_order_) {
    instrument->deactivate();
  }
}

void MeterState::collect(sdk::TemporalityPreference preference, Timestamp now,
                         PointWriter& writer) {
  std::vector<std::shared_ptr<Instrument>> instruments;
  {
    const std::scoped_lock lock(mutex_);
    instruments = in_order_;
  }
  writer.begin_scope(scope_, schema_url_);
  for (const auto& instrument : instruments) {
    instrument->collect(preference, now, writer);  // Unlocked: callbacks may create instruments.
  }
}

std::shared_ptr<MeterState> Registry::meter(const InstrumentationScope& scope) {
  std::string encoded = sdk::encode_scope(scope);
  std::string schema_url = to_utf8(scope.schema_url);
  const std::string key = schema_url + '\0' + encoded;
  const std::scoped_lock lock(mutex_);
  std::shared_ptr<MeterState>& state = by_scope_[key];
  if (!state) {
    state = std::make_shared<MeterState>(std::move(encoded), std::move(schema_url), settings_);
    if (closed_) {
      state->close();
    }
    in_order_.push_back(state);
  }
  return state;
}

void Registry::adopt(Registry& waiting) {
  std::unordered_map<std::string, std::shared_ptr<MeterState>> by_scope;
  std::vector<std::shared_ptr<MeterState>> in_order;
  {
    const std::scoped_lock lock(waiting.mutex_);
    by_scope.swap(waiting.by_scope_);
    in_order.swap(waiting.in_order_);
  }
  const std::scoped_lock lock(mutex_);
  for (const auto& state : in_order) {
    if (!closed_) {
      state->activate(settings_);
    }
    in_order_.push_back(state);
  }
  by_scope_.merge(by_scope);
}

void Registry::close() noexcept {
  const std::scoped_lock lock(mutex_);
  closed_ = true;
  for (const auto& state : in_order_) {
    state->close();
  }
}

void Registry::collect(sdk::TemporalityPreference preference, Timestamp now, PointWriter& writer) {
  std::vector<std::shared_ptr<MeterState>> meters;
  {
    const std::scoped_lock lock(mutex_);
    meters = in_order_;
  }
  for (const auto& meter : meters) {
    meter->collect(preference, now, writer);
  }
}

}  // namespace signalbox::metrics::detail
