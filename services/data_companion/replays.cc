// SPDX-License-Identifier: Apache-2.0
#include "data_companion/replays.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "outrigger/base/json.h"
#include "outrigger/scoring/score_request.h"

namespace outrigger::companion {
namespace {

using nlohmann::json;

constexpr JsonLimits kControl{.bytes = 64U << 20};
// Below every offset of a feed, and ascending with the revision: exact in a double.
constexpr std::int64_t kBelowFeeds = -(std::int64_t{1} << 52);

std::string FaultOf(const json& values, std::span<const scoring::InputColumn> columns) {
  for (const auto& column : columns)
    if (!values.contains(column.name)) return "the row has no value of the input " + column.name;
  for (const auto& [name, value] : values.items())
    if (std::ranges::find(columns, name, &scoring::InputColumn::name) == columns.end())
      return "the model has no input " + name + " any more";
  return {};
}

void ReadRow(const json& dead, const DeploymentSpec& spec, ReplayRow& replay) {
  replay.subject = dead.at("subject").get<std::string>();
  replay.row.trace = messaging::TraceContext::Read(dead.value("traceparent", ""));
  scoring::Row& row = replay.row.row;
  row.time = EventTime{dead.at("time").get<std::int64_t>()};
  const json& values = dead.at("values");
  replay.fault = FaultOf(values, spec.inputs);
  if (!replay.fault.empty()) return;
  for (const auto& column : spec.inputs) {
    auto value = scoring::ValueFrom(values.at(column.name));
    if (!value) replay.fault = "the row's value of " + column.name + " is no cell";
    row.values.push_back(std::move(value).value_or(scoring::Value{}));
  }
  replay.row.bytes = scoring::RequestBytes(row);
}

}  // namespace

void Replays::Put(Wanted wanted) {
  if (const auto ended = ended_.find(wanted.name); ended != ended_.end()) {
    ended->second = true;
    return;
  }
  if (in_hand_.contains(wanted.name) || revision_.contains(wanted.name)) return;
  revision_[wanted.name] = wanted.revision;
  std::pair at(wanted.revision, wanted.name);
  waiting_.insert_or_assign(std::move(at), std::move(wanted));
}

bool Replays::Drop(const std::string& name) {
  if (const auto waits = revision_.find(name); waits != revision_.end()) {
    waiting_.erase({waits->second, name});
    revision_.erase(waits);
  }
  return ended_.erase(name) > 0;
}

std::vector<std::string> Replays::TakeStale() {
  std::vector<std::string> stale;
  for (const auto& [name, wanted] : ended_)
    if (!wanted) stale.push_back(name);
  std::erase_if(ended_, [](const auto& ended) { return !ended.second; });
  return stale;
}

std::optional<Replays::Wanted> Replays::Take() {
  if (waiting_.empty() || in_hand_.size() >= at_once_) return std::nullopt;
  Wanted next = std::move(waiting_.begin()->second);
  waiting_.erase(waiting_.begin());
  revision_.erase(next.name);
  in_hand_.insert(next.name);
  return next;
}

void Replays::End(const std::string& name) {
  in_hand_.erase(name);
  ended_[name] = true;
}

Result<ReplayRow> ReadReplay(const Replays::Wanted& wanted, const DeploymentSpec& spec) {
  ReplayRow replay;
  replay.row.parked = true;
  replay.row.company = 1;  // it failed before
  try {
    OR_ASSIGN(const json control, ParseJsonOr(*wanted.text, kControl));
    replay.row.replay = std::make_shared<const ReplayOf>(
        ReplayOf{wanted.name, control.at("id").get<std::string>(), control.value("source", "")});
    replay.row.record = control.value("record", "");
    const auto dead = ParseJsonOr(control.at("row").get<std::string>(), kControl);
    if (!dead) {
      replay.fault = "its row cannot be read: " + dead.error().message();
      return replay;
    }
    const bool same_feed = control.value("deployment", "") == spec.deployment.str();
    replay.row.row.seq =
        same_feed ? dead->at("seq").get<std::int64_t>() : kBelowFeeds + wanted.revision;
    ReadRow(*dead, spec, replay);
  } catch (const json::exception& error) {
    if (!replay.row.replay)
      return Error(ErrorCode::kCorrupt, "replay " + wanted.name + ": " + error.what());
    replay.fault = std::string("its row cannot be read: ") + error.what();
  }
  return replay;
}

std::string DeadRowText(const std::string& subject, const PendingRow& row,
                        std::span<const scoring::InputColumn> columns) {
  json values = json::object();
  for (std::size_t i = 0; i < columns.size(); ++i)
    values[columns[i].name] = scoring::ToJson(row.row.values[i]);
  json dead{
      {"subject", subject          },
      {"seq",     row.row.seq      },
      {"time",    row.row.time.ms  },
      {"values",  std::move(values)}
  };
  if (row.trace) dead["traceparent"] = row.trace.Text();
  return Dump(dead);
}

}  // namespace outrigger::companion
