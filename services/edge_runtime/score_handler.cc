// SPDX-License-Identifier: Apache-2.0
#include "edge_runtime/score_handler.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "outrigger/base/json.h"
#include "outrigger/http/problem.h"

namespace outrigger::edge_runtime {
namespace {

using inference::Answer;
using inference::InputValue;
using nlohmann::json;

constexpr JsonLimits kLimits{.bytes = (16 << 20) + 4096, .depth = 32, .comments = false};

// One element of "data", checked.
struct AssetRows {
  const std::string* asset = nullptr;
  const json* time = nullptr;
  const json* seq = nullptr;  // null: the request names no rows
  std::vector<std::pair<const std::string*, const json*>> columns;
  std::size_t rows() const { return time->size(); }
};

Error Bad(std::size_t index, const std::string& what) {
  return Error(ErrorCode::kInvalidArgument, "data/" + std::to_string(index) + ": " + what);
}

const json* MemberOf(const json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

Result<AssetRows> ReadAsset(const json& element, std::size_t index) {
  if (!element.is_object()) return Bad(index, "is no object");
  AssetRows rows;
  const json* asset = MemberOf(element, "assetId");
  if (asset == nullptr || !asset->is_string()) return Bad(index, "assetId is no string");
  rows.asset = asset->get_ptr<const std::string*>();
  if (rows.asset->size() > inference::AnomalyDetector::kMaxName)
    return Bad(index, "assetId is too long");
  rows.time = MemberOf(element, "time");
  if (rows.time == nullptr || !rows.time->is_array()) return Bad(index, "time is no array");
  rows.seq = MemberOf(element, "seq");
  if (rows.seq != nullptr && (!rows.seq->is_array() || rows.seq->size() != rows.rows()))
    return Bad(index, "seq has not as many elements as time");
  const json* columns = MemberOf(element, "columns");
  if (columns == nullptr || !columns->is_object()) return Bad(index, "columns is no object");
  for (const auto& [name, values] : columns->items()) {
    if (!values.is_array() || values.size() != rows.rows())
      return Bad(index, "column " + name + " has not as many elements as time");
    if (name.size() > inference::AnomalyDetector::kMaxName)
      return Bad(index, "the name of a column is too long");
    rows.columns.emplace_back(nullptr, &values);
  }
  std::size_t at = 0;
  for (auto column = columns->begin(); column != columns->end(); ++column)
    rows.columns[at++].first = &column.key();
  return rows;
}

Result<std::vector<AssetRows>> ReadRows(const json& data) {
  if (!data.is_array()) return Error(ErrorCode::kInvalidArgument, "data is no array");
  std::vector<AssetRows> all;
  for (std::size_t i = 0; i < data.size(); ++i) {
    OR_ASSIGN(AssetRows rows, ReadAsset(data[i], i));
    all.push_back(std::move(rows));
  }
  return all;
}

// NaN, which the detector leaves out, for whatever is no number. Columns read as strings hold
// numbers as text.
double NumberOf(const json& value) {
  if (value.is_number()) return value.get<double>();
  if (value.is_boolean()) return value.get<bool>() ? 1 : 0;
  if (const auto* text = value.get_ptr<const std::string*>()) {
    double number = 0;
    const char* end = text->data() + text->size();
    if (const auto [at, error] = std::from_chars(text->data(), end, number);
        error == std::errc() && at == end)
      return number;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

std::optional<std::int64_t> SeqOf(const AssetRows& rows, std::size_t row) {
  if (rows.seq == nullptr || !(*rows.seq)[row].is_number_integer()) return std::nullopt;
  return (*rows.seq)[row].get<std::int64_t>();
}

std::vector<Answer> Score(inference::AnomalyDetector& detector, const AssetRows& rows) {
  std::vector<Answer> answers;
  answers.reserve(rows.rows());
  std::vector<InputValue> values(rows.columns.size());
  for (std::size_t row = 0; row < rows.rows(); ++row) {
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = {.input = *rows.columns[i].first,
                   .value = NumberOf((*rows.columns[i].second)[row])};
    answers.push_back(detector.Score(*rows.asset, SeqOf(rows, row), values));
  }
  return answers;
}

// A window's answer: the most unusual of its rows.
Answer Worst(const std::vector<Answer>& answers) {
  Answer worst;
  for (const Answer& answer : answers) {
    worst.score = std::max(worst.score, answer.score);
    worst.level = std::max(worst.level, answer.level);
  }
  return worst;
}

std::string Listed(const std::vector<Answer>& answers, bool levels) {
  std::string text = "[";
  for (const Answer& answer : answers) {
    if (text.size() > 1) text += ',';
    if (levels)
      text += '"' + std::string(Name(answer.level)) + '"';
    else
      text += NumberText(answer.score);
  }
  return text + "]";
}

std::string ReplyFor(const AssetRows& rows, const std::vector<Answer>& answers, bool window,
                     const OutputColumns& columns) {
  std::string text = R"({"assetId":)" + Dump(*rows.asset);
  if (!window) text += R"(,"time":)" + Dump(*rows.time);
  text += R"(,"columns":{)";
  const auto add = [&](const std::vector<std::string>& names, bool levels) {
    for (const std::string& name : names)
      text += (text.back() == '{' ? "" : ",") + Dump(json(name)) + ":" + Listed(answers, levels);
  };
  add(columns.score, false);
  add(columns.level, true);
  return text + "}}";
}

std::vector<std::string> AssetsIn(const json& list) {
  std::vector<std::string> assets;
  for (const json& entry : list) {
    const json* id = entry.is_object() ? MemberOf(entry, "assetId") : &entry;
    if (id != nullptr && id->is_string()) assets.push_back(id->get<std::string>());
  }
  return assets;
}

}  // namespace

ScoreHandler::ScoreHandler(inference::AnomalyDetector& detector, OutputColumns columns,
                           Metrics& metrics)
    : detector_(detector),
      columns_(std::move(columns)),
      rows_(metrics.GetCounter("outrigger_edge_rows_total", "Rows scored.")),
      refused_(metrics.GetCounter("outrigger_edge_refused_requests_total", "Requests refused.")),
      assets_(metrics.GetGauge("outrigger_edge_assets", "Assets remembered.")) {}

http::Response ScoreHandler::Handle(std::string_view body) {
  const auto refuse = [&](const std::string& why) {
    refused_.Add();
    return http::ToResponse({.status = 400,
                             .code = "bad-request",
                             .title = {},
                             .detail = why,
                             .hint = {},
                             .errors = {},
                             .headers = {}});
  };
  const auto document = ParseJsonOr(body, kLimits);
  if (!document) return refuse(document.error().message());
  if (!document->is_object()) return refuse("the document is no object");
  if (const json* data = MemberOf(*document, "data")) {
    const auto all = ReadRows(*data);
    if (!all) return refuse(all.error().message());
    const bool window = document->value("trigger", json()) == "TIME_WINDOW";
    std::string reply = R"({"outputs":[)";
    for (const AssetRows& rows : *all) {
      std::vector<Answer> answers = Score(detector_, rows);
      rows_.Add(static_cast<double>(answers.size()));
      if (answers.empty()) continue;
      if (window) answers = {Worst(answers)};
      if (reply.back() != '[') reply += ',';
      reply += ReplyFor(rows, answers, window, columns_);
    }
    assets_.Set(static_cast<double>(detector_.assets()));
    return {.status = 200, .body = reply + "]}", .content_type = "application/json", .headers = {}};
  }
  const json* added = MemberOf(*document, "added");
  const json* removed = MemberOf(*document, "removed");
  if (added == nullptr && removed == nullptr)
    return refuse("neither rows (data) nor a change of membership (added, removed)");
  if (removed != nullptr)
    for (const std::string& asset : AssetsIn(*removed)) detector_.Forget(asset);
  if (added != nullptr && document->value("reset", json()) == true)
    detector_.KeepOnly(AssetsIn(*added));
  assets_.Set(static_cast<double>(detector_.assets()));
  return {.status = 200, .body = "{}", .content_type = "application/json", .headers = {}};
}

}  // namespace outrigger::edge_runtime
