#include "server/transfer/files.h"

#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

namespace signalbox::server::transfer {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{256} << 10;
constexpr std::string_view kGzipMagic = "\x1F\x8B";
constexpr std::string_view kZstdMagic = "\x28\xB5\x2F\xFD";
/// zlib's windowBits for gzip's format.
constexpr int kGzipWindow = 15 + 16;

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Close>;

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& why) {
  throw std::runtime_error(path.string() + ": " + why);
}

[[noreturn]] void fail_errno(const std::filesystem::path& path) {
  const std::string why = std::generic_category().message(errno);
  fail(path.empty() ? "the standard output" : path, why);
}

/// Undoes a compression, piece by piece.
class Decompressor {
 public:
  virtual ~Decompressor() = default;
  struct Progress {
    std::size_t consumed = 0;
    std::size_t produced = 0;
  };
  /// Throws std::runtime_error if the bytes are damaged.
  virtual Progress run(std::string_view in, char* to, std::size_t size) = 0;
  /// Whether it is between two members or frames: where a file may end.
  [[nodiscard]] virtual bool may_end() const = 0;
};

class Gunzip final : public Decompressor {
 public:
  Gunzip() {
    if (inflateInit2(&stream_, kGzipWindow) != Z_OK) throw std::bad_alloc();
  }
  ~Gunzip() override { inflateEnd(&stream_); }
  Gunzip(const Gunzip&) = delete;
  Gunzip& operator=(const Gunzip&) = delete;

  Progress run(std::string_view in, char* to, std::size_t size) override {
    if (in_member_ended_ && !in.empty()) {
      inflateReset(&stream_);
      in_member_ended_ = false;
    }
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream_.avail_in = static_cast<uInt>(in.size());
    stream_.next_out = reinterpret_cast<Bytef*>(to);
    stream_.avail_out = static_cast<uInt>(size);
    const int result = inflate(&stream_, Z_NO_FLUSH);
    if (result == Z_STREAM_END) {
      in_member_ended_ = true;
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      throw std::runtime_error("its gzip is damaged");
    }
    return {in.size() - stream_.avail_in, size - stream_.avail_out};
  }
  [[nodiscard]] bool may_end() const override { return in_member_ended_; }

 private:
  z_stream stream_{};
  bool in_member_ended_ = false;
};

class Unzstd final : public Decompressor {
 public:
  Progress run(std::string_view in, char* to, std::size_t size) override {
    if (in.empty() && left_ == 0) return {};  // It would ask for the next frame.
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    ZSTD_outBuffer output{to, size, 0};
    left_ = ZSTD_decompressStream(context_.get(), &output, &input);
    if (ZSTD_isError(left_) != 0) throw std::runtime_error("its zstd is damaged");
    return {input.pos, output.pos};
  }
  [[nodiscard]] bool may_end() const override { return left_ == 0; }

 private:
  struct Free {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };
  std::unique_ptr<ZSTD_DCtx, Free> context_{ZSTD_createDCtx()};
  std::size_t left_ = 0;
};

/// Compresses, piece by piece.
class Compressor {
 public:
  virtual ~Compressor() = default;
  /// Appends what becomes of `bytes` to `out`; with `is_last` all that is left.
  virtual void run(std::string_view bytes, bool is_last, std::string& out) = 0;
};

class Gzip final : public Compressor {
 public:
  Gzip() {
    constexpr int kMemory = 8;
    if (deflateInit2(&stream_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, kMemory,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
      throw std::bad_alloc();
    }
  }
  ~Gzip() override { deflateEnd(&stream_); }
  Gzip(const Gzip&) = delete;
  Gzip& operator=(const Gzip&) = delete;

  void run(std::string_view bytes, bool is_last, std::string& out) override {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    do {
      const std::size_t before = out.size();
      out.resize(before + kBufferBytes);
      stream_.next_out = reinterpret_cast<Bytef*>(out.data() + before);
      stream_.avail_out = kBufferBytes;
      deflate(&stream_, is_last ? Z_FINISH : Z_NO_FLUSH);
      out.resize(out.size() - stream_.avail_out);
    } while (stream_.avail_out == 0);
  }

 private:
  z_stream stream_{};
};

class Zstd final : public Compressor {
 public:
  void run(std::string_view bytes, bool is_last, std::string& out) override {
    ZSTD_inBuffer input{bytes.data(), bytes.size(), 0};
    std::size_t left = 1;
    while (left != 0) {
      const std::size_t before = out.size();
      out.resize(before + kBufferBytes);
      ZSTD_outBuffer output{out.data() + before, kBufferBytes, 0};
      left = ZSTD_compressStream2(context_.get(), &output, &input,
                                  is_last ? ZSTD_e_end : ZSTD_e_continue);
      out.resize(before + output.pos);
      if (ZSTD_isError(left) != 0) throw std::runtime_error("zstd fails");
      if (!is_last) left = input.size - input.pos;
    }
  }

 private:
  struct Free {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };
  std::unique_ptr<ZSTD_CCtx, Free> context_{ZSTD_createCCtx()};
};

}  // namespace

struct InputFile::Implementation {
  std::filesystem::path path;
  File file;
  std::uintmax_t size = 0;
  std::uintmax_t read_bytes = 0;
  std::vector<char> buffer = std::vector<char>(kBufferBytes);
  std::string_view left;  // Of the buffer.
  bool is_at_end = false;
  std::unique_ptr<Decompressor> decompressor;

  void fill() {
    if (!left.empty() || is_at_end) return;
    const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), file.get());
    if (count == 0 && std::ferror(file.get()) != 0) fail_errno(path);
    is_at_end = count == 0;
    read_bytes += count;
    left = {buffer.data(), count};
  }
};

InputFile::InputFile(const std::filesystem::path& path)
    : implementation_(std::make_unique<Implementation>()) {
  Implementation& in = *implementation_;
  in.path = path;
  if (std::filesystem::is_directory(path)) fail(path, "is a folder; name files");
  in.file.reset(std::fopen(path.c_str(), "rb"));
  if (!in.file) fail_errno(path);
  std::error_code error;  // Of a pipe the size is not known.
  in.size = std::filesystem::file_size(path, error);
  if (error) in.size = 0;
  in.fill();
  if (in.left.starts_with(kGzipMagic)) in.decompressor = std::make_unique<Gunzip>();
  if (in.left.starts_with(kZstdMagic)) in.decompressor = std::make_unique<Unzstd>();
}

InputFile::~InputFile() = default;

std::size_t InputFile::read(char* to, std::size_t size) {
  Implementation& in = *implementation_;
  while (true) {
    in.fill();
    if (!in.decompressor) {
      const std::size_t count = std::min(size, in.left.size());
      std::memcpy(to, in.left.data(), count);
      in.left.remove_prefix(count);
      return count;
    }
    Decompressor::Progress progress;
    try {
      progress = in.decompressor->run(in.left, to, size);
    } catch (const std::runtime_error& error) {
      fail(in.path, error.what());
    }
    in.left.remove_prefix(progress.consumed);
    if (progress.produced != 0) return progress.produced;
    if (in.is_at_end) {
      if (!in.decompressor->may_end()) fail(in.path, "it ends within its compressed data");
      return 0;
    }
  }
}

double InputFile::progress() const {
  const Implementation& in = *implementation_;
  if (in.size == 0) return 0;
  return static_cast<double>(in.read_bytes - in.left.size()) / static_cast<double>(in.size);
}

struct OutputFile::Implementation {
  std::filesystem::path path;
  std::filesystem::path part;  // Empty: the standard output.
  File file;
  std::unique_ptr<Compressor> compressor;

  [[nodiscard]] std::FILE* stream() const { return file ? file.get() : stdout; }

  void put(std::string_view bytes) const {
    if (bytes.empty()) return;  // Their address may be null, which fwrite must not be given.
    if (std::fwrite(bytes.data(), 1, bytes.size(), stream()) != bytes.size()) fail_errno(part);
  }
  void write(std::string_view bytes, bool is_last) {
    if (!compressor) {
      put(bytes);
      return;
    }
    std::string compressed;
    compressor->run(bytes, is_last, compressed);
    put(compressed);
  }
};

OutputFile::OutputFile(const std::filesystem::path& path)
    : implementation_(std::make_unique<Implementation>()) {
  Implementation& out = *implementation_;
  out.path = path;
  if (path == "-") return;
  out.part = path;
  out.part += ".part";
  out.file.reset(std::fopen(out.part.c_str(), "wb"));
  if (!out.file) fail_errno(out.part);
  if (path.extension() == ".gz") out.compressor = std::make_unique<Gzip>();
  if (path.extension() == ".zst") out.compressor = std::make_unique<Zstd>();
}

OutputFile::~OutputFile() = default;

bool OutputFile::is_terminal() const {
  return isatty(fileno(implementation_->stream())) != 0;
}

void OutputFile::write(std::string_view bytes) {
  implementation_->write(bytes, false);
}

void OutputFile::discard() {
  Implementation& out = *implementation_;
  if (!out.file) return;
  out.file.reset();
  std::error_code ignored;  // It is empty, and named as unfinished.
  std::filesystem::remove(out.part, ignored);
}

void OutputFile::finish() {
  Implementation& out = *implementation_;
  out.write({}, true);
  if (std::fflush(out.stream()) != 0) fail_errno(out.path);
  if (!out.file) return;
  if (fsync(fileno(out.file.get())) != 0) fail_errno(out.part);
  if (std::fclose(out.file.release()) != 0) fail_errno(out.part);
  std::error_code error;
  std::filesystem::rename(out.part, out.path, error);
  if (error) fail(out.path, error.message());
}

}  // namespace signalbox::server::transfer
