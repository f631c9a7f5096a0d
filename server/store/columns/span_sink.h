#pragma once

#include <string>

#include "otlp/records.h"
#include "server/store/columns/block_common.h"
#include "server/store/columns/folded.h"

namespace signalbox::server::store {

/// Appends spans to a block.
class SpanSink final : public otlp::TraceSink {
 public:
  SpanSink(BlockCommon& common, Registry& registry, BlockTables& tables)
      : common_(common),
        to_(tables.spans),
        errors_(tables.span_errors),
        attributes_(registry, SlottedSignal::kSpans, tables.spans.attributes) {}

  void on_resource(const otlp::ResourceView& resource) override { common_.on_resource(resource); }
  void on_scope(const otlp::ScopeView& scope) override { common_.on_scope(scope); }

  void on_span(const otlp::SpanView& span) override {
    const std::int64_t start = stored_time(span.start_time_unix_nano);
    to_.service_name.append(common_.service_name());
    to_.name.append(span.name);
    to_.start_time.append(start);
    to_.duration_ns.append(stored_time(span.end_time_unix_nano) - start);
    to_.trace_id.append(span.trace_id);
    to_.span_id.append(span.span_id);
    to_.parent_span_id.append(span.parent_span_id);
    to_.flags.append(span.flags);
    to_.kind.append(span.kind);
    to_.status_code.append(span.status_code);
    to_.resource_id.append(common_.resource_id());
    to_.scope_id.append(common_.scope_id());
    attributes_.append(span.attributes);
    fold_span(span, common_.attributes(), rest_);
    to_.rest.append(rest_);
    errors_.add(common_.service_name(), span);
  }

  SlottedAttributes& attributes() noexcept { return attributes_; }

 private:
  BlockCommon& common_;
  SpanColumns& to_;
  Errors& errors_;
  SlottedAttributes attributes_;
  std::string rest_;
};

}  // namespace signalbox::server::store
