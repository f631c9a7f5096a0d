#include "server/tail/record_reader.h"

#include "server/query/json/json.h"
#include "server/tail/record_json.h"

namespace signalbox::server::tail {

void RecordReader::on_resource(const otlp::ResourceView& resource) {
  resource_.assign(resource.attributes);
  resource_dropped_ = resource.dropped_attributes_count;
  resource_schema_url_ = resource.schema_url;
}

void RecordReader::on_scope(const otlp::ScopeView& scope) {
  scope_.assign(scope.attributes);
  scope_name_ = scope.name;
  scope_version_ = scope.version;
  scope_dropped_ = scope.dropped_attributes_count;
  scope_schema_url_ = scope.schema_url;
}

template <typename Record>
query::LiveRecord RecordReader::live(const Record& record) const {
  return {.record = &record,
          .attributes = attributes_,
          .resource = resource_.stored(),
          .scope = scope_.stored(),
          .scope_name = scope_name_,
          .scope_version = scope_version_,
          .body = body_};
}

template <typename WriteMembers>
std::string RecordReader::object(WriteMembers write_members) {
  query::JsonWriter json;
  json.begin_object();
  write_members(json);
  json.key("resource").begin_object();
  json.key("service_name").string(resource_.stored().find("service.name"));
  json.key("attributes");
  write_attributes(resource_.stored(), json);
  json.key("dropped_attributes_count").number(resource_dropped_);
  json.key("schema_url").string(resource_schema_url_);
  json.end_object();
  json.key("scope").begin_object();
  json.key("name").string(scope_name_);
  json.key("version").string(scope_version_);
  json.key("attributes");
  write_attributes(scope_.stored(), json);
  json.key("dropped_attributes_count").number(scope_dropped_);
  json.key("schema_url").string(scope_schema_url_);
  json.end_object();
  json.end_object();
  return json.take();
}

void RecordReader::on_span(const otlp::SpanView& span) {
  attributes_.assign(span.attributes);
  const query::LiveRecord record = live(span);
  on_record_(record,
             [&] { return object([&](query::JsonWriter& json) { write_span(record, json); }); });
}

void RecordReader::on_log_record(const otlp::LogRecordView& log) {
  attributes_.assign(log.attributes);
  body_.clear();
  store::append_text(body_, log.body);
  const query::LiveRecord record = live(log);
  on_record_(record, [&] {
    return object([&](query::JsonWriter& json) { write_log_record(record, json); });
  });
}

void RecordReader::on_metric(const otlp::MetricView& metric) {
  metric_name_ = metric.name;
  metric_description_ = metric.description;
  metric_unit_ = metric.unit;
  metric_ = metric;
  metric_.name = metric_name_;
  metric_.description = metric_description_;
  metric_.unit = metric_unit_;
  metric_.metadata = {};
}

template <typename Point>
void RecordReader::take_point(const Point& point) {
  attributes_.assign(point.attributes);
  const query::LiveRecord record = live(metric_);
  on_record_(record, [&] {
    return object([&](query::JsonWriter& json) {
      write_metric(record, json);
      write_point(point, json);
    });
  });
}

}  // namespace signalbox::server::tail
