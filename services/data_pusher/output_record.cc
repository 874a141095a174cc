// SPDX-License-Identifier: Apache-2.0
#include "data_pusher/output_record.h"

#include <nlohmann/json.hpp>

#include "outrigger/base/ids.h"
#include "outrigger/base/json.h"
#include "outrigger/base/text.h"

namespace outrigger::data_pusher {
namespace {

using nlohmann::json;

constexpr std::size_t kRows = 100'000;
constexpr std::size_t kIdentityBytes = 512;            // an index entry takes little more
constexpr std::int64_t kLastMs = 253'402'300'799'999;  // the end of the year 9999

Error Corrupt(std::string what) { return {ErrorCode::kCorrupt, std::move(what)}; }

Result<std::vector<std::int64_t>> ParseTimes(const json& list) {
  if (!list.is_array()) return Corrupt("time is no array");
  if (list.size() > kRows) {
    return Error(ErrorCode::kResourceExhausted,
                 std::to_string(list.size()) + " rows, at most " + std::to_string(kRows));
  }
  std::vector<std::int64_t> times;
  times.reserve(list.size());
  for (const json& each : list) {
    if (!each.is_number_integer()) return Corrupt("a time is no whole number");
    const std::int64_t time = each.is_number_unsigned() && each.get<std::uint64_t>() > kLastMs
                                  ? -1
                                  : each.get<std::int64_t>();
    if (time < 0 || time > kLastMs) return Corrupt("a time is out of range");
    times.push_back(time);
  }
  return times;
}

Result<OutputColumn> ParseColumn(const std::string& name, const json& list, std::size_t rows) {
  if (!list.is_array() || list.size() != rows) {
    return Corrupt("column " + name + " is no array of " + std::to_string(rows));
  }
  OutputColumn column;
  column.name = name;
  column.values.reserve(rows);
  for (const json& each : list) {
    if (each.is_number()) {
      column.values.emplace_back(each.get<double>());
    } else if (each.is_string()) {
      column.values.emplace_back(each.get<std::string>());
    } else if (each.is_boolean()) {
      column.values.emplace_back(each.get<bool>());
    } else {
      return Corrupt("a value of " + name + " is no number, text or flag");
    }
  }
  return column;
}

}  // namespace

Result<OutputRecord> ParseOutput(std::string_view text) {
  JsonLimits limits;
  limits.bytes = 18 << 20;
  limits.depth = 8;
  const auto document = ParseJsonOr(text, limits);
  if (!document) return Corrupt(document.error().message());
  if (!document->is_object()) return Corrupt("not an object");
  const auto asset = document->find("assetId");
  const auto times = document->find("time");
  const auto columns = document->find("columns");
  if (asset == document->end() || !asset->is_string()) return Corrupt("assetId is missing");
  if (times == document->end()) return Corrupt("time is missing");
  if (columns == document->end() || !columns->is_object()) return Corrupt("columns is missing");
  OutputRecord record;
  record.asset = asset->get<std::string>();
  if (!IsAssetId(record.asset)) return Corrupt("assetId is no id of an asset");
  OR_ASSIGN(record.times, ParseTimes(*times));
  for (const auto& [name, list] : columns->items()) {
    OR_ASSIGN(OutputColumn column, ParseColumn(name, list, record.times.size()));
    record.columns.push_back(std::move(column));
  }
  return record;
}

std::string_view TenantOfTopic(std::string_view topic, std::string_view prefix) {
  if (!topic.starts_with(prefix)) return {};
  const std::string_view tenant = topic.substr(prefix.size());
  return IsLabel(tenant) ? tenant : std::string_view();
}

std::string SourceOf(const messaging::Record& record) {
  return record.topic + ':' + std::to_string(record.partition) + ':' +
         std::to_string(record.offset);
}

std::string IdentityOf(const messaging::Record& record) {
  const auto id = messaging::FindHeader(record.headers, "ce_id");
  if (!id || id->empty() || !IsValidUtf8(*id) || id->find('\0') != std::string_view::npos) {
    return SourceOf(record);
  }
  if (id->size() > kIdentityBytes) return "sha256:" + Sha256Hex(*id);
  return std::string(*id);
}

}  // namespace outrigger::data_pusher
