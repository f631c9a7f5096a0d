#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

/// Files of telemetry, compressed or not. Errors: std::runtime_error with a message for people.
namespace signalbox::server::transfer {

/// A file that is read from its beginning to its end. Whether it is compressed (gzip, zstd) its
/// first bytes tell. Not thread-safe.
class InputFile {
 public:
  explicit InputFile(const std::filesystem::path& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  /// Up to `size` bytes, decompressed; 0 at the end.
  std::size_t read(char* to, std::size_t size);

  /// How far the file has been read, from 0 to 1.
  [[nodiscard]] double progress() const;

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

/// A file that is written, compressed if its name ends in .gz or .zst. It gets its name when it is
/// complete: until then it is called NAME.part. "-" is the standard output. Not thread-safe.
class OutputFile {
 public:
  explicit OutputFile(const std::filesystem::path& path);
  /// Without `finish`, what was written stays under NAME.part.
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write(std::string_view bytes);
  void finish();
  /// In place of `finish`: no file comes into being.
  void discard();

  [[nodiscard]] bool is_terminal() const;

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace signalbox::server::transfer
