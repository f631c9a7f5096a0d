#pragma once

#include <string>
#include <vector>

#include "otlp/records.h"
#include "server/store/columns/attributes.h"

namespace signalbox::server::tail {

/// A copy of attributes, for a resource or scope whose records are still to come.
///
/// Thread-safety: one thread at a time.
class KeptAttributes {
 public:
  void assign(otlp::AttributesView attributes);

  /// Valid until the next `assign`.
  [[nodiscard]] const store::StoredAttributes& stored() const noexcept { return stored_; }

 private:
  std::string text_;
  std::vector<otlp::KeyValueView> views_;
  store::StoredAttributes stored_;
};

}  // namespace signalbox::server::tail
