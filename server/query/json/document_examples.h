#pragma once

#include <fstream>
#include <string>
#include <vector>

/// For tests: what documents show works.
namespace signalbox::server::query {

/// The blocks of the Markdown file at `path` that begin by ```kind.
inline std::vector<std::string> document_examples(const std::string& path,
                                                  const std::string& kind) {
  std::ifstream file(path);
  std::vector<std::string> found;
  bool is_inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line == "```" + kind) {
      is_inside = true;
      found.emplace_back();
    } else if (line == "```") {
      is_inside = false;
    } else if (is_inside) {
      found.back() += line + "\n";
    }
  }
  return found;
}

}  // namespace signalbox::server::query
