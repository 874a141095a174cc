// SPDX-License-Identifier: Apache-2.0
#include "data_pusher/outputs.h"

#include <algorithm>
#include <set>
#include <utility>

#include "data_pusher/output_record.h"
#include "outrigger/base/log.h"
#include "outrigger/base/retry.h"
#include "outrigger/messaging/trace.h"

namespace outrigger::data_pusher {
namespace {

using namespace std::chrono_literals;  // NOLINT
using messaging::TopicPartition;

constexpr char kGroup[] = "outrigger-outputs";
constexpr Millis kDeadline = 5s;
constexpr Millis kCommitDeadline = 10s;
constexpr Millis kCatalogDeadline = 1s;
constexpr Millis kQueueDeadline = 5s;
// An open transaction holds back all later samples of its partitions: small ones back to back would
// make most samples wait. So each is followed by a rest of several times its length.
constexpr int kRest = 2;
constexpr Millis kLongestRest = 50ms;

Result<Places> CommittedPlaces(messaging::Admin& admin,
                               std::span<const TopicPartition> partitions) {
  std::set<std::string> topics;
  for (const TopicPartition& at : partitions) topics.insert(at.topic);
  Places places;
  for (const TopicPartition& at : partitions) places[at] = 0;
  for (const std::string& topic : topics) {
    OR_ASSIGN(const auto committed, admin.CommittedOffsets(kGroup, topic, kDeadline));
    for (const auto& [partition, offset] : committed) {
      const auto place = places.find({topic, partition});
      if (place != places.end()) place->second = offset;
    }
  }
  return places;
}

// All causes from the beginning: a rate sees the first of a kind only after a 0.
std::map<std::string, Counter*> DeadByCause(Metrics& metrics) {
  std::map<std::string, Counter*> counters;
  for (const char* cause : {"bad-record", "too-large", "not-mapped"}) {
    counters[cause] = &metrics.GetCounter("outrigger_pusher_dead_outputs_total",
                                          "Outputs that became dead letters, by cause",
                                          {
                                              {"cause", cause}
    });
  }
  return counters;
}

// Whether Kafka refuses a record for good.
bool IsRefusal(const Error& error) {
  return error.code() == ErrorCode::kInvalidArgument || error.code() == ErrorCode::kNotFound;
}

}  // namespace

Outputs::Outputs(const OutputsOptions& options, CatalogView& catalog, Clock& clock,
                 Metrics& metrics)
    : options_(options),
      catalog_(catalog),
      clock_(clock),
      outputs_(metrics.GetCounter("outrigger_pusher_outputs_total",
                                  "Records of models that were judged")),
      telemetry_(metrics.GetCounter("outrigger_pusher_output_samples_total",
                                    "Samples of telemetry made from what models said")),
      not_mapped_(metrics.GetCounter("outrigger_pusher_not_mapped_total",
                                     "Outputs that no mapping allows")),
      dead_(DeadByCause(metrics)),
      failures_(metrics.GetCounter("outrigger_pusher_transaction_failures_total",
                                   "Transactions of outputs that failed and are made again")),
      transaction_seconds_(metrics.GetHistogram(
          "outrigger_pusher_transaction_seconds",
          "From the first record of a transaction of outputs to its commit",
          {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10})),
      behind_(metrics.GetGauge("outrigger_pusher_outputs_lag_seconds",
                               "Age of the output that became telemetry last, 0 at the end")),
      thread_([this](const std::stop_token& stop) { Run(stop); }) {}

Outputs::~Outputs() = default;

void Outputs::Run(const std::stop_token& stop) {
  // Judged by an unread catalog, good outputs would die.
  while (!catalog_.Ready() && !stop.stop_requested()) SleepFor(20ms);
  const RetrySchedule retry{Millis{100}, Millis{5'000}, 0};
  for (int failures = 0; !stop.stop_requested();) {
    const SteadyTime began = clock_.Now();
    const Result<> ended = Read(stop);
    running_ = false;
    producer_.reset();
    if (ended) return;
    LogWarning("outputs from the committed offsets again", {ended.error()});
    failures = clock_.Now() - began > 30s ? 1 : failures + 1;
    const SteadyTime until = clock_.Now() + retry.Delay(failures + 1, RandomUnit());
    while (clock_.Now() < until && !stop.stop_requested()) SleepFor(20ms);
  }
}

Result<> Outputs::Read(const std::stop_token& stop) {
  OR_ASSIGN(admin_, messaging::Admin::Make(options_.kafka));
  // The producer first: taking the id ends whatever is undecided, then the offsets are true.
  OR_ASSIGN(producer_,
            messaging::TransactionalProducer::Make(
                options_.kafka, "outrigger-pusher-outputs-" + options_.instance, kCommitDeadline));
  messaging::Consumer::Options group;
  group.group = kGroup;
  group.instance = options_.instance;
  OR_ASSIGN(const std::unique_ptr<PlacedReader> reader,
            PlacedReader::Make(
                options_.kafka, group, {"^out\\..*"},
                [this](std::span<const TopicPartition> partitions) {
                  return CommittedPlaces(*admin_, partitions);
                },
                clock_));
  ends_.clear();
  running_ = true;
  while (!stop.stop_requested()) {
    const std::uint64_t generation = reader->generation();
    OR_ASSIGN(messaging::Consumer::Batch batch, reader->Poll(options_.idle, options_.batch));
    if (reader->generation() != generation) ends_.clear();
    const SteadyTime began = clock_.Now();
    OR_RETURN_IF_ERROR(Take(*reader, batch));
    const double age =
        batch.records.empty()
            ? 0
            : static_cast<double>(clock_.WallMs() - batch.records.back().time.ms) / 1e3;
    behind_.Set(std::max(age, 0.0));
    if (!batch.records.empty() && batch.records.size() < options_.batch) {
      SleepFor(std::min(kLongestRest, kRest * ceil<Millis>(clock_.Now() - began)));
    }
  }
  return {};
}

Result<> Outputs::Take(PlacedReader& reader, messaging::Consumer::Batch& batch) {
  for (const messaging::EndOfPartition& end : batch.ends) ends_[end.at] = end.next;
  catalog_is_read_ = false;
  for (std::size_t next = 0; next < batch.records.size();) {
    const Result<std::size_t> written = Transact(reader, batch.records, next);
    if (!written) {
      failures_.Add();
      if (IsRefusal(written.error())) Refused(std::span(batch.records).subspan(next));
      return written.error();
    }
    next = *written;
  }
  // Markers lie behind the last record: whoever waits for the end waits for this.
  if (batch.records.empty() && batch.ends.empty() && !ends_.empty()) return KeepEnds(reader);
  return {};
}

Result<OutputVerdict> Outputs::JudgeOf(const messaging::Record& record) {
  OutputVerdict verdict = JudgeOutput(record, *catalog_.Snapshot());
  if (!verdict.not_mapped() || catalog_is_read_) return verdict;
  // What these records rely on was in the catalog before they were read: one look serves them all.
  OR_RETURN_IF_ERROR(catalog_.ReadToEnd(kCatalogDeadline));
  catalog_is_read_ = true;
  return JudgeOutput(record, *catalog_.Snapshot());
}

void Outputs::Refused(std::span<const messaging::Record> records) {
  if (one_by_one_ == 0) {
    one_by_one_ = records.size();
    return;
  }
  const std::string source = SourceOf(records.front());
  refusals_ = source == refused_ ? refusals_ + 1 : 1;
  refused_ = source;
}

Result<OutputVerdict> Outputs::JudgeAgain(const messaging::Record& record) {
  if (one_by_one_ == 0 || SourceOf(record) != refused_) return JudgeOf(record);
  OutputVerdict verdict;
  if (refusals_ > 1) {
    LogError("output passed over: not even its dead letter can be written",
             {
                 {"source", refused_                            },
                 {"trace",  messaging::TraceIdOf(record.headers)}
    });
    return verdict;
  }
  verdict.cause = "too-large";
  verdict.detail = "Kafka refuses what it leads to";
  verdict.without_value = true;
  return verdict;
}

Result<> Outputs::Send(const messaging::OutRecord& record) {
  const SteadyTime until = clock_.Now() + kQueueDeadline;
  for (;;) {
    const Result<> sent = producer_->Send(record);
    const bool full = !sent && sent.error().code() == ErrorCode::kResourceExhausted;
    if (!full || clock_.Now() > until) return sent;
    SleepFor(5ms);  // the queue empties into the open transaction
  }
}

Result<std::size_t> Outputs::Transact(PlacedReader& reader,
                                      std::span<const messaging::Record> records,
                                      std::size_t begin) {
  const SteadyTime began = clock_.Now();
  OR_RETURN_IF_ERROR(producer_->Begin());
  Places next;
  std::size_t at = begin;
  std::size_t made = 0;
  std::map<std::string, double> dead;  // by cause
  const std::size_t end = one_by_one_ > 0 ? begin + 1 : records.size();
  for (; at < end && made < options_.max_records; ++at) {
    const messaging::Record& record = records[at];
    next[{record.topic, record.partition}] = record.offset + 1;
    if (TenantOfTopic(record.topic, "out.").empty()) continue;  // no topic of ours
    OR_ASSIGN(const OutputVerdict verdict, JudgeAgain(record));
    if (!verdict.cause.empty()) {
      if (dead.empty()) {  // one line a transaction, however bad a model is
        LogWarning("output refused", {
                                         {"source", SourceOf(record)                    },
                                         {"cause",  verdict.cause                       },
                                         {"detail", verdict.detail                      },
                                         {"trace",  messaging::TraceIdOf(record.headers)}
        });
      }
      OR_RETURN_IF_ERROR(Send(DeadOutput(record, verdict)));
      ++dead[verdict.cause];
    }
    for (const messaging::OutRecord& sample : verdict.telemetry) OR_RETURN_IF_ERROR(Send(sample));
    made += verdict.telemetry.size();
  }
  OR_RETURN_IF_ERROR(producer_->SendOffsets(next, reader.consumer()));
  OR_RETURN_IF_ERROR(producer_->Commit(kCommitDeadline));
  for (const auto& [place, offset] : next) reader.Advance(place, offset);
  one_by_one_ -= std::min(one_by_one_, at - begin);
  outputs_.Add(static_cast<double>(at - begin));
  telemetry_.Add(static_cast<double>(made));
  for (const auto& [cause, count] : dead) dead_.at(cause)->Add(count);
  not_mapped_.Add(dead["not-mapped"]);
  transaction_seconds_.Observe(std::chrono::duration<double>(clock_.Now() - began).count());
  return at;
}

Result<> Outputs::KeepEnds(PlacedReader& reader) {
  Places next;
  for (const auto& [at, end] : std::exchange(ends_, {})) {
    if (reader.Owns(at) && reader.Place(at) < end) next[at] = end;
  }
  if (next.empty()) return {};
  OR_RETURN_IF_ERROR(reader.consumer().Commit(next));
  for (const auto& [at, offset] : next) reader.Advance(at, offset);
  return {};
}

}  // namespace outrigger::data_pusher
