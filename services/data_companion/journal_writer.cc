// SPDX-License-Identifier: Apache-2.0
#include "data_companion/journal_writer.h"

#include <algorithm>

#include "outrigger/base/log.h"

namespace outrigger::companion {
namespace {

using messaging::Consumer;
using messaging::TransactionalProducer;

constexpr Millis kStep{10'000};  // begin, commit, read back: each at most
constexpr Millis kMakeWait{15'000};
constexpr Millis kTryAgain{500};
constexpr Millis kSuccessorClaims{1'000};  // how long a successor of our slot has to say so
constexpr Millis kAdminWait{1'000};
constexpr Millis kFullQueuePause{5};
constexpr Millis kFloorsEvery{60'000};
constexpr auto kNameHeader = "batch";

bool IsJournal(const std::string& topic) { return topic.starts_with("journal."); }

}  // namespace

JournalWriter::JournalWriter(messaging::KafkaOptions kafka, const std::string& slot,
                             std::string instance, EventLoop& loop, Metrics& metrics, Events events)
    : kafka_(std::move(kafka)),
      instance_(std::move(instance)),
      transactional_id_(TransactionalIdOf(slot)),
      loop_(loop),
      events_(std::move(events)),
      seconds_(metrics.GetHistogram(
          "outrigger_companion_transaction_seconds",
          "From the begin of a transaction to its end, what it took to know it included.",
          {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30})),
      failures_(metrics.GetCounter("outrigger_companion_transaction_failures_total",
                                   "Writes of a transaction that failed, known or unknown.")),
      claims_(kafka_, slot, instance_) {}

JournalWriter::~JournalWriter() { Stop(); }

void JournalWriter::Start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
}

void JournalWriter::Stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void JournalWriter::Begin(Work work) {
  OR_CHECK(!busy_, "one transaction at a time");
  busy_ = true;
  const std::lock_guard lock(mutex_);
  next_ = std::move(work);
  changed_.notify_all();
}

void JournalWriter::Commit(Transaction transaction) {
  Begin([this, transaction = std::move(transaction)](const std::stop_token& stop) mutable {
    Write(stop, std::move(transaction));
  });
}

void JournalWriter::Take(std::set<int> shards, Taken taken) {
  Begin([this, shards = std::move(shards), taken = std::move(taken)](const std::stop_token& stop) {
    End(stop, claims_.Take(*producer_, shards), taken);
  });
}

void JournalWriter::Release(std::set<int> shards, std::function<void(Result<>)> released) {
  Begin([this, shards = std::move(shards),
         released = std::move(released)](const std::stop_token& stop) {
    End(stop, claims_.Release(*producer_, shards), released);
  });
}

// Claims are written again by who asked: to claim twice does no harm.
template <typename Value>
void JournalWriter::End(const std::stop_token& stop, Result<Value> outcome,
                        std::function<void(Result<Value>)> answer) {
  if (!outcome && !Regain(stop, outcome.error())) return;
  loop_.Post([this, outcome = std::move(outcome), answer = std::move(answer)]() mutable {
    busy_ = false;
    answer(std::move(outcome));
  });
}

void JournalWriter::SetFloor(const std::string& journal, std::int64_t offset) {
  const std::lock_guard lock(mutex_);
  floors_[journal] = offset;
}

void JournalWriter::Run(const std::stop_token& stop) {
  if (!MakeProducer(stop)) return;
  loop_.Post(events_.ready);
  while (!stop.stop_requested()) {
    Work work;
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, stop, Millis(1'000), [&] { return static_cast<bool>(next_); });
      work = std::exchange(next_, nullptr);
    }
    if (work) work(stop);
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

bool JournalWriter::Regain(const std::stop_token& stop, const Error& error) {
  if (error.code() == ErrorCode::kConflict) SleepFor(kSuccessorClaims);
  if (!MakeProducer(stop)) return false;
  // With the id in hand: who claims from now on takes it from us again.
  while (!stop.stop_requested()) {
    const auto replaced = claims_.Replaced();
    if (replaced && *replaced) loop_.Post(events_.fenced);
    if (replaced) return !*replaced;
    LogWarning("whether our shards are ours is not known yet", {replaced.error()});
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

void JournalWriter::Write(const std::stop_token& stop, Transaction transaction) {
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
  Result<> written = TryWrite(transaction);
  for (int failures = 1; !written; ++failures) {
    failures_.Add();
    LogWarning("transaction failed; its outcome is read back",
               {
                   {"name", name},
                   written.error()
    });
    if (!Regain(stop, written.error())) return;
    const auto found = ReadBackUntil(stop, journal, name);
    if (!found) return;  // told to stop
    if (*found) {
      written = {};
    } else if (failures >= 2) {
      break;
    } else {
      written = TryWrite(transaction);
    }
  }
  seconds_.Observe(std::chrono::duration<double>(SystemClock().Now() - began).count());
  if (written) RaiseFloors();
  loop_.Post([this, transaction = std::move(transaction), written = std::move(written)]() mutable {
    busy_ = false;
    events_.answer(std::move(transaction), std::move(written));
  });
}

Result<> JournalWriter::TryWrite(Transaction& transaction) {
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
