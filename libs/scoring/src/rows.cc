// SPDX-License-Identifier: Apache-2.0
#include "outrigger/scoring/rows.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "outrigger/base/json.h"

namespace outrigger::scoring {
namespace {

using Json = nlohmann::json;

Json ToJson(const Value& value) {
  if (const auto* number = std::get_if<double>(&value)) return *number;
  if (const auto* flag = std::get_if<bool>(&value)) return *flag;
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  return nullptr;
}

Value FromJson(const Json& json) {
  if (json.is_number()) return json.get<double>();
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_string()) return json.get<std::string>();
  return std::monostate{};
}

bool IsNull(const Value& value) { return std::holds_alternative<std::monostate>(value); }

}  // namespace

Taken RowAssembler::Take(const FeedRecord& record) {
  Taken taken;
  Subject& subject = subjects_[record.subject];
  if (subject.last.empty()) {
    subject.last.resize(shape_.inputs.size());
    subject.last_time.resize(shape_.inputs.size());
  }
  if (shape_.alignment == Alignment::kLatest)
    TakeLatest(subject, record, taken);
  else
    TakeByTime(subject, record, taken);
  return taken;
}

std::size_t RowAssembler::Fill(std::vector<Value>& cells, const FeedRecord& record) const {
  std::size_t filled = 0;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const auto found = record.values.find(shape_.inputs[i].name);
    if (found == record.values.end()) continue;
    if (IsNull(cells[i])) ++filled;
    cells[i] = found->second;
  }
  return filled;
}

void RowAssembler::TakeLatest(Subject& subject, const FeedRecord& record, Taken& taken) {
  if (record.offset > subject.applied) {
    subject.seen += Fill(subject.last, record);
    for (std::size_t i = 0; i < shape_.inputs.size(); ++i) {
      if (record.values.contains(shape_.inputs[i].name)) subject.last_time[i] = record.time;
    }
    subject.applied = record.offset;
  }
  if (subject.seen < shape_.inputs.size() || record.values.empty()) {
    taken.no_cause.push_back(record.offset);
    return;
  }
  taken.rows.push_back({record.subject, record.time, record.offset, subject.last, {record.offset}});
}

void RowAssembler::TakeByTime(Subject& subject, const FeedRecord& record, Taken& taken) {
  const auto lateness = shape_.allowed_lateness.count();
  if (subject.clock && record.time.ms + lateness < subject.clock->ms) {
    taken.no_cause.push_back(record.offset);
    ++taken.late;
    return;
  }
  Pending& pending = subject.pending[record.time];
  if (pending.cells.empty()) pending.cells.resize(shape_.inputs.size());
  pending.filled += Fill(pending.cells, record);
  pending.offsets.push_back(record.offset);
  if (!subject.clock || record.time > *subject.clock) subject.clock = record.time;
  if (shape_.alignment == Alignment::kExact && pending.filled == shape_.inputs.size()) {
    taken.rows.push_back({record.subject, record.time, record.offset, std::move(pending.cells),
                          std::move(pending.offsets)});
    subject.pending.erase(record.time);
  }
  Release(subject, record.subject, taken);
}

// Rows that the clock has passed: given up (exact) or complete (union).
void RowAssembler::Release(Subject& subject, const std::string& name, Taken& taken) {
  const std::int64_t passed = subject.clock->ms - shape_.allowed_lateness.count();
  while (!subject.pending.empty() && subject.pending.begin()->first.ms < passed) {
    auto node = subject.pending.extract(subject.pending.begin());
    Pending& pending = node.mapped();
    if (shape_.alignment == Alignment::kExact) {
      taken.no_cause.insert(taken.no_cause.end(), pending.offsets.begin(), pending.offsets.end());
      ++taken.dropped;
    } else {
      const std::int64_t seq = pending.offsets.back();
      taken.rows.push_back(
          {name, node.key(), seq, std::move(pending.cells), std::move(pending.offsets)});
    }
  }
}

std::string RowAssembler::SubjectState(const std::string& name) const {
  const auto found = subjects_.find(name);
  if (found == subjects_.end()) return R"({"last":{},"offset":-1})";
  Json last = Json::object();
  for (std::size_t i = 0; i < shape_.inputs.size(); ++i) {
    if (!IsNull(found->second.last[i])) {
      last[shape_.inputs[i].name] = {found->second.last_time[i].ms, ToJson(found->second.last[i])};
    }
  }
  return Dump(Json{
      {"last",   last                 },
      {"offset", found->second.applied}
  });
}

Result<> RowAssembler::Restore(const std::string& name, std::string_view state) {
  const auto json = ParseJsonOr(state, {.bytes = 17 << 20});
  if (!json || !json->is_object() || !json->contains("last") || !(*json)["last"].is_object() ||
      !json->contains("offset") || !(*json)["offset"].is_number_integer()) {
    return Error(ErrorCode::kCorrupt, "state of subject " + name + " is not {last, offset}");
  }
  Subject subject;
  subject.last.resize(shape_.inputs.size());
  subject.last_time.resize(shape_.inputs.size());
  subject.applied = (*json)["offset"];
  for (std::size_t i = 0; i < shape_.inputs.size(); ++i) {
    const auto found = (*json)["last"].find(shape_.inputs[i].name);
    if (found == (*json)["last"].end()) continue;
    if (!found->is_array() || found->size() != 2 || !(*found)[0].is_number_integer()) {
      return Error(ErrorCode::kCorrupt, "state of subject " + name + ": not [time, value]");
    }
    subject.last_time[i] = {(*found)[0]};
    subject.last[i] = FromJson((*found)[1]);
    if (!IsNull(subject.last[i])) ++subject.seen;
  }
  subjects_.insert_or_assign(name, std::move(subject));
  return {};
}

}  // namespace outrigger::scoring
