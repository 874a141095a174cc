// SPDX-License-Identifier: Apache-2.0
#include "outrigger/scoring/row_assembly.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

namespace outrigger::scoring {
namespace {

// Event times of one subject that wait at once; beyond it the oldest is closed early.
constexpr std::size_t kMaxOpenRows = 4'096;
constexpr std::size_t kMaxOpenBytes = 4U << 20;
// One row, or the last values of which the next is made; a request takes no longer one either.
constexpr std::size_t kMaxRowBytes = 15U << 20;
constexpr std::size_t kValueBytes = 64;  // with its column's name
constexpr std::size_t kCauseBytes = 20;

// About what a value takes in the journal; the same whether it was restored from there or not.
std::size_t BytesOf(const Value& value) {
  if (IsNull(value)) return 0;
  const auto* text = std::get_if<std::string>(&value);
  std::size_t bytes = kValueBytes;
  if (text == nullptr) return bytes;
  for (const char c : *text) {
    const bool escaped = c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20;
    bytes += !escaped ? 1 : 6;
  }
  return bytes;
}

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
  for (const auto& [column, value] : sample.values) {
    bytes_ -= last_[column].bytes;
    last_[column] = {sample.time, value, true, BytesOf(value)};
    bytes_ += last_[column].bytes;
  }
  while (Stateful() && bytes_ > kMaxRowBytes) {
    ForgetLongest();
    outcome.late += 1;
  }
  const bool complete = std::ranges::all_of(last_, [](const Cell& cell) { return cell.seen; });
  if (!complete) return;
  Row row{sample.time, std::vector<Value>(columns_), sample.offset, {}};
  for (std::size_t i = 0; i < columns_; ++i) row.values[i] = last_[i].value;
  outcome.rows.push_back(std::move(row));
}

// Together with the others it makes rows that nobody can be sent.
void RowAssembler::ForgetLongest() {
  Cell& longest = *std::ranges::max_element(last_, {}, &Cell::bytes);
  bytes_ -= longest.bytes;
  longest = {};
}

void RowAssembler::AddByTime(const Sample& sample, Outcome& outcome) {
  const bool passed = clock_ != kNoClock && sample.time.ms + lateness_.count() < clock_;
  const auto closed_early = [&] { return floor_ != kNoClock && sample.time.ms <= floor_; };
  if (passed || closed_early()) {
    outcome.late = 1;
    return;
  }
  clock_ = std::max(clock_, sample.time.ms);
  std::size_t bytes = kCauseBytes;
  for (const auto& [column, value] : sample.values) bytes += BytesOf(value);
  ClosePassed(sample.time, bytes, outcome);
  if (closed_early()) {
    outcome.late += 1;
    return;
  }
  OpenRow& open = open_[sample.time];
  if (open.emitted) {  // one row per event time
    outcome.late += 1;
    return;
  }
  open.values.resize(columns_);
  bytes_ -= open.bytes;
  for (const auto& [column, value] : sample.values) {
    open.bytes += BytesOf(value);
    open.bytes -= BytesOf(std::exchange(open.values[column], value));
  }
  open.causes.push_back(sample.offset);
  open.bytes += kCauseBytes;
  bytes_ += open.bytes;
  if (alignment_ == Alignment::kExact && std::ranges::none_of(open.values, IsNull))
    outcome.rows.push_back(Emit(sample.time, open));
}

void RowAssembler::ClosePassed(EventTime next, std::size_t bytes, Outcome& outcome) {
  while (!open_.empty()) {
    const auto first = open_.begin();
    const bool passed = first->first.ms + lateness_.count() < clock_;
    const std::size_t room = first->first == next ? kMaxRowBytes : kMaxOpenBytes;
    const bool crowded = open_.size() >= kMaxOpenRows && !open_.contains(next);
    const bool full = crowded || bytes_ + bytes > room;
    if (!passed && !full) return;
    if (!passed) floor_ = first->first.ms;
    if (!first->second.emitted) {
      if (alignment_ == Alignment::kUnion)
        outcome.rows.push_back(Emit(first->first, first->second));
      else
        outcome.late += static_cast<int>(first->second.causes.size());
    }
    bytes_ -= first->second.bytes;
    open_.erase(first);
  }
}

Row RowAssembler::Emit(EventTime time, OpenRow& open) {
  // Each record belongs to one event time, so the row's last record names it; rows of times that
  // came out of order take the next free number.
  last_seq_ = std::max(open.causes.back(), last_seq_ + 1);
  open.emitted = true;
  bytes_ -= std::exchange(open.bytes, 0);
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
  if (floor_ != kNoClock) state["floor"] = floor_;
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
    for (Cell& cell : last_) {
      if (!cell.seen) continue;
      cell.bytes = BytesOf(cell.value);
      bytes_ += cell.bytes;
    }
  }
  floor_ = state.value("floor", kNoClock);
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
    if (!open.emitted) {
      open.bytes = open.causes.size() * kCauseBytes;
      for (const Value& value : open.values) open.bytes += BytesOf(value);
      bytes_ += open.bytes;
    }
    open_[EventTime{row.at("time").get<std::int64_t>()}] = std::move(open);
  }
}

}  // namespace outrigger::scoring
