#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "server/cli/style.h"

namespace signalbox::server::cli {

/// What one check of `signalbox doctor` found.
struct Finding {
  enum class Level : std::uint8_t { kGood, kDoubt, kFault };

  Level level = Level::kGood;
  std::string check;        ///< A word: "disk".
  std::string what;         ///< A sentence: what was measured.
  std::string advice = {};  ///< What to do; empty if nothing is to be done.
};

using Findings = std::vector<Finding>;

/// A line each, with ✓, ! or ✗; what to do is below.
std::string findings_view(const Findings& findings, const Style& style);

/// {"status": "good", "findings": [{"check", "level", "what", "advice"}]}
std::string findings_json(const Findings& findings);

/// The worst of them.
Finding::Level worst(const Findings& findings);

}  // namespace signalbox::server::cli
