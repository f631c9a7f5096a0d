#include "server/query/match/filter_match.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "server/query/language/nested.h"
#include "server/query/match/like_pattern.h"
#include "server/query/match/nested_value.h"
#include "server/query/match/value_test.h"
#include "server/query/plan/error.h"
#include "server/query/plan/filter_sql.h"

namespace signalbox::server::query {
namespace {

using Part = FilterMatcher::Part;
using PartPointer = std::unique_ptr<const Part>;

PartPointer part_of(const FilterNode& node, Signal signal);

/// Everything, AND, OR, NOT.
class Group final : public Part {
 public:
  Group(const FilterNode& node, Signal signal) : kind_(node.kind) {
    for (const FilterNode& child : node.children) parts_.push_back(part_of(child, signal));
  }

  [[nodiscard]] bool holds(const LiveRecord& record) const override {
    const auto part_holds = [&](const PartPointer& part) { return part->holds(record); };
    switch (kind_) {
      case FilterNode::Kind::kOr:
        return std::any_of(parts_.begin(), parts_.end(), part_holds);
      case FilterNode::Kind::kNot:
        return !parts_[0]->holds(record);
      default:
        return std::all_of(parts_.begin(), parts_.end(), part_holds);
    }
  }

 private:
  FilterNode::Kind kind_;
  std::vector<PartPointer> parts_;
};

/// A text that stands alone.
class Text final : public Part {
 public:
  explicit Text(const FilterNode& node) : text_(node.values[0].text) {}

  [[nodiscard]] bool holds(const LiveRecord& record) const override {
    return contains_in_any_case(record.searched_text(), text_);
  }

 private:
  std::string text_;
};

class Not final : public Part {
 public:
  explicit Not(PartPointer part) : part_(std::move(part)) {}
  [[nodiscard]] bool holds(const LiveRecord& record) const override {
    return !part_->holds(record);
  }

 private:
  PartPointer part_;
};

class FieldPart final : public Part {
 public:
  FieldPart(const FilterNode& node, const IntrinsicField& field, const FieldReader& reader)
      : test_(node, &field), reader_(reader) {}
  [[nodiscard]] bool holds(const LiveRecord& record) const override {
    return test_.holds(reader_.read(record));
  }

 private:
  ValueTest test_;
  const FieldReader& reader_;
};

/// Of any of a span's events or links.
class ListPart final : public Part {
 public:
  ListPart(const FilterNode& node, const IntrinsicField& field, const ListReader& reader)
      : test_(node, &field), reader_(reader) {}
  [[nodiscard]] bool holds(const LiveRecord& record) const override {
    const otlp::SpanView& span = record.span();
    const std::size_t size = reader_.size(span);
    if (test_.is_exists()) return size > 0;
    for (std::size_t i = 0; i < size; ++i) {
      if (test_.holds(reader_.read(span, i))) return true;
    }
    return false;
  }

 private:
  ValueTest test_;
  const ListReader& reader_;
};

bool has_type(SentType wanted, char type) {
  switch (wanted) {
    case SentType::kAny:
      return true;
    case SentType::kString:
      return type == 's';
    case SentType::kNumber:
      return type == 'i' || type == 'd';
    case SentType::kBool:
      return type == 'b';
  }
  return false;
}

class AttributePart final : public Part {
 public:
  AttributePart(const FilterNode& node, FieldReference field)
      : test_(node, nullptr), type_(node.type), field_(std::move(field)) {
    const bool is_nested = field_.kind == FieldReference::Kind::kRecordAttribute;
    // Of what is inside of a value, nothing tells the type.
    if (is_nested && type_ == SentType::kAny) nested_ = nested_keys(field_.key);
  }

  [[nodiscard]] bool holds(const LiveRecord& record) const override {
    using Kind = FieldReference::Kind;
    switch (field_.kind) {
      case Kind::kResourceAttribute:
        return holds_in(record.resource);
      case Kind::kScopeAttribute:
        return holds_in(record.scope);
      case Kind::kEventAttribute:
        return holds_in_any(record.span().events);
      case Kind::kLinkAttribute:
        return holds_in_any(record.span().links);
      case Kind::kAnyAttribute:
        return holds_in(record.attributes) || holds_in(record.resource);
      default:
        return holds_in(record.attributes) || holds_inside(record.attributes);
    }
  }

 private:
  using Entries = std::vector<store::StoredAttributes::Entry>;

  static Entries::const_iterator find(const Entries& entries, std::string_view key) {
    return std::find_if(entries.begin(), entries.end(),
                        [&](const auto& entry) { return entry.key == key; });
  }

  [[nodiscard]] bool holds_in(const store::StoredAttributes& attributes) const {
    const Entries& entries = attributes.entries();
    const auto at = find(entries, field_.key);
    if (at == entries.end()) return false;
    const auto index = static_cast<std::size_t>(at - entries.begin());
    return has_type(type_, attributes.types()[index]) && test_.holds_for_attribute(at->value);
  }

  [[nodiscard]] bool holds_inside(const store::StoredAttributes& attributes) const {
    return std::any_of(nested_.begin(), nested_.end(), [&](const NestedKey& nested) {
      const auto at = find(attributes.entries(), nested.key);
      if (at == attributes.entries().end()) return false;
      const auto text = nested_text(at->value, nested.path);
      return text && test_.holds_for_attribute(*text);
    });
  }

  /// Of events or links.
  template <typename Items>
  [[nodiscard]] bool holds_in_any(const Items& items) const {
    return std::any_of(items.begin(), items.end(), [&](const auto& item) {
      of_item_.assign(item.attributes);
      return holds_in(of_item_);
    });
  }

  ValueTest test_;
  SentType type_;
  FieldReference field_;
  std::vector<NestedKey> nested_;
  mutable store::StoredAttributes of_item_;
};

/// Inside of a log record's body.
class BodyPart final : public Part {
 public:
  BodyPart(const FilterNode& node, std::string_view path)
      : test_(node, nullptr), paths_(body_paths(path)) {}
  [[nodiscard]] bool holds(const LiveRecord& record) const override {
    return std::any_of(paths_.begin(), paths_.end(), [&](const NestedPath& path) {
      const auto text = nested_text(record.body, path);
      return text && test_.holds_for_attribute(*text);
    });
  }

 private:
  ValueTest test_;
  std::vector<NestedPath> paths_;
};

[[noreturn]] void refuse(const FilterNode& node) {
  throw QueryError::invalid_at(
      "q", node.position,
      "A record does not tell '" + node.field + "' when it arrives; it is asked for",
      "Other spans of a time range decide it. Ask for: kind IN (server, consumer).");
}

PartPointer intrinsic_part(const FilterNode& node, Signal signal, const IntrinsicField& field) {
  if (const ListReader* const list = list_reader(field)) {
    return std::make_unique<ListPart>(node, field, *list);
  }
  const FieldReader* const reader = field_reader(signal, field);
  if (reader == nullptr) refuse(node);
  return std::make_unique<FieldPart>(node, field, *reader);
}

PartPointer test_part(const FilterNode& node, Signal signal) {
  const FieldReference field = resolve_field(signal, node.field);
  switch (field.kind) {
    case FieldReference::Kind::kIntrinsic:
      return intrinsic_part(node, signal, *field.intrinsic);
    case FieldReference::Kind::kBodyValue:
      return std::make_unique<BodyPart>(node, field.key);
    default:
      return std::make_unique<AttributePart>(node, field);
  }
}

PartPointer part_of(const FilterNode& node, Signal signal) {
  switch (node.kind) {
    case FilterNode::Kind::kTest:
      if (node.op != FilterOperator::kNotEqual) return test_part(node, signal);
      return std::make_unique<Not>(test_part(node, signal));
    case FilterNode::Kind::kText:
      return std::make_unique<Text>(node);
    default:
      return std::make_unique<Group>(node, signal);
  }
}

}  // namespace

FilterMatcher::FilterMatcher(const FilterNode& filter, Signal signal) {
  Parameters parameters;
  static_cast<void>(filter_sql(filter, signal, AttributeSlots(), parameters));  // For its checks.
  filter_ = part_of(filter, signal);
}

FilterMatcher::~FilterMatcher() = default;
FilterMatcher::FilterMatcher(FilterMatcher&&) noexcept = default;
FilterMatcher& FilterMatcher::operator=(FilterMatcher&&) noexcept = default;

bool FilterMatcher::matches(const LiveRecord& record) const {
  return filter_->holds(record);
}

}  // namespace signalbox::server::query
