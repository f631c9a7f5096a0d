#pragma once

#include <string_view>

namespace signalbox::server::store {

/// Whether `sql` could reach files of the machine by the two ways that `readonly` does not refuse
/// in an embedded engine, as it refuses the table functions (`file`, `url`, `s3`, …): the scalar
/// function `file`, which reads any file, and INTO OUTFILE.
///
/// Errs on the side of refusing: these words count anywhere but in a string literal, and there too
/// if the text has comments or other places in which quotes mean nothing.
bool may_reach_files(std::string_view sql) noexcept;

}  // namespace signalbox::server::store
