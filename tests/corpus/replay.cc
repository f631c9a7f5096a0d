// Runs a fuzzer's target without libFuzzer: on each file of a corpus folder, and on mutations of
// it. The mutations are the same in every run; libFuzzer (the `fuzz` preset) looks for new ones.
//
//   some_fuzz <corpus folder> [mutations in all, default 200000]

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace fs = std::filesystem;

void run(const std::string& input) {
  // Exactly as large as the input, so that a sanitizer sees every read beyond it.
  const std::vector<std::uint8_t> exact(input.begin(), input.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Changes, removes, repeats or inserts a few bytes, or takes some of `other`.
class Mutator {
 public:
  explicit Mutator(std::uint64_t seed) : random_(seed) {}

  std::string mutate(std::string input, const std::string& other) {
    const std::size_t rounds = 1 + below(4);
    for (std::size_t i = 0; i < rounds; ++i) mutate_once(input, other);
    return input;
  }
  std::size_t below(std::size_t limit) { return limit == 0 ? 0 : random_() % limit; }

 private:
  void mutate_once(std::string& input, const std::string& other) {
    const std::size_t at = below(input.size() + 1);
    const std::size_t length = std::min(input.size() - at, 1 + below(16));
    switch (below(7)) {
      case 0:
        input.resize(at);
        break;
      case 1:
        input.erase(at, length);
        break;
      case 2:
        input.insert(at, input.substr(at, length));
        break;
      case 3:
        input.insert(at, 1 + below(4), static_cast<char>(below(256)));
        break;
      case 4:
        input.replace(at, length, other.substr(below(other.size() + 1), 1 + below(64)));
        break;
      case 5:
        if (at < input.size()) input[at] = interesting_[below(interesting_.size())];
        break;
      default:
        if (at < input.size()) input[at] = static_cast<char>(input[at] ^ 1 << below(8));
        break;
    }
  }

  const std::string interesting_ = std::string("\x00\x01\x7F\x80\xFF\"\\{}[],:", 13);
  std::mt19937_64 random_;
};

int replay(const fs::path& folder, std::size_t mutations) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.is_regular_file()) paths.push_back(entry.path());
  }
  std::sort(paths.begin(),
            paths.end());  // The file system's order differs from machine to machine.
  std::vector<std::string> inputs{""};
  for (const fs::path& path : paths) inputs.push_back(read_file(path));
  for (const std::string& input : inputs) run(input);

  Mutator mutator(20240229);
  for (std::size_t i = 0; i < mutations; ++i) {
    const std::string& other = inputs[mutator.below(inputs.size())];
    run(mutator.mutate(inputs[i % inputs.size()], other));
  }
  std::printf("%zu inputs, %zu mutations\n", inputs.size(), mutations);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s <corpus folder> [mutations]\n", argv[0]);
    return 2;
  }
  try {
    return replay(argv[1], argc > 2 ? std::stoul(argv[2]) : 200'000);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", argv[1], error.what());
    return 1;
  }
}
