#include "server/cli/doctor/data_checks.h"

#include <algorithm>
#include <map>
#include <string>
#include <system_error>

#include "server/cli/doctor/machine_checks.h"
#include "server/observe/detached_parts.h"
#include "server/store/engine/open_engine.h"
#include "server/store/log/record.h"

namespace signalbox::server::cli {
namespace {

namespace fs = std::filesystem;
using Level = Finding::Level;

constexpr std::string_view kSegmentSuffix = ".log";

struct LogState {
  std::uint64_t requests = 0;
  std::uint64_t bytes = 0;
  std::uint64_t damaged_bytes = 0;
};

void read_segment(const store::FileContent& content, LogState& state) {
  store::SegmentHead head;
  const std::string_view segment = content.view();
  if (!store::decode_segment_head(segment, head)) {
    if (content.written() > 0) state.damaged_bytes += content.written();
    return;
  }
  std::map<std::uint64_t, std::uint64_t> stretches;
  const store::ScannedSegment scanned = store::scan_segment(
      head.key, segment, content.written(),
      [&](std::uint64_t /*offset*/, const store::RecordHead& record, std::string_view /*payload*/) {
        if (record.type == store::RecordHead::Type::kRequest) ++state.requests;
      },
      [&](store::DamagedStretch stretch) { stretches[stretch.offset] = stretch.bytes; });
  state.bytes += scanned.end;
  for (const auto& [offset, bytes] : stretches) {
    // Behind it is what a process wrote last that was killed: nobody was answered for it.
    if (offset < scanned.last_append) state.damaged_bytes += bytes;
  }
}

std::size_t files_in(const fs::path& folder) {
  std::error_code error;
  std::size_t count = 0;
  for (auto at = fs::directory_iterator(folder, error); !error && at != fs::directory_iterator();
       at.increment(error)) {
    ++count;
  }
  return count;
}

}  // namespace

Findings check_log(store::Files& files, const fs::path& data_folder, std::uint64_t max_log_bytes) {
  const fs::path folder = data_folder / "log";
  std::error_code error;
  if (!fs::exists(folder, error)) return {{.check = "log", .what = "there is no log yet"}};
  LogState state;
  try {
    for (const std::string& name : files.list(folder)) {
      if (name.ends_with(kSegmentSuffix)) read_segment(files.read_all(folder / name), state);
    }
  } catch (const std::system_error& failure) {
    return {{.level = Level::kFault,
             .check = "log",
             .what = std::string("the log cannot be read: ") + failure.what(),
             .advice = "run this as the server's user; else look at the disk"}};
  }
  Findings findings = {{.check = "log",
                        .what = std::to_string(state.requests) + " requests, " +
                                size_text(static_cast<double>(state.bytes)) + " of at most " +
                                size_text(static_cast<double>(max_log_bytes)) +
                                "; a start stores what the tables do not have"}};
  if (state.damaged_bytes > 0) {
    findings.push_back(
        {.level = Level::kFault,
         .check = "log",
         .what = size_text(static_cast<double>(state.damaged_bytes)) + " of the log cannot be read",
         .advice = "the next start sets them aside in " + (folder / "damaged").string() +
                   " and goes on; look at the disk (dmesg, smartctl)"});
  }
  if (const std::size_t aside = files_in(folder / "damaged"); aside > 0) {
    findings.push_back({.level = Level::kDoubt,
                        .check = "log",
                        .what = std::to_string(aside) + " damaged stretches were set aside in " +
                                (folder / "damaged").string(),
                        .advice = "what was in them is lost; remove them when the disk is mended"});
  }
  return findings;
}

Findings check_engine(const fs::path& data_folder) {
  if (!fs::exists(data_folder / "clickhouse")) {
    return {{.check = "engine",
             .what = "there is no data in " + data_folder.string() +
                     " yet; `signalbox serve` makes it"}};
  }
  try {
    store::EngineChoice choice;
    choice.data_folder = data_folder;
    store::OpenedEngine opened(choice);
    const std::string tables =
        opened.engine()
            .query("SELECT count() FROM system.tables WHERE database = 'signalbox' FORMAT TSV")
            .data;
    Findings findings = {{.check = "engine",
                          .what = "the engine opens the folder and has " +
                                  tables.substr(0, tables.find('\n')) + " tables and views"}};
    const observe::DetachedParts parts = observe::read_detached_parts(opened.engine());
    if (parts.count > 0) {
      findings.push_back(
          {.level = Level::kFault,
           .check = "engine",
           .what = parts.text(),
           .advice = "look at the disk; a backup has what was in them, if one was made"});
    }
    return findings;
  } catch (const store::DataFolderError& failure) {
    return {{.level = Level::kFault,
             .check = "engine",
             .what = failure.what(),
             .advice =
                 "if that is the server: it does not answer where it was looked for; give its "
                 "--ui-address or --config"}};
  } catch (const std::exception& failure) {
    return {{.level = Level::kFault,
             .check = "engine",
             .what = failure.what(),
             .advice = "run this as the server's user; `signalbox restore` makes a new folder of a "
                       "backup"}};
  }
}

}  // namespace signalbox::server::cli
