// SPDX-License-Identifier: Apache-2.0
#include "data_companion/feed_partition.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "outrigger/base/json.h"
#include "outrigger/base/log.h"
#include "outrigger/scoring/score_request.h"

namespace outrigger::companion {
namespace {

using scoring::FeedProgress;

constexpr std::size_t kMaxUnsettled = 16'384;  // records read above the first unfinished one
constexpr std::chrono::seconds kSubjectEvery{60};
constexpr std::size_t kSubjectsAtOnce = 500;  // subject states in one transaction
constexpr std::size_t kJournalBytes = 17U << 20;

// For rows that no single record says: the joined row in the form of a feed record.
std::string JoinedRecord(const std::string& subject, const scoring::Row& row,
                         std::span<const scoring::InputColumn> columns) {
  nlohmann::json values = nlohmann::json::object();
  for (std::size_t i = 0; i < columns.size(); ++i)
    if (!scoring::IsNull(row.values[i])) values[columns[i].name] = scoring::ToJson(row.values[i]);
  return Dump({
      {"subject", subject          },
      {"time",    row.time.ms      },
      {"values",  std::move(values)}
  });
}

}  // namespace

FeedPartition::Subject::Subject(const DeploymentSpec& spec)
    : ahead(spec.alignment, spec.inputs.size(), spec.lateness),
      settled(spec.alignment, spec.inputs.size(), spec.lateness) {}

FeedPartition::FeedPartition(const DeploymentSpec& spec, int partition)
    : spec_(spec),
      partition_(partition),
      stateful_(
          scoring::RowAssembler(spec.alignment, spec.inputs.size(), spec.lateness).Stateful()) {}

Result<std::unique_ptr<FeedPartition>> FeedPartition::Make(
    const DeploymentSpec& spec, int partition, const std::optional<std::string>& progress,
    const SubjectStates& subjects) {
  std::unique_ptr<FeedPartition> feed(new FeedPartition(spec, partition));
  if (!progress) return feed;
  OR_ASSIGN(const auto journal, ParseJsonOr(*progress, {.bytes = kJournalBytes}));
  OR_ASSIGN(feed->progress_, FeedProgress::From(journal));
  feed->start_ = feed->position_ =
      std::min(journal.value("oldest", feed->progress_.next()), feed->progress_.next());
  for (const auto& [name, text] : subjects) {
    if (!feed->stateful_) break;
    OR_ASSIGN(const auto state, ParseJsonOr(text, {.bytes = kJournalBytes}));
    try {
      Subject& subject = feed->SubjectOf(name);
      subject.ahead.Restore(state, spec.inputs);
      subject.settled.Restore(state, spec.inputs);
      subject.kept = subject.settled_to = state.at("offset").get<std::int64_t>();
    } catch (const nlohmann::json::exception& error) {
      return Error(ErrorCode::kCorrupt, "state of subject " + name + ": " + error.what());
    }
  }
  return feed;
}

FeedPartition::Subject& FeedPartition::SubjectOf(const std::string& name) {
  return subjects_.try_emplace(name, spec_).first->second;
}

FeedPartition::Taken FeedPartition::Take(FeedRecord record) {
  Taken taken;
  position_ = record.offset + 1;
  const bool rebuilt_only = record.offset < progress_.next();
  const auto judgement = progress_.Take(record.offset, record.source, record.subject,
                                        stateful_ ? record.sample : nullptr);
  if (judgement == FeedProgress::Judgement::kRepeat) {
    dirty_ = true;
    Settle();
    return taken;
  }
  const bool is_new = judgement == FeedProgress::Judgement::kNew;
  if (!record.sample) {
    if (is_new) taken.bad = std::move(record);
    Settle();
    return taken;
  }
  Subject& subject = SubjectOf(record.subject);
  if (record.offset <= subject.kept) return taken;  // the journal's state includes it
  auto outcome = subject.ahead.Add(*record.sample);
  if (rebuilt_only) {
    // Settled before the restart, and after the journal's state: the state is as old as it was.
    subject.settled.Add(*record.sample);
    subject.settled_to = record.offset;
    if (subject.dirty_from < 0) {
      subject.dirty_from = record.offset;
      dirty_subjects_.emplace(record.offset, record.subject);
    }
    return taken;
  }
  if (!is_new) {
    Settle();
    return taken;
  }
  taken.late = outcome.late;
  if (outcome.rows.empty()) {
    progress_.Finish(record.offset);
    dirty_ = true;
    Settle();
    return taken;
  }
  if (outcome.rows.size() > 1) open_causes_[record.offset] = static_cast<int>(outcome.rows.size());
  for (auto& row : outcome.rows) {
    PendingRow pending;
    pending.record = spec_.alignment == scoring::Alignment::kUnion
                         ? JoinedRecord(record.subject, row, spec_.inputs)
                         : record.text;
    pending.bytes = scoring::RequestBytes(row);
    pending.row = std::move(row);
    pending.partition = partition_;
    pending.cause = record.offset;
    pending.trace = record.trace;
    taken.rows.emplace_back(record.subject, std::move(pending));
  }
  return taken;
}

void FeedPartition::End(std::int64_t cause) {
  if (const auto open = open_causes_.find(cause); open != open_causes_.end()) {
    if (--open->second > 0) return;
    open_causes_.erase(open);
  }
  progress_.Finish(cause);
  dirty_ = true;
  Settle();
}

void FeedPartition::Settle() {
  while (auto settled = progress_.PopSettled()) {
    if (!stateful_ || !settled->sample) continue;
    Subject& subject = SubjectOf(settled->subject);
    if (settled->offset <= subject.settled_to) continue;
    subject.settled.Add(*settled->sample);
    subject.settled_to = settled->offset;
    if (subject.dirty_from >= 0) continue;
    subject.dirty_from = settled->offset;
    dirty_subjects_.emplace(settled->offset, settled->subject);
  }
}

std::int64_t FeedPartition::Oldest() const {
  return dirty_subjects_.empty() ? progress_.next() : dirty_subjects_.begin()->first;
}

std::vector<std::pair<std::string, std::string>> FeedPartition::ForJournal(SteadyTime now,
                                                                           bool whole) {
  std::vector<std::pair<std::string, std::string>> records;
  for (auto at = dirty_subjects_.begin();
       at != dirty_subjects_.end() && (whole || records.size() < kSubjectsAtOnce);) {
    Subject& subject = subjects_.at(at->second);
    if (subject.written == SteadyTime{}) subject.written = now;
    if (!whole && now - subject.written < kSubjectEvery) break;  // the oldest ones matter first
    auto state = subject.settled.Snapshot(spec_.inputs);
    state["offset"] = subject.settled_to;
    records.emplace_back("subject/" + at->second, Dump(state));
    subject.written = now;
    subject.dirty_from = -1;
    at = dirty_subjects_.erase(at);
  }
  records.emplace_back("progress/" + std::to_string(partition_), Dump(progress_.ToJson(Oldest())));
  dirty_ = false;
  return records;
}

FeedPartition::Checkpoint FeedPartition::Kept() const {
  Checkpoint kept;
  kept.progress = Dump(progress_.ToJson(progress_.next()));
  for (const auto& [name, subject] : subjects_) {
    if (!stateful_ || subject.settled_to < 0) continue;
    auto state = subject.settled.Snapshot(spec_.inputs);
    state["offset"] = subject.settled_to;
    kept.subjects[name] = Dump(state);
  }
  return kept;
}

std::vector<std::string> FeedPartition::JournalKeys() const {
  std::vector<std::string> keys{"progress/" + std::to_string(partition_)};
  if (stateful_)
    for (const auto& [name, subject] : subjects_) keys.push_back("subject/" + name);
  return keys;
}

bool FeedPartition::Full() const { return progress_.unsettled() >= kMaxUnsettled; }

std::int64_t FeedPartition::Unscored(std::int64_t end) const {
  std::int64_t open = std::max<std::int64_t>(0, end - std::max(position_, progress_.next()));
  for (const auto& [first, last] : progress_.Done())
    if (last >= position_) open -= std::max<std::int64_t>(0, std::min(last, end - 1) - first + 1);
  return std::max<std::int64_t>(0, open) + static_cast<std::int64_t>(progress_.unfinished());
}

}  // namespace outrigger::companion
