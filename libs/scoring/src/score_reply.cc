// SPDX-License-Identifier: Apache-2.0
#include "outrigger/scoring/score_reply.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "outrigger/base/json.h"

namespace outrigger::scoring {
namespace {

using Json = nlohmann::json;
constexpr int kReplyDepth = 16;
constexpr Millis kLongestRetryAfter{3'600'000};
constexpr std::int64_t kLatestTime = 253'402'300'799'999;  // the end of the year 9999

Error Bad(const std::string& why) { return Error(ErrorCode::kCorrupt, why); }

std::string Quoted(std::string_view text) {
  constexpr std::size_t kShown = 60;
  return "\"" + std::string(text.substr(0, kShown)) + (text.size() > kShown ? "…\"" : "\"");
}

// The cell as the column wants it; nullopt when it has the wrong type.
std::optional<Value> CellOf(const Json& cell, const OutputColumn& column) {
  const auto value = ValueFrom(cell);
  if (!value || IsNull(*value)) return std::nullopt;
  const bool fits = (column.type == ValueType::kNumber && cell.is_number()) ||
                    (column.type == ValueType::kString && cell.is_string()) ||
                    (column.type == ValueType::kBoolean && cell.is_boolean());
  return fits ? value : std::nullopt;
}

Result<std::vector<std::int64_t>> TimesOf(const Json& output, const AssetRows& asked) {
  std::vector<std::int64_t> times;
  const auto found = output.find("time");
  if (found == output.end() || found->is_null()) {
    for (const Row* row : asked.rows) times.push_back(row->time.ms);
    return times;
  }
  if (!found->is_array()) return Bad("time is no array");
  for (const Json& time : *found) {
    if (!time.is_number_integer()) return Bad("a time is no whole number");
    if (time.is_number_unsigned() ? time.get<std::uint64_t>() > kLatestTime
                                  : time.get<std::int64_t>() < 0)
      return Bad("a time is out of range");
    times.push_back(time.get<std::int64_t>());
  }
  if (times.size() > asked.rows.size())
    return Bad("more rows than were sent for " + Quoted(asked.asset));
  return times;
}

Result<AssetOutput> CheckOutput(const Json& output, std::span<const OutputColumn> columns,
                                std::span<const AssetRows> asked, std::size_t asset) {
  AssetOutput checked;
  checked.asset = asset;
  OR_ASSIGN(checked.times, TimesOf(output, asked[asset]));
  const auto found = output.find("columns");
  if (found == output.end() || !found->is_object()) return Bad("columns is missing or no object");
  for (const auto& [name, ignored] : found->items())
    if (std::ranges::none_of(columns, [&](const auto& column) { return column.name == name; }))
      return Bad("unknown output " + Quoted(name));
  for (const OutputColumn& column : columns) {
    const auto cells = found->find(column.name);
    if (cells == found->end()) return Bad("output " + Quoted(column.name) + " is missing");
    if (!cells->is_array() || cells->size() != checked.times.size())
      return Bad("output " + Quoted(column.name) + " is no array of " +
                 std::to_string(checked.times.size()) + " values");
    auto& values = checked.columns.emplace_back();
    for (const Json& cell : *cells) {
      auto value = CellOf(cell, column);
      if (!value) return Bad("a value of " + Quoted(column.name) + " has the wrong type");
      values.push_back(*std::move(value));
    }
  }
  return checked;
}

void Append(AssetOutput& whole, AssetOutput&& part) {
  whole.times.insert(whole.times.end(), part.times.begin(), part.times.end());
  for (std::size_t i = 0; i < whole.columns.size(); ++i)
    std::ranges::move(part.columns[i], std::back_inserter(whole.columns[i]));
}

}  // namespace

Verdict VerdictOf(int status) {
  if (status == 200) return Verdict::kAnswered;
  if (status == 408 || status == 425 || status == 429 || (status >= 500 && status <= 599))
    return Verdict::kTryAgain;
  return status >= 400 && status <= 499 ? Verdict::kRefused : Verdict::kBadReply;
}

bool ConcernsWholeModel(int status) { return status == 429 || status == 503; }

std::optional<Millis> RetryAfter(std::string_view header, std::int64_t now_wall_ms) {
  if (header.empty()) return std::nullopt;
  std::int64_t seconds = 0;
  const char* end = header.data() + header.size();
  if (const auto [at, error] = std::from_chars(header.data(), end, seconds);
      error == std::errc() && at == end) {
    if (seconds < 0) return std::nullopt;
    return Millis(std::min<std::int64_t>(seconds, 3'600) * 1'000);
  }
  // Sun, 06 Nov 1994 08:49:37 GMT
  std::tm parts{};
  const std::string text(header);
  const char* rest = strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (!rest || *rest != '\0') return std::nullopt;
  const std::int64_t wait = timegm(&parts) * 1'000 - now_wall_ms;
  return std::clamp(Millis(wait), Millis(0), kLongestRetryAfter);
}

Result<std::vector<AssetOutput>> CheckReply(std::string_view body,
                                            std::span<const OutputColumn> columns,
                                            std::span<const AssetRows> asked) {
  const auto document = ParseJsonOr(body, {.bytes = kMaxMessageBytes, .depth = kReplyDepth});
  if (!document) return Bad(document.error().message());
  const auto outputs = document->is_object() ? document->find("outputs") : document->end();
  if (outputs == document->end() || !outputs->is_array())
    return Bad("the reply is no object with an array outputs");
  std::unordered_map<std::string_view, std::size_t> assets;
  for (std::size_t i = 0; i < asked.size(); ++i) assets.emplace(asked[i].asset, i);
  std::unordered_map<std::size_t, std::size_t> places;  // by asset: where its outputs are
  std::vector<AssetOutput> checked;
  for (const Json& output : *outputs) {
    if (!output.is_object()) return Bad("an output is no object");
    const auto id = output.find("assetId");
    if (id == output.end() || !id->is_string()) return Bad("an output has no assetId");
    const auto asset = assets.find(id->get_ref<const std::string&>());
    if (asset == assets.end())
      return Bad("asset " + Quoted(id->get_ref<const std::string&>()) + " is not of the request");
    OR_ASSIGN(AssetOutput part, CheckOutput(output, columns, asked, asset->second));
    const auto [place, fresh] = places.emplace(asset->second, checked.size());
    if (fresh)
      checked.push_back(std::move(part));
    else
      Append(checked[place->second], std::move(part));
    if (checked[place->second].times.size() > asked[asset->second].rows.size())
      return Bad("more rows than were sent for " + Quoted(asset->first));
  }
  std::erase_if(checked, [](const AssetOutput& output) { return output.times.empty(); });
  return checked;
}

std::string OutRecordValue(std::string_view asset, std::span<const OutputColumn> columns,
                           const AssetOutput& output) {
  std::string out = R"({"assetId":)";
  AppendJsonString(out, asset);
  out += R"(,"time":[)";
  for (std::size_t i = 0; i < output.times.size(); ++i) {
    if (i > 0) out += ',';
    out += std::to_string(output.times[i]);
  }
  out += R"(],"columns":{)";
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (i > 0) out += ',';
    AppendJsonString(out, columns[i].name);
    out += ":[";
    for (std::size_t row = 0; row < output.columns[i].size(); ++row) {
      if (row > 0) out += ',';
      AppendJson(out, output.columns[i][row]);
    }
    out += ']';
  }
  out += "}}";
  return out;
}

}  // namespace outrigger::scoring
