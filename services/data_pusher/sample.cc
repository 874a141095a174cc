// SPDX-License-Identifier: Apache-2.0
#include "data_pusher/sample.h"

#include <simdjson.h>

#include <utility>

#include "outrigger/base/json.h"

namespace outrigger::data_pusher {
namespace {

namespace ondemand = simdjson::ondemand;

Error Corrupt(std::string_view what) {
  return {ErrorCode::kCorrupt, "telemetry record: " + std::string(what)};
}

std::string_view Trimmed(std::string_view token) {
  while (!token.empty() && (token.back() == ' ' || token.back() == '\n' || token.back() == '\r' ||
                            token.back() == '\t')) {
    token.remove_suffix(1);
  }
  return token;
}

// Throws simdjson_error where the document is not JSON.
bool ReadValue(ondemand::value value, SampleValue& out) {
  out.raw = Trimmed(value.raw_json_token());
  switch (value.type()) {
    case ondemand::json_type::number:
      out.kind = ValueKind::kNumber;
      out.number = value.get_double();
      return true;
    case ondemand::json_type::string:
      out.kind = ValueKind::kString;
      out.text = value.get_string();
      return out.text.find('\0') == std::string_view::npos && IsValidUtf8(out.text);
    case ondemand::json_type::boolean:
      out.kind = ValueKind::kBoolean;
      out.flag = value.get_bool();
      return true;
    default:
      return false;
  }
}

}  // namespace

struct SampleParser::State {
  ondemand::parser parser;
  Sample sample;
};

SampleParser::SampleParser() : state_(std::make_unique<State>()) {}
SampleParser::~SampleParser() = default;

store::HistoryValue SampleValue::ToHistory() const {
  switch (kind) {
    case ValueKind::kNumber:
      return number;
    case ValueKind::kString:
      return std::string(text);
    case ValueKind::kBoolean:
      break;
  }
  return flag;
}

Result<const Sample*> SampleParser::Parse(messaging::Record& record) {
  if (!record.key || !record.value) return Corrupt("without key or value");
  Sample& sample = state_->sample;
  sample.values.clear();
  const std::string_view key = *record.key;
  const std::size_t slash = key.find('/');
  if (slash == std::string_view::npos) return Corrupt("the key is not TENANT/ASSET");
  sample.tenant = key.substr(0, slash);
  sample.asset = key.substr(slash + 1);
  try {
    std::string& bytes = *record.value;
    bytes.reserve(bytes.size() + simdjson::SIMDJSON_PADDING);
    ondemand::document document = state_->parser.iterate(bytes);
    ondemand::object object = document.get_object();
    bool timed = false;
    for (ondemand::field field : object) {
      const std::string_view name = field.unescaped_key();
      if (name == "time") {
        sample.time = field.value().get_int64();
        timed = true;
      } else if (name == "values") {
        for (ondemand::field each : field.value().get_object()) {
          SampleValue value;
          value.telemetry = each.unescaped_key();
          if (!ReadValue(each.value(), value)) return Corrupt("a value is no number, text or flag");
          sample.values.push_back(value);
        }
      }
    }
    if (!timed) return Corrupt("without time");
    if (!document.at_end()) return Corrupt("more than one document");
  } catch (const simdjson::simdjson_error& e) {
    return Corrupt(e.what());
  }
  return &sample;
}

}  // namespace outrigger::data_pusher
