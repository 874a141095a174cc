// SPDX-License-Identifier: Apache-2.0
#include "model_api/relay.h"

#include "outrigger/base/ids.h"
#include "outrigger/base/log.h"
#include "outrigger/base/retry.h"

namespace outrigger::model_api {
namespace {

constexpr const char* kLeaseName = "relay";
constexpr const char* kTransactionalId = "outrigger-relay";
constexpr Millis kLease{4'000};
constexpr Millis kRenew{1'000};
constexpr Millis kCommitDeadline{8'000};
constexpr Millis kLook{200};  // between looks when nobody nudges: rows of other replicas
constexpr Millis kHousekeeping{30'000};
constexpr Millis kKeepPublished{600'000};
constexpr std::size_t kBatch = 1'000;
constexpr std::size_t kRemembered = 20'000;

}  // namespace

Relay::Relay(store::Database& database, messaging::KafkaOptions kafka, Clock& clock,
             Metrics& metrics)
    : database_(database),
      kafka_(std::move(kafka)),
      clock_(clock),
      owner_("relay-" + RandomId(8)),
      published_total_(metrics.GetCounter("outrigger_relay_published_total",
                                          "Outbox records published to Kafka.")),
      refused_total_(metrics.GetCounter("outrigger_relay_refused_total",
                                        "Outbox records that Kafka refuses and nobody will read.")),
      waiting_(metrics.GetGauge("outrigger_relay_waiting_records",
                                "Outbox records that wait for publication.")),
      batch_(kBatch),
      thread_([this](std::stop_token stop) { Run(stop); }) {}

Relay::~Relay() {
  thread_.request_stop();
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Relay::Nudge() {
  {
    const std::lock_guard lock(mutex_);
    nudged_ = true;
  }
  changed_.notify_all();
}

Result<> Relay::WaitPublished(std::int64_t outbox_id, Millis deadline) {
  const SteadyTime end = clock_.Now() + deadline;
  Nudge();
  while (true) {
    {
      std::unique_lock lock(mutex_);
      // Woken by what we publish; another replica's publications are found by the look below.
      if (changed_.wait_for(lock, kLook, [&] { return published_.contains(outbox_id); })) return {};
    }
    const auto revision = database_.Run(std::nullopt, [&](store::Transaction& transaction) {
      return store::PublishedRevision(transaction, outbox_id);
    });
    if (revision && *revision) return {};
    if (clock_.Now() >= end) {
      return Error(ErrorCode::kTimeout, "the change is stored, but Kafka has not taken it yet",
                   "it will be published as soon as Kafka is back; nothing needs to be repeated");
    }
  }
}

void Relay::Run(std::stop_token stop) {
  int failures = 0;
  const RetrySchedule schedule{.first = Millis{200}, .max = Millis{5'000}, .tries = 0};
  while (!stop.stop_requested()) {
    const auto ended = PublishSafely(stop);
    if (ended) {
      failures = 0;
      continue;
    }
    if (ended.error().code() == ErrorCode::kConflict) {
      healthy_ = true;  // another replica publishes
      failures = 0;
    } else {
      healthy_ = false;
      if (failures == 0) LogWarning("relay cannot publish, trying again", {ended.error()});
      failures = std::min(failures + 1, 10);
    }
    WaitForWork(failures == 0 ? kRenew : schedule.Delay(failures + 1, RandomUnit()), stop);
  }
}

// A defect of ours must not end the process: the next one would meet it again at once.
Result<> Relay::PublishSafely(std::stop_token stop) {
  try {
    return Publish(std::move(stop));
  } catch (const std::exception& thrown) {
    return Error(ErrorCode::kInternal, std::string("the relay threw: ") + thrown.what());
  }
}

Result<> Relay::Publish(std::stop_token stop) {
  OR_ASSIGN(const store::Lease lease, store::TakeLease(database_, kLeaseName, owner_, kLease));
  // Fences the predecessor: what it still has in flight is aborted.
  OR_ASSIGN(const auto producer,
            messaging::TransactionalProducer::Make(kafka_, kTransactionalId, kCommitDeadline));
  SteadyTime renew = clock_.Now() + kRenew;
  while (!stop.stop_requested()) {
    if (clock_.Now() >= renew) {
      OR_ASSIGN(const store::Lease renewed,
                store::TakeLease(database_, kLeaseName, owner_, kLease));
      if (renewed.epoch != lease.epoch) return {};  // somebody had it in between: begin anew
      renew = clock_.Now() + kRenew;
    }
    const std::size_t wanted = batch_;
    OR_ASSIGN(const auto published, PublishBatch(*producer, lease));
    healthy_ = true;
    Housekeep();
    if (!published) return {};  // begin anew
    if (*published < wanted) WaitForWork(kLook, stop);
  }
  return store::ReleaseLease(database_, lease);
}

// Publish, then mark: a crash in between publishes again, with the same revisions.
Result<std::optional<std::size_t>> Relay::PublishBatch(messaging::TransactionalProducer& producer,
                                                       const store::Lease& lease) {
  OR_ASSIGN(const auto records, store::TakeUnpublished(database_, lease, static_cast<int>(batch_)));
  if (records.empty()) return std::optional<std::size_t>(0);
  if (const auto sent = SendAll(producer, records); !sent) {
    // By halves, until the record that is to blame is alone.
    batch_ = std::max<std::size_t>(1, records.size() / 2);
    if (sent.error().code() != ErrorCode::kInvalidArgument) return sent.error();
    if (records.size() == 1) OR_RETURN_IF_ERROR(LeaveOut(lease, records[0], sent.error()));
    return std::optional<std::size_t>();
  }
  batch_ = std::min(batch_ * 2, kBatch);
  std::vector<std::int64_t> ids;
  for (const auto& record : records) ids.push_back(record.id);
  OR_RETURN_IF_ERROR(store::MarkPublished(database_, lease, ids));
  published_total_.Add(static_cast<double>(records.size()));
  Announce(records);
  return std::optional(records.size());
}

Result<> Relay::SendAll(messaging::TransactionalProducer& producer,
                        const std::vector<store::OutboxRecord>& records) {
  OR_RETURN_IF_ERROR(producer.Begin());
  for (const auto& record : records) {
    messaging::OutRecord out{.topic = record.topic,
                             .partition = std::nullopt,
                             .key = record.key,
                             .value = record.value,
                             .headers = {}};
    out.headers = messaging::CloudEventHeaders(
        record.topic + "/" + record.key + "/" + std::to_string(record.revision), "/model_api",
        "dev.outrigger." + record.topic.substr(0, record.topic.find('.')) + ".v1", clock_.WallMs());
    for (const auto& [name, value] : record.headers) {
      std::erase_if(out.headers, [&](const auto& header) { return header.first == name; });
      out.headers.emplace_back(name, value);
    }
    out.headers.emplace_back("revision", std::to_string(record.revision));
    OR_RETURN_IF_ERROR(producer.Send(out));
  }
  return producer.Commit(kCommitDeadline);
}

Result<> Relay::LeaveOut(const store::Lease& lease, const store::OutboxRecord& record,
                         const Error& why) {
  LogError("Kafka refuses a record of the outbox; it is left out and the data plane never sees it",
           {
               {"outbox_id", record.id                                },
               {"tenant",    record.tenant                            },
               {"topic",     record.topic                             },
               {"key",       record.key                               },
               {"bytes",     record.value ? record.value->size() : 0ul},
               why
  });
  refused_total_.Add();
  return store::MarkPublished(database_, lease, {record.id});
}

void Relay::Announce(const std::vector<store::OutboxRecord>& records) {
  {
    const std::lock_guard lock(mutex_);
    for (const auto& record : records) published_.insert(record.id);
    while (published_.size() > kRemembered) published_.erase(published_.begin());
  }
  changed_.notify_all();
}

void Relay::WaitForWork(Millis at_most, std::stop_token stop) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, stop, at_most, [&] { return nudged_; });
  nudged_ = false;
}

void Relay::Housekeep() {
  if (clock_.Now() < next_housekeeping_) return;
  next_housekeeping_ = clock_.Now() + kHousekeeping;
  if (const auto pruned = store::PrunePublished(database_, kKeepPublished); !pruned)
    LogWarning("cannot prune the outbox", {pruned.error()});
  if (const auto backlog = store::Backlog(database_); backlog)
    waiting_.Set(static_cast<double>(backlog->waiting));
}

}  // namespace outrigger::model_api
