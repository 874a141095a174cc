// SPDX-License-Identifier: Apache-2.0
#include "outrigger/scoring/value.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "outrigger/base/json.h"

namespace outrigger::scoring {
namespace {

bool ParseWhole(std::string_view text, std::int64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

Result<FeedRecord> ParseFeedRecord(std::int64_t offset, std::string_view value,
                                   std::string_view src, std::string_view rev) {
  const auto corrupt = [&](const std::string& why) {
    return Error(ErrorCode::kCorrupt, "feed record " + std::to_string(offset) + ": " + why);
  };
  const auto json = ParseJson(value, {.bytes = 17 << 20});
  if (!json) return corrupt(json.error().detail);
  if (!json->is_object() || !json->contains("subject") || !(*json)["subject"].is_string() ||
      !json->contains("time") || !(*json)["time"].is_number_integer() ||
      !json->contains("values") || !(*json)["values"].is_object()) {
    return corrupt("not {subject, time, values}");
  }
  FeedRecord record{
      .offset = offset, .subject = (*json)["subject"], .time = {(*json)["time"]}, .values = {}};
  for (const auto& [column, cell] : (*json)["values"].items()) {
    if (cell.is_number())
      record.values.emplace(column, cell.get<double>());
    else if (cell.is_boolean())
      record.values.emplace(column, cell.get<bool>());
    else if (cell.is_string())
      record.values.emplace(column, cell.get<std::string>());
    else if (!cell.is_null())
      return corrupt("column " + column + " is no scalar");
  }
  const auto colon = src.find(':');
  std::int64_t partition = 0;
  if (colon == std::string_view::npos || !ParseWhole(src.substr(0, colon), partition) ||
      !ParseWhole(src.substr(colon + 1), record.source_offset)) {
    return corrupt("no source in its headers");
  }
  record.source_partition = static_cast<int>(partition);
  if (!rev.empty() && !ParseWhole(rev, record.revision))
    return corrupt("its revision is no number");
  return record;
}

}  // namespace outrigger::scoring
