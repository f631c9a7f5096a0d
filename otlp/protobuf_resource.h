#pragma once

#include <cstdint>
#include <string_view>

#include "otlp/protobuf_reader.h"

namespace signalbox::otlp::internal {

/// Walks the two outer levels, which have the same field numbers in all three signals: the resource
/// (field 1), its scopes (2) and a schema URL (3); in each scope the scope (1), its records (2) and
/// a schema URL (3). A sender may write them in any order, so each level is scanned before its
/// items are read; the scan jumps over them by their lengths.
///
/// Calls `sink.on_resource`, `sink.on_scope`, and `read_record(bytes)` for each record.
template <typename Sink, typename ReadRecord>
class ResourceWalker {
 public:
  ResourceWalker(ProtobufParts& parts, Sink& sink, ReadRecord read_record)
      : parts_(parts), sink_(sink), read_record_(read_record) {}

  void request(std::string_view bytes) {
    for (FieldReader reader(bytes); reader.next();) {
      if (reader.tag() == bytes_field(1)) {
        resource_items(reader.bytes());
      } else {
        reader.skip(known_fields(1));
      }
    }
  }

 private:
  enum : std::uint32_t { kHead = 1, kItems, kSchemaUrl };

  void resource_items(std::string_view message) {
    Scratch& scratch = parts_.scratch();
    scratch.arena.rewind({});
    scratch.resource_attributes.clear();
    ResourceView resource;
    AttributeList attributes{scratch.resource_attributes};
    parts_.checks().one_more_record(start_of(message));
    scan(message, resource.schema_url,
         [&](std::string_view head) { parts_.merge_resource(head, resource, attributes); });
    resource.attributes = scratch.resource_attributes;
    count_dropped(attributes, resource.dropped_attributes_count);
    sink_.on_resource(resource);
    const Arena::Mark mark = scratch.arena.mark();
    for_each_item(message, [&](std::string_view item) {
      scratch.arena.rewind(mark);
      scope_items(item);
    });
  }

  void scope_items(std::string_view message) {
    Scratch& scratch = parts_.scratch();
    scratch.scope_attributes.clear();
    ScopeView scope;
    AttributeList attributes{scratch.scope_attributes};
    parts_.checks().one_more_record(start_of(message));
    scan(message, scope.schema_url,
         [&](std::string_view head) { parts_.merge_scope(head, scope, attributes); });
    scope.attributes = scratch.scope_attributes;
    count_dropped(attributes, scope.dropped_attributes_count);
    sink_.on_scope(scope);
    const Arena::Mark mark = scratch.arena.mark();
    for_each_item(message, [&](std::string_view item) {
      scratch.arena.rewind(mark);
      parts_.checks().one_more_record(start_of(item));
      read_record_(item);
    });
  }

  void count_dropped(const AttributeList& attributes, std::uint32_t& count) {
    add_dropped(attributes.dropped, count);
    parts_.result().altered.dropped_attributes += attributes.dropped;
  }

  template <typename MergeHead>
  void scan(std::string_view message, std::string_view& schema_url, MergeHead merge_head) {
    for (FieldReader reader(message); reader.next();) {
      switch (reader.tag()) {
        case bytes_field(kHead):
          merge_head(reader.bytes());
          break;
        case bytes_field(kItems):
          reader.bytes();
          break;
        case bytes_field(kSchemaUrl):
          schema_url = parts_.text(reader.bytes());
          break;
        default:
          reader.skip(known_fields(kHead, kItems, kSchemaUrl));
      }
    }
  }

  template <typename Read>
  void for_each_item(std::string_view message, Read read) {
    for (FieldReader reader(message); reader.next();) {
      if (reader.tag() == bytes_field(kItems)) {
        read(reader.bytes());
      } else {
        reader.skip(0);
      }
    }
  }

  ProtobufParts& parts_;
  Sink& sink_;
  ReadRecord read_record_;
};

}  // namespace signalbox::otlp::internal
