#include "server/retention/sweeper.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

#include "server/config/quantity.h"

namespace signalbox::server::retention {
namespace {

using std::chrono::days;
using std::chrono::sys_days;

store::QueryOptions in_background() {
  store::QueryOptions options;
  options.work = store::WorkClass::kBackground;
  return options;
}

template <typename Integer>
std::optional<Integer> integer(std::string_view text) {
  Integer value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// The day that a partition's value begins with: "2026-01-31", or "('2026-01-31',…)" of several.
std::optional<sys_days> day_of(std::string_view value) {
  while (value.starts_with('(') || value.starts_with('\'')) value.remove_prefix(1);
  constexpr std::size_t kDateSize = 10;
  if (value.size() < kDateSize) return std::nullopt;
  const auto year = integer<int>(value.substr(0, 4));
  const auto month = integer<unsigned>(value.substr(5, 2));
  const auto day = integer<unsigned>(value.substr(8, 2));
  if (!year || !month || !day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(*month),
                                         std::chrono::day(*day)};
  if (!date.ok()) return std::nullopt;
  return sys_days(date);
}

/// It goes into a statement as it is.
bool is_plain(std::string_view name) {
  return !name.empty() && name.find_first_not_of(
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") ==
                              std::string_view::npos;
}

std::string_view take_field(std::string_view& line, char separator) {
  const std::size_t end = line.find(separator);
  const std::string_view field = line.substr(0, end);
  line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
  return field;
}

std::string date_text(sys_days day) {
  const std::chrono::year_month_day date(day);
  const auto two = [](unsigned number) {
    return (number < 10 ? "0" : "") + std::to_string(number);
  };
  return std::to_string(static_cast<int>(date.year())) + "-" +
         two(static_cast<unsigned>(date.month())) + "-" + two(static_cast<unsigned>(date.day()));
}

std::string mebibytes(std::uint64_t bytes) {
  constexpr unsigned kShift = 20;
  return std::to_string(bytes >> kShift) + " MiB";
}

}  // namespace

Sweeper::Sweeper(store::Engine& engine, Options options)
    : engine_(engine), options_(std::move(options)) {}

std::vector<Sweeper::Partition> Sweeper::partitions() {
  const store::QueryResult result = engine_.query(
      "SELECT table, partition_id, sum(bytes_on_disk), any(partition) FROM system.parts\n"
      "WHERE active AND database = currentDatabase() AND partition_id != 'all'\n"
      "GROUP BY table, partition_id FORMAT TabSeparatedRaw",
      {}, in_background());
  std::vector<Partition> found;
  std::string_view rest = result.data;
  while (!rest.empty()) {
    std::string_view line = take_field(rest, '\n');
    const std::string_view table = take_field(line, '\t');
    const std::string_view id = take_field(line, '\t');
    const auto bytes = integer<std::uint64_t>(take_field(line, '\t'));
    const auto day = day_of(line);
    const auto signal = signal_of_table(table);
    if (!signal || !day || !bytes || !is_plain(table) || !is_plain(id)) continue;
    found.push_back({std::string(table), std::string(id), *day, *signal, *bytes});
  }
  std::sort(found.begin(), found.end(), [](const Partition& a, const Partition& b) {
    // The largest of a day first, so that as little as can be goes.
    return std::tie(a.day, b.bytes, a.table) < std::tie(b.day, a.bytes, b.table);
  });
  return found;
}

std::uint64_t Sweeper::table_bytes() {
  const store::QueryResult result = engine_.query(
      "SELECT sum(bytes_on_disk) FROM system.parts WHERE active FORMAT TabSeparatedRaw", {},
      in_background());
  std::string_view line = result.data;
  return integer<std::uint64_t>(take_field(line, '\n')).value_or(0);
}

void Sweeper::drop(const Partition& partition, const std::string& why) {
  engine_.execute("ALTER TABLE " + partition.table + " DROP PARTITION ID '" + partition.id + "'");
  ++removed_partitions_;
  removed_bytes_ += partition.bytes;
  options_.report("Removed " + std::string(name_of(partition.signal)) + " of " +
                  date_text(partition.day) + " (" + partition.table + ", " +
                  mebibytes(partition.bytes) + "): " + why);
}

void Sweeper::sweep(const Policy& policy, std::chrono::system_clock::time_point now) {
  const sys_days today = std::chrono::floor<days>(now);
  std::vector<Partition> kept;
  for (Partition& partition : partitions()) {
    const std::chrono::seconds age = policy.of(partition.signal);
    // A day is too old when its last second is.
    if (age.count() != 0 && partition.day + days(1) + age <= now && partition.day < today) {
      drop(partition, "older than " + config::age_text(age));
    } else {
      kept.push_back(std::move(partition));
    }
  }
  if (policy.max_disk_bytes == 0) return;
  std::uint64_t bytes = table_bytes() + options_.other_bytes();
  for (const Partition& partition : kept) {
    if (bytes <= policy.max_disk_bytes || partition.day >= today) break;
    drop(partition, "more data than " + config::size_text(policy.max_disk_bytes));
    bytes -= std::min(bytes, partition.bytes);
  }
  if (bytes > policy.max_disk_bytes) {
    options_.report("Today's data alone takes the folder to " + mebibytes(bytes) +
                    ", more than --max-disk " + config::size_text(policy.max_disk_bytes) +
                    ": it is kept; allow more, or send less");
  }
}

}  // namespace signalbox::server::retention
