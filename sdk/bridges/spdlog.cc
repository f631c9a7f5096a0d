#include "signalbox/bridges/spdlog.h"

#include <fmt/format.h>
#include <spdlog/details/log_msg.h>
#include <spdlog/pattern_formatter.h>

#include <chrono>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

namespace signalbox::bridges {
namespace {

// The attributes of the message that the calling thread is logging.
thread_local Attributes attributes_under_way;

std::string_view view(spdlog::string_view_t text) {
  return {text.data(), text.size()};
}

std::string_view level_name(spdlog::level::level_enum level) {
  return view(spdlog::level::to_string_view(level));
}

void append_text(spdlog::memory_buf_t& out, std::string_view text) {
  const bool plain = !text.empty() && text.find_first_of(" \t\r\n\"=") == std::string_view::npos;
  if (plain) {
    out.append(text);
  } else {
    fmt::format_to(std::back_inserter(out), "{:?}", text);
  }
}

template <typename Values, typename Append>
void append_list(spdlog::memory_buf_t& out, Values values, Append append) {
  out.push_back('[');
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out.push_back(',');
    append(values[i]);
  }
  out.push_back(']');
}

void append_value(spdlog::memory_buf_t& out, const AttributeValue& value) {
  const auto format = [&out](auto plain) { fmt::format_to(std::back_inserter(out), "{}", plain); };
  const auto text = [&out](std::string_view string) { append_text(out, string); };
  switch (value.type()) {
    case AttributeValue::Type::kString:
      return text(value.as_string());
    case AttributeValue::Type::kBool:
      return format(value.as_bool());
    case AttributeValue::Type::kInt:
      return format(value.as_int());
    case AttributeValue::Type::kDouble:
      return format(value.as_double());
    case AttributeValue::Type::kStringArray:
      return append_list(out, value.as_strings(), text);
    case AttributeValue::Type::kBoolArray:
      return append_list(out, value.as_bools(), format);
    case AttributeValue::Type::kIntArray:
      return append_list(out, value.as_ints(), format);
    case AttributeValue::Type::kDoubleArray:
      return append_list(out, value.as_doubles(), format);
  }
}

class AttributesFlag final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& /*message*/, const std::tm& /*time*/,
              spdlog::memory_buf_t& out) override {
    for (const Attribute& attribute : attributes_under_way) {
      out.push_back(' ');
      out.append(attribute.key);
      out.push_back('=');
      append_value(out, attribute.value);
    }
  }
  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<AttributesFlag>();
  }
};

}  // namespace

logs::Severity severity_of(spdlog::level::level_enum level) noexcept {
  switch (level) {
    case spdlog::level::trace:
      return logs::Severity::kTrace;
    case spdlog::level::debug:
      return logs::Severity::kDebug;
    case spdlog::level::info:
      return logs::Severity::kInfo;
    case spdlog::level::warn:
      return logs::Severity::kWarn;
    case spdlog::level::err:
      return logs::Severity::kError;
    case spdlog::level::critical:
      return logs::Severity::kFatal;
    default:
      return logs::Severity::kUnspecified;
  }
}

namespace {

/// `ns::f` of `int ns::f(char)`: the conventions want neither result nor parameters, and a
/// coroutine's are its frame's.
std::string_view qualified_name(std::string_view signature) {
  std::size_t begin = 0;
  int depth = 0;
  for (std::size_t i = 0; i < signature.size(); ++i) {
    const char c = signature[i];
    if (c == '<') ++depth;
    if (c == '>') --depth;
    if (depth > 0) continue;
    if (c == ' ') begin = i + 1;
    if (c == '(') return signature.substr(begin, i - begin);
  }
  return signature;
}

}  // namespace

void SpdlogSink::log(const spdlog::details::log_msg& message) {
  const logs::Severity severity = severity_of(message.level);
  const logs::Logger logger = logger_named(view(message.logger_name));
  if (!logger.enabled(severity)) return;
  std::vector<Attribute> attributes;
  attributes.reserve(attributes_under_way.size() + 4);
  attributes.push_back({"thread.id", static_cast<std::int64_t>(message.thread_id)});
  if (!message.source.empty()) {
    attributes.push_back({"code.file.path", message.source.filename});
    attributes.push_back({"code.line.number", message.source.line});
    if (message.source.funcname != nullptr) {
      attributes.push_back({"code.function.name", qualified_name(message.source.funcname)});
    }
  }
  attributes.insert(attributes.end(), attributes_under_way.begin(), attributes_under_way.end());
  logs::LogRecord record;
  record.severity = severity;
  record.severity_text = level_name(message.level);
  record.body = view(message.payload);
  record.attributes = std::span<const Attribute>(attributes);
  record.timestamp = std::chrono::time_point_cast<std::chrono::nanoseconds>(message.time);
  logger.emit(record);
}

logs::Logger SpdlogSink::logger_named(std::string_view name) {
  {
    const std::shared_lock lock(mutex_);
    if (const auto found = loggers_.find(name); found != loggers_.end()) return found->second;
  }
  const std::unique_lock lock(mutex_);
  return loggers_.try_emplace(std::string(name), logs::get_logger(name)).first->second;
}

std::unique_ptr<spdlog::formatter> make_spdlog_formatter(std::string_view pattern) {
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  formatter->add_flag<AttributesFlag>('*').set_pattern(std::string(pattern));
  return formatter;
}

void log(spdlog::logger& logger, spdlog::level::level_enum level, std::string_view message,
         Attributes attributes, const std::source_location& location) {
  struct Restore {
    Attributes outer;
    ~Restore() { attributes_under_way = outer; }
  };
  const Restore restore{std::exchange(attributes_under_way, attributes)};
  logger.log(spdlog::source_loc(location.file_name(), static_cast<int>(location.line()),
                                location.function_name()),
             level, spdlog::string_view_t(message.data(), message.size()));
}

}  // namespace signalbox::bridges
