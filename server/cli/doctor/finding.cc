#include "server/cli/doctor/finding.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <string_view>

#include "server/cli/text.h"

namespace signalbox::server::cli {
namespace {

struct Shown {
  std::string_view name;
  std::string_view mark;
  std::string_view sgr;
};

const Shown& shown(Finding::Level level) {
  static constexpr std::array<Shown, 3> kLevels = {{{"good", "✓", color::kGreen},
                                                    {"doubt", "!", color::kYellow},
                                                    {"fault", "✗", color::kError}}};
  return kLevels.at(static_cast<std::size_t>(level));
}

}  // namespace

std::string findings_view(const Findings& findings, const Style& style) {
  std::size_t width = 0;
  for (const Finding& finding : findings) width = std::max(width, columns(finding.check));
  std::string text;
  for (const Finding& finding : findings) {
    const Shown& level = shown(finding.level);
    text += style.paint(level.sgr, level.mark) + " " +
            style.paint(color::kBold, pad_right(finding.check, width)) + "  " +
            printable(finding.what) + "\n";
    if (finding.advice.empty()) continue;
    text += std::string(width + 4, ' ') +
            style.paint(color::kCyan, "→ " + printable(finding.advice)) + "\n";
  }
  return text;
}

std::string findings_json(const Findings& findings) {
  boost::json::array list;
  for (const Finding& finding : findings) {
    list.push_back(boost::json::object{{"check", finding.check},
                                       {"level", shown(finding.level).name.data()},
                                       {"what", finding.what},
                                       {"advice", finding.advice}});
  }
  return boost::json::serialize(
      boost::json::object{{"status", shown(worst(findings)).name.data()}, {"findings", list}});
}

Finding::Level worst(const Findings& findings) {
  Finding::Level level = Finding::Level::kGood;
  for (const Finding& finding : findings) level = std::max(level, finding.level);
  return level;
}

}  // namespace signalbox::server::cli
