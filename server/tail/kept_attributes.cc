#include "server/tail/kept_attributes.h"

#include <cstddef>
#include <string_view>

namespace signalbox::server::tail {

void KeptAttributes::assign(otlp::AttributesView attributes) {
  std::size_t bytes = 0;
  for (const otlp::KeyValueView& one : attributes) bytes += one.key.size() + one.value.text.size();
  text_.clear();
  text_.reserve(bytes);  // So that it does not move below.
  const auto keep = [&](std::string_view& view) {
    const std::size_t begin = text_.size();
    text_ += view;
    view = std::string_view(text_).substr(begin);
  };
  views_.assign(attributes.begin(), attributes.end());
  for (otlp::KeyValueView& one : views_) {
    keep(one.key);
    keep(one.value.text);
  }
  stored_.assign(views_);
}

}  // namespace signalbox::server::tail
