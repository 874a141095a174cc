// SPDX-License-Identifier: Apache-2.0
#include "data_companion/feed_record.h"

#include <simdjson.h>

#include <algorithm>
#include <memory>
#include <utility>

namespace outrigger::companion {
namespace {

namespace ondemand = simdjson::ondemand;

// Why a document is no feed record; thrown inside this file only, as simdjson's own faults are.
struct Fault {
  std::string why;
};

scoring::Value ValueOf(ondemand::value value) {
  switch (value.type().value()) {
    case ondemand::json_type::number:
      return value.get_double().value();
    case ondemand::json_type::string:
      return std::string(value.get_string().value());
    case ondemand::json_type::boolean:
      return value.get_bool().value();
    case ondemand::json_type::null:
      if (value.is_null()) return std::monostate{};
      throw Fault{"a value is neither number, string, boolean nor null"};
    default:
      throw Fault{"a value is an array or an object"};
  }
}

void ReadValues(ondemand::object values, std::span<const scoring::InputColumn> columns,
                scoring::Sample& sample) {
  for (auto field : values) {
    const std::string_view name = field.unescaped_key().value();
    const auto column = std::ranges::find(columns, name, &scoring::InputColumn::name);
    if (column != columns.end())
      sample.values.emplace_back(static_cast<std::uint32_t>(column - columns.begin()),
                                 ValueOf(field.value().value()));
  }
}

void ReadDocument(std::string& text, std::span<const scoring::InputColumn> columns,
                  FeedRecord& record) {
  thread_local ondemand::parser parser;
  auto sample = std::make_shared<scoring::Sample>();
  sample->offset = record.offset;
  const std::size_t size = text.size();
  text.reserve(size + simdjson::SIMDJSON_PADDING);
  ondemand::document document = parser.iterate(text.data(), size, text.capacity());
  bool timed = false, valued = false;
  for (auto field : document.get_object()) {
    const std::string_view name = field.unescaped_key().value();
    if (name == "subject") {
      record.subject = std::string(field.value().get_string().value());
    } else if (name == "time") {
      sample->time.ms = field.value().get_int64().value();
      timed = true;
    } else if (name == "values") {
      ReadValues(field.value().get_object().value(), columns, *sample);
      valued = true;
    }
  }
  if (!document.at_end()) throw Fault{"text after the end of the document"};
  if (record.subject.empty() || !timed || !valued)
    throw Fault{"subject, time or values is missing"};
  record.sample = std::move(sample);
}

}  // namespace

FeedRecord ReadFeedRecord(messaging::Record record, std::span<const scoring::InputColumn> columns) {
  FeedRecord read;
  read.offset = record.offset;
  if (const auto source = messaging::FindHeader(record.headers, "src"))
    read.source = scoring::ParseSource(*source);
  if (const auto trace = messaging::FindHeader(record.headers, "traceparent"))
    read.trace = messaging::TraceContext::Read(*trace);
  if (!record.value) {
    read.fault = "a record without value";
  } else {
    read.text = *std::move(record.value);
    try {
      ReadDocument(read.text, columns, read);
    } catch (const Fault& fault) {
      read.fault = fault.why;
    } catch (const simdjson::simdjson_error& error) {
      read.fault = error.what();
    }
  }
  if (read.subject.empty()) read.subject = record.key.value_or("");
  return read;
}

}  // namespace outrigger::companion
