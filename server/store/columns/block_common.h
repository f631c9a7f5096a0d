#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "otlp/records.h"
#include "server/store/columns/attributes.h"
#include "server/store/columns/block_tables.h"
#include "server/store/columns/hash.h"
#include "server/store/columns/registry.h"

namespace signalbox::server::store {

inline constexpr std::uint64_t kResourceSeed = 1;
inline constexpr std::uint64_t kScopeSeed = 2;
inline constexpr std::uint64_t kSeriesSeed = 3;
inline constexpr std::int64_t kHourNs = 3'600'000'000'000;

template <typename Map>
void append_map(Map& map, const StoredAttributes& attributes) {
  map.append(attributes.entries(), attributes.shape());
}

/// What a block describes for the first time, and where that stood when the request began.
template <typename Entry>
struct Described {
  std::unordered_map<std::uint64_t, Entry> entries;
  std::vector<std::uint64_t> in_order;
  std::size_t mark = 0;

  Entry* find(std::uint64_t hash) {
    const auto at = entries.find(hash);
    return at == entries.end() ? nullptr : &at->second;
  }
  void add(std::uint64_t hash, Entry entry) {
    entries.emplace(hash, entry);
    in_order.push_back(hash);
  }
  void roll_back() {
    for (; in_order.size() > mark; in_order.pop_back()) entries.erase(in_order.back());
  }
  void clear() { *this = {}; }
};

/// What the sinks of the three signals share: the resource and the scope of the records to come.
class BlockCommon {
 public:
  BlockCommon(BlockTables& tables, Registry& registry) : tables_(tables), registry_(registry) {}

  void begin_request(std::int64_t received_ns) {
    seen_ = received_ns;
    tables_.visit([](auto& table) { mark(table); });
    tables_.span_errors.mark();
    tables_.log_errors.mark();
    resources_.mark = resources_.in_order.size();
    scopes_.mark = scopes_.in_order.size();
    series_.mark = series_.in_order.size();
    series_hours_.mark = series_hours_.in_order.size();
  }

  void roll_back() {
    tables_.visit([](auto& table) { store::roll_back(table); });
    tables_.span_errors.roll_back();
    tables_.log_errors.roll_back();
    resources_.roll_back();
    scopes_.roll_back();
    series_.roll_back();
    series_hours_.roll_back();
  }

  void on_resource(const otlp::ResourceView& resource) {
    attributes_.assign(resource.attributes);
    service_name_ = attributes_.find("service.name");
    Hasher hasher;
    hasher.add(kResourceSeed);
    attributes_.add_to(hasher);
    hasher.add(resource.dropped_attributes_count).add(resource.schema_url);
    resource_hash_ = hasher.value();
    const auto [id, is_new] =
        identify(resources_, resource_hash_, [&] { return registry_.resource(resource_hash_); });
    resource_id_ = id;
    if (!is_new) return;

    ResourceColumns& to = tables_.resources;
    to.resource_id.append(resource_id_);
    to.hash.append(resource_hash_);
    to.service_name.append(service_name_);
    to.service_namespace.append(attributes_.find("service.namespace"));
    to.service_instance_id.append(attributes_.find("service.instance.id"));
    to.service_version.append(attributes_.find("service.version"));
    append_map(to.attributes, attributes_);
    to.attribute_types.append(attributes_.types());
    to.dropped_attributes_count.append(resource.dropped_attributes_count);
    to.schema_url.append(resource.schema_url);
    to.seen.append(seen_);
  }

  void on_scope(const otlp::ScopeView& scope) {
    attributes_.assign(scope.attributes);
    Hasher hasher;
    hasher.add(kScopeSeed).add(scope.name).add(scope.version);
    attributes_.add_to(hasher);
    hasher.add(scope.dropped_attributes_count).add(scope.schema_url);
    scope_hash_ = hasher.value();
    const auto [id, is_new] =
        identify(scopes_, scope_hash_, [&] { return registry_.scope(scope_hash_); });
    scope_id_ = id;
    if (!is_new) return;

    ScopeColumns& to = tables_.scopes;
    to.scope_id.append(scope_id_);
    to.hash.append(scope_hash_);
    to.name.append(scope.name);
    to.version.append(scope.version);
    append_map(to.attributes, attributes_);
    to.attribute_types.append(attributes_.types());
    to.dropped_attributes_count.append(scope.dropped_attributes_count);
    to.schema_url.append(scope.schema_url);
    to.seen.append(seen_);
  }

  /// Whether the block has to describe this series; if so it is taken for described.
  bool is_new_series(std::uint64_t id) {
    if (series_.find(id) != nullptr || registry_.is_series_described(id)) return false;
    series_.add(id, true);
    return true;
  }

  /// The same for an hour of a series.
  bool is_new(const Descriptions::SeriesHour& hour) {
    const std::uint64_t hash =
        hash_detail::mix(hour.series_id ^ kSeriesSeed, static_cast<std::uint64_t>(hour.hour));
    if (series_hours_.find(hash) != nullptr || registry_.is_described(hour)) return false;
    series_hours_.add(hash, hour);
    return true;
  }

  void clear() {
    resources_.clear();
    scopes_.clear();
    series_.clear();
    series_hours_.clear();
  }

  [[nodiscard]] Descriptions descriptions() const {
    Descriptions made;
    for (const auto& [hash, id] : resources_.entries) made.resources.push_back({hash, id});
    for (const auto& [hash, id] : scopes_.entries) made.scopes.push_back({hash, id});
    made.series = series_.in_order;
    for (const auto& [hash, hour] : series_hours_.entries) made.series_hours.push_back(hour);
    return made;
  }

  [[nodiscard]] std::string_view service_name() const noexcept { return service_name_; }
  [[nodiscard]] std::uint32_t resource_id() const noexcept { return resource_id_; }
  [[nodiscard]] std::uint32_t scope_id() const noexcept { return scope_id_; }
  [[nodiscard]] std::uint64_t resource_hash() const noexcept { return resource_hash_; }
  [[nodiscard]] std::uint64_t scope_hash() const noexcept { return scope_hash_; }
  [[nodiscard]] std::int64_t seen() const noexcept { return seen_; }
  StoredAttributes& attributes() noexcept { return attributes_; }

 private:
  using Ids = Described<std::uint32_t>;

  /// The id, and whether the block has to describe it; if so it is taken for described.
  template <typename Ask>
  static std::pair<std::uint32_t, bool> identify(Ids& in_block, std::uint64_t hash, Ask ask) {
    if (const std::uint32_t* const id = in_block.find(hash)) return {*id, false};
    const Registry::Identity identity = ask();
    if (identity.is_described) return {identity.id, false};
    in_block.add(hash, identity.id);
    return {identity.id, true};
  }

  BlockTables& tables_;
  Registry& registry_;
  std::int64_t seen_ = 0;
  Ids resources_, scopes_;  // Of this block.
  Described<bool> series_;
  Described<Descriptions::SeriesHour> series_hours_;
  std::string service_name_;
  std::uint64_t resource_hash_ = 0;
  std::uint64_t scope_hash_ = 0;
  std::uint32_t resource_id_ = 0;
  std::uint32_t scope_id_ = 0;
  StoredAttributes attributes_;  // Of whatever is being appended.
};

}  // namespace signalbox::server::store
