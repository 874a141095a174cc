// SPDX-License-Identifier: Apache-2.0
#include "outrigger/scoring/conversation.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "outrigger/base/json.h"

namespace outrigger::scoring {
namespace {

using Json = nlohmann::json;
using BySubject = std::vector<std::pair<std::string_view, std::vector<const Row*>>>;

BySubject Grouped(std::span<const Row* const> rows) {
  BySubject groups;
  std::map<std::string_view, std::size_t> index;
  for (const Row* row : rows) {
    const auto [at, added] = index.emplace(row->subject, groups.size());
    if (added) groups.push_back({row->subject, {}});
    groups[at->second].second.push_back(row);
  }
  return groups;
}

void AppendText(std::string& out, std::string_view text) { out += Dump(Json(text)); }

void AppendCell(std::string& out, const Value& value, bool as_string) {
  if (const auto* number = std::get_if<double>(&value)) {
    const std::string text = NumberText(*number);
    if (as_string) out += '"';
    out += text;
    if (as_string) out += '"';
  } else if (const auto* flag = std::get_if<bool>(&value)) {
    const std::string_view text = *flag ? "true" : "false";
    if (as_string) out += '"';
    out += text;
    if (as_string) out += '"';
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    AppendText(out, *text);
  } else {
    out += "null";
  }
}

template <typename Items, typename Append>
void AppendList(std::string& out, const Items& items, Append append) {
  out += '[';
  bool first = true;
  for (const auto& item : items) {
    if (!first) out += ',';
    first = false;
    append(item);
  }
  out += ']';
}

Error Bad(const std::string& why) { return {ErrorCode::kInvalidArgument, why.substr(0, 500)}; }

bool Fits(const Json& cell, OutputType type) {
  switch (type) {
    case OutputType::kNumber:
      return cell.is_number() && std::isfinite(cell.get<double>());
    case OutputType::kString:
      return cell.is_string();
    case OutputType::kBoolean:
      return cell.is_boolean();
  }
  return false;
}

constexpr std::string_view kTypeNames[] = {"a finite number", "a string", "true or false"};

Result<> CheckColumns(const ModelShape& shape, const Json& columns, std::size_t rows,
                      const std::string& subject) {
  for (const auto& column : shape.outputs) {
    const auto found = columns.find(column.name);
    if (found == columns.end())
      return Bad("asset " + subject + ": the output \"" + column.name + "\" is missing");
    if (!found->is_array() || found->size() != rows) {
      return Bad("asset " + subject + ": \"" + column.name + "\" is no list of " +
                 std::to_string(rows) + " values");
    }
    for (const auto& cell : *found) {
      if (!Fits(cell, column.type)) {
        return Bad("asset " + subject + ": \"" + column.name + "\" holds " +
                   Dump(cell).substr(0, 64) + ", not " +
                   std::string(kTypeNames[static_cast<std::size_t>(column.type)]));
      }
    }
  }
  for (const auto& [name, cells] : columns.items()) {
    if (std::ranges::find(shape.outputs, name, &OutputColumn::name) == shape.outputs.end()) {
      return Bad("asset " + subject + ": \"" + name.substr(0, 128) +
                 "\" is no output of the manifest");
    }
  }
  return {};
}

Result<Json> TimesOf(const Json& element, const std::vector<const Row*>& rows,
                     const std::string& subject) {
  const auto found = element.find("time");
  if (found == element.end() || found->is_null()) {
    Json times = Json::array();
    for (const Row* row : rows) times.push_back(row->time.ms);
    return times;
  }
  constexpr std::int64_t kYear10000 = 253'402'300'800'000;
  const auto good = [](const Json& time) {
    return time.is_number_integer() && time.get<std::int64_t>() >= 0 &&
           time.get<std::int64_t>() < kYear10000;
  };
  if (!found->is_array() || !std::ranges::all_of(*found, good)) {
    return Bad("asset " + subject + ": \"time\" is no list of Unix milliseconds");
  }
  return *found;
}

void Append(std::map<std::string, Json>& merged, const std::string& subject, Json times,
            Json columns) {
  const auto [at, added] =
      merged.try_emplace(subject, Json{
                                      {"assetId", subject},
                                      {"time",    times  },
                                      {"columns", columns}
  });
  if (added) return;
  Json& whole = at->second;
  whole["time"].insert(whole["time"].end(), times.begin(), times.end());
  for (const auto& [name, cells] : columns.items()) {
    whole["columns"][name].insert(whole["columns"][name].end(), cells.begin(), cells.end());
  }
}

}  // namespace

std::string RequestId(const ModelShape& shape, int partition, std::span<const Row* const> rows) {
  return shape.deployment + "-r" + std::to_string(rows.front()->seq) + "-p" +
         std::to_string(partition) + "-" + std::to_string(rows.size());
}

std::string BuildRequest(const ModelShape& shape, std::string_view request_id,
                         std::span<const Row* const> rows) {
  std::string out = R"({"requestId":)";
  AppendText(out, request_id);
  out += R"(,"model":{"name":)";
  AppendText(out, shape.model);
  out += R"(,"version":)";
  AppendText(out, shape.version);
  out += R"(,"deployment":)";
  AppendText(out, shape.deployment);
  out += R"(},"trigger":"REAL_TIME","window":null,"data":)";
  AppendList(out, Grouped(rows), [&](const auto& group) {
    out += R"({"assetId":)";
    AppendText(out, group.first);
    out += R"(,"time":)";
    AppendList(out, group.second, [&](const Row* row) { out += std::to_string(row->time.ms); });
    out += R"(,"columns":{)";
    for (std::size_t i = 0; i < shape.inputs.size(); ++i) {
      if (i > 0) out += ',';
      AppendText(out, shape.inputs[i].name);
      out += ':';
      AppendList(out, group.second, [&](const Row* row) {
        AppendCell(out, row->cells[i], shape.inputs[i].read_as_string);
      });
    }
    out += R"(},"seq":)";
    AppendList(out, group.second, [&](const Row* row) { out += std::to_string(row->seq); });
    out += '}';
  });
  out += '}';
  return out;
}

Result<std::vector<Output>> CheckReply(const ModelShape& shape, std::string_view body,
                                       std::span<const Row* const> rows) {
  auto parsed = ParseJson(body, {.bytes = kMaxReplyBytes});
  if (!parsed) return Bad("the reply is not JSON: " + parsed.error().detail);
  if (!parsed->is_object() || !parsed->contains("outputs") || !(*parsed)["outputs"].is_array()) {
    return Bad("the reply is not {\"outputs\": […]}");
  }
  const BySubject groups = Grouped(rows);
  std::map<std::string, Json> merged;  // elements of one subject are one output
  for (Json& element : (*parsed)["outputs"]) {
    if (!element.is_object() || !element.contains("assetId") || !element["assetId"].is_string() ||
        !element.contains("columns") || !element["columns"].is_object()) {
      return Bad("an element of outputs is not {\"assetId\", \"columns\"}");
    }
    const std::string subject = element["assetId"];
    const auto group = std::ranges::find(groups, subject, &BySubject::value_type::first);
    if (group == groups.end())
      return Bad("asset \"" + subject.substr(0, 128) + "\" is not among the request's");
    OR_ASSIGN(Json times, TimesOf(element, group->second, subject));
    OR_RETURN_IF_ERROR(CheckColumns(shape, element["columns"], times.size(), subject));
    if (times.empty()) continue;
    Append(merged, subject, std::move(times), std::move(element["columns"]));
  }
  std::vector<Output> outputs;
  for (const auto& [subject, group] : groups) {
    const auto found = merged.find(std::string(subject));
    if (found == merged.end()) continue;
    Output output{.subject = found->first,
                  .value = Dump(found->second),
                  .rows = found->second["time"].size(),
                  .offsets = {}};
    for (const Row* row : group)
      output.offsets.insert(output.offsets.end(), row->offsets.begin(), row->offsets.end());
    std::ranges::sort(output.offsets);
    outputs.push_back(std::move(output));
  }
  return outputs;
}

Failure JudgeStatus(int status) {
  return status == 408 || status == 425 || status == 429 || status >= 500 ? Failure::kRetry
                                                                          : Failure::kFinal;
}

}  // namespace outrigger::scoring
