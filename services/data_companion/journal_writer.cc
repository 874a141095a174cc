// SPDX-License-Identifier: Apache-2.0
#include "data_companion/journal_writer.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "outrigger/base/json.h"
#include "outrigger/base/log.h"

namespace outrigger::companion {
namespace {

using messaging::Consumer;
using messaging::TransactionalProducer;

constexpr Millis kStep{10'000};  // begin, commit, read back: each at most
constexpr Millis kMakeWait{15'000};
constexpr Millis kTryAgain{500};
constexpr Millis kAdminWait{1'000};
constexpr Millis kFullQueuePause{5};
constexpr Millis kFloorsEvery{60'000};
constexpr auto kNameHeader = "batch";

bool IsJournal(const std::string& topic) { return topic.starts_with("journal."); }

}  // namespace

JournalWriter::JournalWriter(messaging::KafkaOptions kafka, std::string slot, std::string instance,
                             EventLoop& loop, Metrics& metrics, Events events)
    : kafka_(std::move(kafka)),
      slot_(std::move(slot)),
      instance_(std::move(instance)),
      transactional_id_("outrigger-companion-" + slot_),
      loop_(loop),
      events_(std::move(events)),
      seconds_(metrics.GetHistogram(
          "outrigger_companion_transaction_seconds",
          "From the begin of a transaction to its end, what it took to know it included.",
          {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30})),
      failures_(metrics.GetCounter("outrigger_companion_transaction_failures_total",
                                   "Writes of a transaction that failed, known or unknown.")) {}

JournalWriter::~JournalWriter() { Stop(); }

void JournalWriter::Start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
}

void JournalWriter::Stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void JournalWriter::Commit(Transaction transaction) {
  OR_CHECK(!busy_, "one transaction at a time");
  busy_ = true;
  const std::lock_guard lock(mutex_);
  next_ = std::move(transaction);
  changed_.notify_all();
}

void JournalWriter::SetFloor(const std::string& journal, std::int64_t offset) {
  const std::lock_guard lock(mutex_);
  floors_[journal] = offset;
}

void JournalWriter::Run(const std::stop_token& stop) {
  if (!MakeProducer(stop)) return;
  loop_.Post(events_.ready);
  while (!stop.stop_requested()) {
    std::optional<Transaction> transaction;
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, stop, Millis(1'000), [&] { return next_.has_value(); });
      transaction = std::exchange(next_, std::nullopt);
    }
    if (transaction) Work(stop, *std::move(transaction));
  }
}

// Takes the slot's transactional id, however long Kafka is gone. What an earlier producer left open
// is ended before this returns.
bool JournalWriter::MakeProducer(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    producer_.reset();  // its threads end before the next one's begin
    auto made = TransactionalProducer::Make(kafka_, transactional_id_, kMakeWait);
    if (made) {
      producer_ = *std::move(made);
      return true;
    }
    LogWarning("no transactional producer yet", {made.error()});
    SleepFor(kTryAgain);
  }
  return false;
}

bool JournalWriter::MakeAdmin() {
  if (admin_) return true;
  auto made = messaging::Admin::Make(kafka_);
  if (made) admin_ = *std::move(made);
  return admin_ != nullptr;
}

void JournalWriter::Work(const std::stop_token& stop, Transaction transaction) {
  const std::string name = instance_ + "." + std::to_string(++written_);
  std::string journal;
  for (auto& part : transaction.parts)
    for (auto& record : part.records)
      if (IsJournal(record.topic)) {
        record.headers.emplace_back(kNameHeader, name);
        journal = record.topic;
      }
  OR_CHECK(!journal.empty(), "every transaction tells a journal");
  const auto began = SystemClock().Now();
  Result<> written = Write(transaction);
  for (int failures = 1; !written; ++failures) {
    failures_.Add();
    LogWarning("transaction failed; its outcome is read back",
               {
                   {"name", name},
                   written.error()
    });
    // Before the id is taken again: has another process taken it meanwhile?
    if (written.error().code() == ErrorCode::kConflict) (void)ReadBackUntil(stop, journal, name);
    if (!replaced_ && !MakeProducer(stop)) return;
    const auto found = replaced_ ? std::nullopt : ReadBackUntil(stop, journal, name);
    if (replaced_) {
      loop_.Post(events_.fenced);
      return;
    }
    if (!found) return;  // told to stop
    if (*found) {
      written = {};
    } else if (failures >= 2) {
      break;
    } else {
      written = Write(transaction);
    }
  }
  seconds_.Observe(std::chrono::duration<double>(SystemClock().Now() - began).count());
  if (written) RaiseFloors();
  loop_.Post([this, transaction = std::move(transaction), written = std::move(written)]() mutable {
    busy_ = false;
    events_.answer(std::move(transaction), std::move(written));
  });
}

Result<> JournalWriter::Write(Transaction& transaction) {
  OR_RETURN_IF_ERROR(producer_->Begin());
  const auto until = SystemClock().Now() + kStep;
  for (auto& part : transaction.parts)
    for (auto& record : part.records) {
      auto sent = producer_->Send(record);
      while (!sent && sent.error().code() == ErrorCode::kResourceExhausted &&
             SystemClock().Now() < until) {
        SleepFor(kFullQueuePause);  // the queue drains while the transaction is open
        sent = producer_->Send(record);
      }
      if (!sent) return sent;
    }
  return producer_->Commit(kStep);
}

std::optional<bool> JournalWriter::ReadBackUntil(const std::stop_token& stop,
                                                 const std::string& journal,
                                                 const std::string& name) {
  while (!stop.stop_requested()) {
    if (auto found = ReadBack(journal, name)) return found;
    SleepFor(kTryAgain);
  }
  return std::nullopt;
}

std::optional<bool> JournalWriter::ReadBack(const std::string& journal, const std::string& name) {
  std::int64_t from = Consumer::kBeginning;
  {
    const std::lock_guard lock(mutex_);
    if (const auto floor = floors_.find(journal); floor != floors_.end()) from = floor->second;
  }
  // All that was committed lies below this; an end before it hides behind an open transaction of
  // somebody else.
  if (!MakeAdmin()) return std::nullopt;
  const auto marks = admin_->HighWatermarks(journal, kAdminWait);
  if (!marks || !marks->contains(0)) return std::nullopt;
  auto consumer = Consumer::Make(kafka_, {});
  if (!consumer || !(*consumer)->Assign({
                       {{journal, 0}, from}
  }))
    return std::nullopt;
  bool found = false;
  for (auto until = SystemClock().Now() + kStep; SystemClock().Now() < until;) {
    auto batch = (*consumer)->Poll(Millis(200));
    if (!batch) return std::nullopt;
    for (const auto& record : batch->records) {
      until = SystemClock().Now() + kStep;  // as long as it moves
      if (messaging::FindHeader(record.headers, kNameHeader) == name) found = true;
      if (!record.key || !record.key->ends_with("/status") || !record.value) continue;
      const auto status = ParseJsonOr(*record.value);
      if (status && status->is_object() && status->value("host", "") == slot_ &&
          status->value("instance", instance_) != instance_)
        replaced_ = true;
    }
    for (const auto& end : batch->ends)
      if (end.next >= marks->at(0)) return found;
  }
  return std::nullopt;
}

// Reading back begins at an end that was seen after a commit, not at the beginning of the journal.
void JournalWriter::RaiseFloors() {
  const auto now = SystemClock().Now();
  if (now - floors_raised_ < kFloorsEvery) return;
  floors_raised_ = now;
  if (!MakeAdmin()) return;
  std::map<std::string, std::int64_t> floors;
  {
    const std::lock_guard lock(mutex_);
    floors = floors_;
  }
  for (auto& [journal, floor] : floors) {
    const auto ends = admin_->EndOffsets(journal, kAdminWait);
    if (!ends || !ends->contains(0)) return;
    const std::lock_guard lock(mutex_);
    if (const auto known = floors_.find(journal); known != floors_.end())
      known->second = std::max(known->second, ends->at(0));
  }
}

}  // namespace outrigger::companion
