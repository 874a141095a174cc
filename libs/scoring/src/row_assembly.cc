// SPDX-License-Identifier: Apache-2.0
#include "outrigger/scoring/row_assembly.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

namespace outrigger::scoring {
namespace {

// Event times of one subject that wait at once; beyond it the oldest is closed early.
constexpr std::size_t kMaxOpenRows = 4'096;

std::optional<std::uint32_t> IndexOf(std::span<const InputColumn> columns, std::string_view name) {
  for (std::uint32_t i = 0; i < columns.size(); ++i)
    if (columns[i].name == name) return i;
  return std::nullopt;
}

}  // namespace

RowAssembler::RowAssembler(Alignment alignment, std::size_t columns, Millis lateness)
    : alignment_(alignment), columns_(columns), lateness_(lateness) {
  if (alignment_ == Alignment::kLatest) last_.resize(columns);
}

RowAssembler::Outcome RowAssembler::Add(const Sample& sample) {
  Outcome outcome;
  if (alignment_ == Alignment::kLatest)
    AddLatest(sample, outcome);
  else
    AddByTime(sample, outcome);
  return outcome;
}

void RowAssembler::AddLatest(const Sample& sample, Outcome& outcome) {
  if (sample.values.empty()) return;
  for (const auto& [column, value] : sample.values) last_[column] = {sample.time, value, true};
  const bool complete = std::ranges::all_of(last_, [](const Cell& cell) { return cell.seen; });
  if (!complete) return;
  Row row{sample.time, std::vector<Value>(columns_), sample.offset, {}};
  for (std::size_t i = 0; i < columns_; ++i) row.values[i] = last_[i].value;
  outcome.rows.push_back(std::move(row));
}

void RowAssembler::AddByTime(const Sample& sample, Outcome& outcome) {
  if (clock_ != kNoClock && sample.time.ms + lateness_.count() < clock_) {
    outcome.late = 1;
    return;
  }
  clock_ = std::max(clock_, sample.time.ms);
  ClosePassed(outcome);
  OpenRow& open = open_[sample.time];
  if (open.emitted) {  // one row per event time
    outcome.late += 1;
    return;
  }
  open.values.resize(columns_);
  for (const auto& [column, value] : sample.values) open.values[column] = value;
  open.causes.push_back(sample.offset);
  if (alignment_ == Alignment::kExact && std::ranges::none_of(open.values, IsNull))
    outcome.rows.push_back(Emit(sample.time, open));
}

void RowAssembler::ClosePassed(Outcome& outcome) {
  while (!open_.empty()) {
    const auto first = open_.begin();
    const bool passed = first->first.ms + lateness_.count() < clock_;
    if (!passed && open_.size() < kMaxOpenRows) return;
    if (!first->second.emitted) {
      if (alignment_ == Alignment::kUnion)
        outcome.rows.push_back(Emit(first->first, first->second));
      else
        outcome.late += static_cast<int>(first->second.causes.size());
    }
    open_.erase(first);
  }
}

Row RowAssembler::Emit(EventTime time, OpenRow& open) {
  // Each record belongs to one event time, so the row's last record names it; rows of times that
  // came out of order take the next free number.
  last_seq_ = std::max(open.causes.back(), last_seq_ + 1);
  open.emitted = true;
  return {time, std::move(open.values), last_seq_, std::move(open.causes)};
}

nlohmann::json RowAssembler::Snapshot(std::span<const InputColumn> columns) const {
  nlohmann::json state = nlohmann::json::object();
  if (alignment_ == Alignment::kLatest) {
    auto& last = state["last"] = nlohmann::json::object();
    for (std::size_t i = 0; i < last_.size(); ++i)
      if (last_[i].seen)
        last[columns[i].name] = nlohmann::json::array({last_[i].time.ms, ToJson(last_[i].value)});
    return state;
  }
  if (clock_ != kNoClock) state["clock"] = clock_;
  state["seq"] = last_seq_;
  auto& rows = state["open"] = nlohmann::json::array();
  for (const auto& [time, open] : open_) {
    nlohmann::json values = nlohmann::json::object();
    for (std::size_t i = 0; i < open.values.size(); ++i)
      if (!IsNull(open.values[i])) values[columns[i].name] = ToJson(open.values[i]);
    rows.push_back({
        {"time",    time.ms          },
        {"values",  std::move(values)},
        {"causes",  open.causes      },
        {"emitted", open.emitted     }
    });
  }
  return state;
}

void RowAssembler::Restore(const nlohmann::json& state, std::span<const InputColumn> columns) {
  if (const auto last = state.find("last");
      last != state.end() && alignment_ == Alignment::kLatest) {
    for (const auto& [name, cell] : last->items())
      if (const auto index = IndexOf(columns, name))
        last_[*index] = {EventTime{cell.at(0).get<std::int64_t>()},
                         ValueFrom(cell.at(1)).value_or(Value{}), true};
  }
  clock_ = state.value("clock", kNoClock);
  last_seq_ = state.value("seq", std::int64_t{-1});
  const auto rows = state.find("open");
  if (rows == state.end()) return;
  for (const auto& row : *rows) {
    OpenRow open;
    open.values.resize(columns_);
    for (const auto& [name, value] : row.at("values").items())
      if (const auto index = IndexOf(columns, name))
        open.values[*index] = ValueFrom(value).value_or(Value{});
    open.causes = row.at("causes").get<std::vector<std::int64_t>>();
    open.emitted = row.at("emitted").get<bool>();
    open_[EventTime{row.at("time").get<std::int64_t>()}] = std::move(open);
  }
}

}  // namespace outrigger::scoring
