// SPDX-License-Identifier: Apache-2.0
#include "data_collector/sample.h"

#include <cmath>
#include <mutex>
#include <nlohmann/json.hpp>
#include <shared_mutex>

#include "outrigger/base/clock.h"
#include "outrigger/base/ids.h"
#include "outrigger/base/json.h"
#include "outrigger/base/text.h"
#include "outrigger/manifest/units.h"

namespace outrigger::data_collector {
namespace {

using Kind = RawValue::Kind;

constexpr std::size_t kMaxId = 256;
constexpr std::size_t kMaxRecordBytes = 900'000;  // as written; the topic takes 1 MiB with headers
constexpr std::size_t kMaxConversions = 4'096;
constexpr std::size_t kMaxUnit = 256;
constexpr std::size_t kMaxFaults = 16;
constexpr char kTopic[] = "telemetry";

std::string_view Article(TelemetryType type) {
  switch (type) {
    case TelemetryType::kNumber:
      return "a number";
    case TelemetryType::kString:
      return "a string";
    case TelemetryType::kBoolean:
      return "true or false";
  }
  return "";
}

// Conversions by their two units: parsing UCUM for every sample would cost more than the sample.
// What senders make up takes no room in it.
Result<manifest::Conversion> ConversionBetween(const std::string& from, const std::string& to) {
  if (from.size() > kMaxUnit) {
    return Error(ErrorCode::kInvalidArgument,
                 "a unit has at most " + std::to_string(kMaxUnit) + " bytes");
  }
  static std::shared_mutex mutex;
  static std::unordered_map<std::string, manifest::Conversion> known;
  const std::string key = from + '\0' + to;
  {
    const std::shared_lock lock(mutex);
    if (const auto at = known.find(key); at != known.end()) return at->second;
  }
  Result<manifest::Conversion> made = manifest::ConvertUnit(from, to);
  if (!made) return made;
  const std::unique_lock lock(mutex);
  if (known.size() < kMaxConversions) known.emplace(key, *made);
  return made;
}

class Judge {
 public:
  Judge(const RawRecord& record, const SampleRules& rules) : record_(record), rules_(rules) {
    refusal_.faults = record.faults;
  }

  std::expected<Sample, SampleRefusal> Run(std::string_view tenant, const CatalogView& catalog) {
    TakeTime();
    TakeId();
    const auto definition = TakeAsset(tenant, catalog);
    if (definition) {
      for (const auto& [name, value] : record_.values) TakeValue(*definition, name, value);
      for (const auto& [name, unit] : record_.units) CheckUnit(*definition, name, unit);
    }
    if (!refusal_.faults.empty()) return std::unexpected(std::move(refusal_));
    return std::move(sample_);
  }

 private:
  void Refuse(std::string pointer, std::string code, std::string detail, bool by_catalog = false) {
    refusal_.by_catalog = refusal_.by_catalog || by_catalog;
    if (refusal_.faults.size() < kMaxFaults)
      refusal_.faults.push_back({std::move(pointer), std::move(code), std::move(detail)});
  }

  void TakeTime() {
    sample_.time_ms = rules_.now_ms;
    if (!record_.time) return;
    const RawValue& time = *record_.time;
    if (time.kind == Kind::kText) {
      const auto parsed = ParseTime(time.text);
      if (!parsed.ok()) return Refuse("/time", "time", "not a time of RFC 3339");
      sample_.time_ms = *parsed;
    } else if (time.kind == Kind::kNumber && time.integer) {
      sample_.time_ms = *time.integer;
    } else if (time.kind == Kind::kNumber && std::trunc(time.number) == time.number &&
               std::abs(time.number) < 1e15) {
      sample_.time_ms = static_cast<std::int64_t>(time.number);
    } else {
      return Refuse("/time", "time", "whole Unix milliseconds or RFC 3339 are expected");
    }
    if (sample_.time_ms < 0) return Refuse("/time", "time", "the time is before 1970");
    if (sample_.time_ms > rules_.now_ms && sample_.time_ms - rules_.now_ms > rules_.max_ahead_ms) {
      return Refuse("/time", "time-ahead",
                    "the time is more than " + std::to_string(rules_.max_ahead_ms) +
                        " ms ahead of now (Unix milliseconds are expected)");
    }
    if (rules_.max_age_ms > 0 && rules_.now_ms - sample_.time_ms > rules_.max_age_ms)
      Refuse("/time", "time-too-old", "the time is older than what is kept");
  }

  void TakeId() {
    if (!record_.id) return;
    if (record_.id->kind != Kind::kText || record_.id->text.empty() ||
        record_.id->text.size() > kMaxId)
      return Refuse("/id", "type", "a string of 1 to 256 bytes is expected");
    sample_.id = record_.id->text;
  }

  std::optional<AssetDefinition> TakeAsset(std::string_view tenant, const CatalogView& catalog) {
    if (!record_.asset) return std::nullopt;
    if (record_.asset->kind != Kind::kText) {
      Refuse("/asset", "type", "the id of an asset is a string");
      return std::nullopt;
    }
    sample_.asset = record_.asset->text;
    const bool possible = IsAssetId(sample_.asset);
    auto definition = possible ? catalog.Find(tenant, sample_.asset) : std::nullopt;
    if (!definition) Refuse("/asset", "unknown-asset", "there is no such asset", possible);
    return definition;
  }

  void TakeValue(const AssetDefinition& asset, const std::string& name, const RawValue& value) {
    const TelemetryDefinition* telemetry = asset.Find(name);
    const auto pointer = [&] { return PointerTo("/values", name); };
    if (!telemetry) {
      return Refuse(pointer(), "unknown-telemetry", "the asset has no such telemetry",
                    IsTelemetryName(name));
    }
    if (value.kind == Kind::kNotFinite)
      return Refuse(pointer(), "not-finite", "NaN, infinity or beyond the range of a number");
    if (value.kind == Kind::kBadText)
      return Refuse(pointer(), "encoding", "NUL and lone surrogates cannot be stored");
    const auto wrong_type = [&] {
      Refuse(pointer(), "type", std::string(Article(telemetry->type)) + " is expected", true);
    };
    switch (telemetry->type) {
      case TelemetryType::kNumber: {
        if (value.kind != Kind::kNumber) return wrong_type();
        const auto converted = Converted(name, value.number, *telemetry);
        if (converted) sample_.values.emplace_back(name, *converted);
        return;
      }
      case TelemetryType::kString:
        if (value.kind != Kind::kText) return wrong_type();
        sample_.values.emplace_back(name, value.text);
        return;
      case TelemetryType::kBoolean:
        if (value.kind != Kind::kBoolean) return wrong_type();
        sample_.values.emplace_back(name, value.flag);
        return;
    }
  }

  // The value in the unit of the definition; nullopt and a fault when it cannot be had.
  std::optional<double> Converted(const std::string& name, double value,
                                  const TelemetryDefinition& telemetry) {
    const auto unit =
        std::ranges::lower_bound(record_.units, name, {}, &std::pair<std::string, RawValue>::first);
    if (unit == record_.units.end() || unit->first != name || unit->second.kind != Kind::kText)
      return value;
    const auto conversion = ConversionBetween(unit->second.text, telemetry.unit);
    if (!conversion.ok()) return std::nullopt;  // CheckUnit() says so
    const double converted = conversion->Apply(value);
    if (std::isfinite(converted)) return converted;
    Refuse(PointerTo("/values", name), "not-finite", "beyond the range of a number once converted");
    return std::nullopt;
  }

  // A sender may name the units of all its telemetries always, whatever this record carries.
  void CheckUnit(const AssetDefinition& asset, const std::string& name, const RawValue& unit) {
    const std::string pointer = PointerTo("/units", name);
    const TelemetryDefinition* telemetry = asset.Find(name);
    if (!telemetry) {
      return Refuse(pointer, "unknown-telemetry", "the asset has no such telemetry",
                    IsTelemetryName(name));
    }
    if (unit.kind != Kind::kText) return Refuse(pointer, "type", "a UCUM code is expected");
    if (telemetry->type != TelemetryType::kNumber)
      return Refuse(pointer, "unit", "only numbers have units", true);
    if (telemetry->unit.empty())
      return Refuse(pointer, "unit", "the telemetry's definition has no unit to convert to", true);
    const auto conversion = ConversionBetween(unit.text, telemetry->unit);
    const bool possible = unit.text.size() <= kMaxUnit;
    if (!conversion.ok()) Refuse(pointer, "unit", conversion.error().message(), possible);
  }

  const RawRecord& record_;
  const SampleRules& rules_;
  Sample sample_;
  SampleRefusal refusal_;
};

std::string TextOf(const Value& value) {
  if (const auto* number = std::get_if<double>(&value)) return NumberText(*number);
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  return std::get<bool>(value) ? "true" : "false";
}

void AppendQuoted(std::string& out, std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += "\\u00";
      out += kHex[static_cast<unsigned char>(c) >> 4];
      out += kHex[c & 0xF];
    } else {
      out += c;
    }
  }
  out += '"';
}

// What AppendQuoted() appends.
std::size_t QuotedSize(std::string_view text) {
  std::size_t size = text.size() + 2;
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      size += 1;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      size += 5;
    }
  }
  return size;
}

std::string ToJson(const Sample& sample) {
  std::string out = "{\"asset\":";
  AppendQuoted(out, sample.asset);
  out += ",\"time\":" + std::to_string(sample.time_ms) + ",\"values\":{";
  bool first = true;
  for (const auto& [name, value] : sample.values) {
    if (!std::exchange(first, false)) out += ',';
    AppendQuoted(out, name);
    out += ':';
    if (const auto* text = std::get_if<std::string>(&value)) {
      AppendQuoted(out, *text);
    } else {
      out += TextOf(value);
    }
  }
  out += "}}";
  return out;
}

}  // namespace

std::expected<Sample, SampleRefusal> JudgeRecord(const RawRecord& record, std::string_view tenant,
                                                 const CatalogView& catalog,
                                                 const SampleRules& rules) {
  auto judged = Judge(record, rules).Run(tenant, catalog);
  if (!judged) return judged;
  std::size_t bytes = 0;
  for (const auto& [name, value] : judged->values) {
    const auto* text = std::get_if<std::string>(&value);
    bytes += QuotedSize(name) + (text ? QuotedSize(*text) : 24) + 2;
  }
  if (bytes <= kMaxRecordBytes) return judged;
  return std::unexpected(SampleRefusal{
      {{"/values", "too-large",
        "names and values have at most 900,000 bytes, control characters and quotes escaped"}},
      false});
}

std::string SampleId(std::string_view tenant, const Sample& sample) {
  std::string text;
  const auto add = [&](std::string_view field) {
    if (!text.empty()) text += '\0';
    text += field;
  };
  add(tenant);
  add(sample.asset);
  if (!sample.id.empty()) {
    add(sample.id);
  } else {
    add(std::to_string(sample.time_ms));
    for (const auto& [name, value] : sample.values) {
      add(name);
      add(TextOf(value));
    }
  }
  return Sha256Hex(text).substr(0, 32);
}

messaging::OutRecord ToTelemetry(std::string_view tenant, const Sample& sample,
                                 std::string_view traceparent) {
  messaging::OutRecord out;
  out.topic = kTopic;
  out.key = std::string(tenant) + "/" + sample.asset;
  out.value = ToJson(sample);
  out.headers =
      messaging::CloudEventHeaders(SampleId(tenant, sample), "/data_collector",
                                   "dev.outrigger.telemetry.v1", sample.time_ms, traceparent);
  out.headers.emplace_back("tenant", std::string(tenant));
  return out;
}

}  // namespace outrigger::data_collector
