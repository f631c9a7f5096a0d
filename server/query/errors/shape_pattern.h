#pragma once

#include <string>
#include <string_view>

namespace signalbox::server::query {

/// For LIKE: finds all texts of a shape (see store::message_shape), and perhaps others. What the
/// shape leaves out is any text; what LIKE would read otherwise is any character. `is_cut`: the
/// texts may go on behind what their shape was made of.
[[nodiscard]] std::string pattern_of_shape(std::string_view shape, bool is_cut = false);

}  // namespace signalbox::server::query
