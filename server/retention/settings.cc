#include "server/retention/settings.h"

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>
#include <iterator>
#include <utility>

#include "server/config/atomic_file.h"
#include "server/config/quantity.h"

namespace signalbox::server::retention {
namespace {

namespace json = boost::json;

constexpr std::string_view kMaxDisk = "max_disk";

std::string_view text_of_value(std::string_view field, const json::value& value) {
  if (!value.is_string()) {
    throw SettingsError(std::string(field), "'" + std::string(field) +
                                                "' must be a text such as \"15d\" or \"100GiB\", "
                                                "or null");
  }
  return value.get_string();
}

/// `parse` of config/quantity.h, its errors under the field's name.
template <typename Parse>
auto parsed(std::string_view field, const json::value& value, Parse parse) {
  try {
    return parse(text_of_value(field, value));
  } catch (const SettingsError&) {
    throw;
  } catch (const std::invalid_argument& error) {
    throw SettingsError(std::string(field), "'" + std::string(field) + "': " + error.what());
  }
}

}  // namespace

Settings::Settings(const std::filesystem::path& data_folder, Policy configured)
    : path_(data_folder / "retention.json"), configured_(configured) {
  std::ifstream file(path_, std::ios::binary);
  if (!file) return;
  try {
    overrides_ = with({}, std::string(std::istreambuf_iterator<char>(file), {}));
  } catch (const SettingsError& error) {
    throw std::runtime_error(path_.string() + " is damaged (" + error.what() +
                             "): mend or remove it");
  }
}

Settings::Overrides Settings::with(Overrides overrides, std::string_view text) {
  json::error_code error;
  const json::value value = json::parse(text, error);
  const json::object* const object = error ? nullptr : value.if_object();
  if (object == nullptr) {
    throw SettingsError("", "send a JSON object with some of: traces, logs, metrics, max_disk");
  }
  for (const auto& [key, field] : *object) {
    const auto* const signal =
        std::find_if(kSignals.begin(), kSignals.end(),
                     [&](Signal candidate) { return name_of(candidate) == key; });
    if (signal != kSignals.end()) {
      auto& kept = overrides.keep.at(static_cast<std::size_t>(*signal));
      kept.reset();
      if (!field.is_null()) kept = parsed(key, field, config::parse_age);
    } else if (key == kMaxDisk) {
      overrides.max_disk_bytes.reset();
      if (!field.is_null()) overrides.max_disk_bytes = parsed(key, field, config::parse_size);
    } else {
      throw SettingsError(std::string(key), "there is no setting '" + std::string(key) +
                                                "': allowed are traces, logs, metrics, max_disk");
    }
  }
  return overrides;
}

std::string Settings::text_of(const Overrides& overrides) {
  json::object object;
  for (const Signal signal : kSignals) {
    const auto& kept = overrides.keep.at(static_cast<std::size_t>(signal));
    if (kept) object[name_of(signal)] = config::age_text(*kept);
  }
  if (overrides.max_disk_bytes) object[kMaxDisk] = config::size_text(*overrides.max_disk_bytes);
  return json::serialize(object);
}

Policy Settings::policy_with(const Overrides& overrides) const {
  Policy policy = configured_;
  for (const Signal signal : kSignals) {
    if (const auto& kept = overrides.keep.at(static_cast<std::size_t>(signal))) {
      policy.of(signal) = *kept;
    }
  }
  if (overrides.max_disk_bytes) policy.max_disk_bytes = *overrides.max_disk_bytes;
  return policy;
}

Policy Settings::policy() const {
  const std::scoped_lock lock(mutex_);
  return policy_with(overrides_);
}

std::string Settings::to_json() const {
  const std::scoped_lock lock(mutex_);
  const Policy policy = policy_with(overrides_);
  json::object object;
  json::array changed;
  for (const Signal signal : kSignals) {
    object[name_of(signal)] = config::age_text(policy.of(signal));
    if (overrides_.keep.at(static_cast<std::size_t>(signal))) {
      changed.emplace_back(name_of(signal));
    }
  }
  object[kMaxDisk] = config::size_text(policy.max_disk_bytes);
  if (overrides_.max_disk_bytes) changed.emplace_back(kMaxDisk);
  object["changed"] = std::move(changed);
  return json::serialize(object);
}

void Settings::change(std::string_view text) {
  {
    const std::scoped_lock one_change(change_mutex_);
    Overrides next;
    {
      const std::scoped_lock lock(mutex_);
      next = overrides_;
    }
    next = with(next, text);
    config::replace_file(path_, text_of(next) + "\n");
    const std::scoped_lock lock(mutex_);
    overrides_ = next;
  }
  if (on_change_) on_change_();
}

}  // namespace signalbox::server::retention
