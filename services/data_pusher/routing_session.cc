// SPDX-License-Identifier: Apache-2.0
#include "data_pusher/routing_session.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "data_pusher/projection.h"
#include "outrigger/base/log.h"
#include "outrigger/messaging/trace.h"

namespace outrigger::data_pusher {
namespace {

using namespace std::chrono_literals;  // NOLINT
using messaging::TopicPartition;

constexpr char kTopic[] = "telemetry";
constexpr char kGroup[] = "outrigger-router";
constexpr std::size_t kBatch = 128;
constexpr Millis kIdleWait = 20ms;
constexpr Millis kAdminDeadline = 5s;
constexpr Millis kPrepareAgain = 500ms;
constexpr Millis kSweepEvery = 30s;
constexpr Millis kCatalogDeadline = 1s;
constexpr Millis kCatalogPatience = 20s;
constexpr std::int64_t kClockSkewMs = 1'000;  // between the brokers' clocks and ours

std::string HeaderOr(const messaging::Record& record, std::string_view name) {
  return std::string(messaging::FindHeader(record.headers, name).value_or(std::string_view()));
}

}  // namespace

RoutingSession::RoutingSession(const RouterOptions& options, CatalogView& catalog, HotStore& hot,
                               Clock& clock, Metrics& metrics)
    : options_(options),
      catalog_(catalog),
      hot_(hot),
      clock_(clock),
      routed_(metrics.GetCounter("outrigger_pusher_routed_total", "Samples routed")),
      fed_(metrics.GetCounter("outrigger_pusher_fed_total", "Records written to feeds")),
      repeats_(metrics.GetCounter("outrigger_pusher_repeats_total",
                                  "Samples that were sent again and not routed again")),
      bad_(metrics.GetCounter("outrigger_pusher_bad_samples_total",
                              "Records of telemetry that are no samples")),
      owned_(metrics.GetGauge("outrigger_pusher_partitions", "Partitions of telemetry routed")),
      remembered_(
          metrics.GetGauge("outrigger_pusher_remembered_samples", "Samples kept to know repeats")),
      behind_(metrics.GetGauge("outrigger_pusher_routing_lag_seconds",
                               "Age of the sample that was routed last, 0 at the end")),
      writer_(options.feeds, clock, metrics) {}

Result<> RoutingSession::Open() {
  OR_ASSIGN(admin_, messaging::Admin::Make(options_.kafka));
  messaging::Producer::Options feeds;
  feeds.delivery_timeout = 0ms;
  feeds.max_queued = options_.feeds.max_in_flight * 2;
  OR_ASSIGN(producer_, messaging::Producer::Make(options_.kafka, feeds));
  messaging::Consumer::Options group;
  group.group = kGroup;
  group.instance = options_.instance;
  OR_ASSIGN(consumer_, messaging::Consumer::Make(options_.kafka, group));
  return consumer_->Subscribe(
      {kTopic},
      [this](const std::vector<TopicPartition>& taken) {
        for (const TopicPartition& each : taken) {
          partitions_[each.partition] = std::make_shared<RoutedPartition>(each.partition, ++epoch_);
        }
        next_prepare_ = {};
      },
      [this](const std::vector<TopicPartition>& lost) {
        for (const TopicPartition& each : lost) {
          partitions_.erase(each.partition);
          hot_.Drop(each.partition);
        }
      });
}

Result<> RoutingSession::Run(const std::stop_token& stop, std::atomic<bool>& running) {
  OR_RETURN_IF_ERROR(Open());
  while (!stop.stop_requested()) {
    OR_RETURN_IF_ERROR(Step(stop));
    running = producer_->Connected();
  }
  if (!producer_->Connected()) return {};  // Kafka is gone: nothing can be acknowledged now
  // What is not acknowledged by then is routed again by the next owner, with the same `src`.
  if (Result<> flushed = producer_->Flush(2s); !flushed) {
    LogWarning("feeds not flushed", {flushed.error()});
  }
  next_commit_ = {};
  Commit();
  return {};
}

Result<> RoutingSession::Step(const std::stop_token& stop) {
  const std::uint64_t before = epoch_;
  OR_ASSIGN(messaging::Consumer::Batch batch, consumer_->Poll(kIdleWait, kBatch));
  UseCatalog();
  OR_RETURN_IF_ERROR(TakeAll(batch.records, before, stop));
  const double age =
      batch.records.empty()
          ? 0
          : static_cast<double>(clock_.WallMs() - batch.records.back().time.ms) / 1e3;
  behind_.Set(std::max(age, 0.0));
  for (const messaging::EndOfPartition& end : batch.ends) {
    const auto owned = partitions_.find(end.at.partition);
    if (owned != partitions_.end() && owned->second->epoch() <= before) TakeEnd(end);
  }
  Prepare();
  writer_.Tick(*producer_, *snapshot_);
  if (writer_.Failed()) return Error(ErrorCode::kUnavailable, "the feed producer is lost");
  Tell();
  Commit();
  Sweep();
  return {};
}

Result<> RoutingSession::TakeAll(std::vector<messaging::Record>& records, std::uint64_t epoch,
                                 const std::stop_token& stop) {
  ArrivalTime newest;
  for (const messaging::Record& record : records) newest = std::max(newest, record.time);
  for (messaging::Record& record : records) {
    if (!writer_.HasRoom()) OR_RETURN_IF_ERROR(WaitForRoom(stop));
    if (stop.stop_requested()) return {};
    const auto owned = partitions_.find(record.partition);
    if (owned == partitions_.end() || owned->second->epoch() > epoch) continue;
    if (NeedsCatalog(*owned->second, record)) OR_RETURN_IF_ERROR(ReadCatalog(newest, stop));
    OR_RETURN_IF_ERROR(Take(PartitionPtr(owned->second), record, stop));
  }
  return {};
}

void RoutingSession::UseCatalog() {
  snapshot_ = catalog_.Snapshot();
  for (auto& [number, partition] : partitions_) partition->SwitchTo(snapshot_->revision);
}

// An asset may have been made a moment before its sample. One look serves all that arrived before
// it, so that samples of assets that really are unknown cost little, however many.
bool RoutingSession::NeedsCatalog(const RoutedPartition& partition,
                                  const messaging::Record& record) const {
  const bool routes = partition.acks() != nullptr && record.offset >= partition.first();
  return routes && record.key && record.time.ms > catalog_read_to_ &&
         snapshot_->assets.Find(*record.key) == nullptr;
}

Result<> RoutingSession::ReadCatalog(ArrivalTime newest, const std::stop_token& stop) {
  const std::int64_t now = clock_.WallMs();
  const SteadyTime until = clock_.Now() + kCatalogPatience;
  Result<> read = catalog_.ReadToEnd(kCatalogDeadline);
  while (!read && !stop.stop_requested() && clock_.Now() < until) {
    read = catalog_.ReadToEnd(kCatalogDeadline);
  }
  OR_RETURN_IF_ERROR(read);
  catalog_read_to_ = std::max(newest.ms, now - kClockSkewMs);
  UseCatalog();
  return {};
}

void RoutingSession::Prepare() {
  if (clock_.Now() < next_prepare_) return;
  next_prepare_ = clock_.Now() + kPrepareAgain;
  Begin();
  for (auto& [number, partition] : partitions_) {
    if (partition->phase() == RoutedPartition::Phase::kLookUp) LookUp(*partition);
  }
}

void RoutingSession::Begin() {
  const auto taken = [](const auto& each) {
    return each.second->phase() == RoutedPartition::Phase::kTaken;
  };
  if (!std::ranges::any_of(partitions_, taken)) return;
  const auto committed = admin_->CommittedOffsets(kGroup, kTopic, kAdminDeadline);
  const auto beginnings = admin_->OffsetsAt(kTopic, ArrivalTime{0}, kAdminDeadline);
  if (!committed || !beginnings) {
    LogWarning("place to route from unknown", {committed ? beginnings.error() : committed.error()});
    return;
  }
  // Whoever had them may have routed by, and told of, a newer catalog than ours.
  if (const Result<> read = catalog_.ReadToEnd(kCatalogDeadline); !read) {
    LogWarning("catalog not read before partitions are taken", {read.error()});
    return;
  }
  UseCatalog();
  for (auto& each : partitions_) {
    if (!taken(each)) continue;
    const int number = each.first;
    std::int64_t from = beginnings->contains(number) ? beginnings->at(number) : 0;
    if (const auto at = committed->find(number); at != committed->end()) {
      from = std::max(from, at->second);
    }
    if (Result<> sought = consumer_->Seek({kTopic, number}, from); !sought) {
      LogWarning("place to route from not taken", {
                                                      {"partition", number},
                                                      sought.error()
      });
      continue;
    }
    each.second->Began();
    LogInfo("partition taken", {
                                   {"partition", number},
                                   {"offset",    from  }
    });
  }
}

void RoutingSession::LookUp(RoutedPartition& partition) {
  const auto offsets = admin_->OffsetsAt(kTopic, partition.rebuild_from(), kAdminDeadline);
  if (!offsets || !offsets->contains(partition.partition())) return;
  const std::int64_t from = std::min(offsets->at(partition.partition()), partition.first());
  if (!consumer_->Seek({kTopic, partition.partition()}, from)) return;
  partition.LookedUp(from);
  partition.SwitchTo(snapshot_->revision);
}

Result<> RoutingSession::Take(const PartitionPtr& at, messaging::Record& record,
                              const std::stop_token& stop) {
  RoutedPartition& partition = *at;
  using Phase = RoutedPartition::Phase;
  if (partition.phase() == Phase::kFind) {
    const bool stamped = record.time.ms > 0;
    partition.Found(record.offset, stamped ? record.time : ArrivalTime{clock_.WallMs()});
    next_prepare_ = {};
    return {};
  }
  if (partition.phase() != Phase::kRebuild && partition.phase() != Phase::kRoute) return {};
  const Result<const Sample*> sample = parser_.Parse(record);
  const std::optional<std::string_view> id = messaging::FindHeader(record.headers, "ce_id");
  const bool fresh = !sample || !id || partition.filter().IsNew(*record.key, *id, record.time);
  if (sample) hot_.Put(**sample, record.partition, record.offset);
  if (!partition.Routes(record.offset)) return {};
  partition.acks()->Begin(record.offset);
  if (!sample) {
    bad_.Add();
    LogWarning("sample not readable", {
                                          {"partition", record.partition                    },
                                          {"offset",    record.offset                       },
                                          {"trace",     messaging::TraceIdOf(record.headers)},
                                          sample.error()
    });
  } else if (!fresh) {
    repeats_.Add();
  } else {
    OR_ASSIGN(const bool whole, Route(at, record, **sample, stop));
    if (!whole) return {};  // it stays open: whoever routes next begins with it
  }
  partition.acks()->MoveTo(record.offset + 1);
  return {};
}

Result<bool> RoutingSession::Route(const PartitionPtr& partition, messaging::Record& record,
                                   const Sample& sample, const std::stop_token& stop) {
  const std::string src = std::to_string(record.partition) + ':' + std::to_string(record.offset);
  const std::string trace = HeaderOr(record, "traceparent");
  const SnapshotPtr catalog = snapshot_;  // waiting may bring another
  Result<> waited;
  const auto goes_on = [&] {
    if (!waited || stop.stop_requested()) return false;
    const auto owned = partitions_.find(partition->partition());
    return owned != partitions_.end() && owned->second == partition;
  };
  Project(sample, *catalog, [&](FeedRecord feed) {
    // A sample may go to thousands of subjects: there need not be room for all at once.
    if (waited && !writer_.HasRoom()) waited = WaitForRoom(stop);
    if (!goes_on()) return;
    messaging::OutRecord out;
    out.topic = feed.route->feed_topic;
    out.key = std::string(feed.subject);
    out.value = std::move(feed.value);
    out.headers =
        messaging::CloudEventHeaders(feed.route->deployment + '/' + src + '/' + *out.key,
                                     "/data_pusher", "dev.outrigger.feed.v1", sample.time, trace);
    out.headers.emplace_back("src", src);
    out.headers.emplace_back("rev", std::to_string(feed.route->revision));
    partition->acks()->Add();
    fed_.Add();
    writer_.Send(*producer_, std::move(feed.route), std::move(out),
                 [acks = partition->acks(), offset = record.offset] { acks->Done(offset); });
  });
  OR_RETURN_IF_ERROR(waited);
  if (!goes_on()) return false;
  routed_.Add();
  return true;
}

void RoutingSession::TakeEnd(const messaging::EndOfPartition& end) {
  RoutedPartition& partition = *partitions_.at(end.at.partition);
  if (partition.phase() == RoutedPartition::Phase::kFind) {
    partition.Found(end.next, ArrivalTime{clock_.WallMs()});
    next_prepare_ = {};
    return;
  }
  partition.AtEnd(end.next);
}

// Keeps the membership of the group while feeds are slow: paused, but polled.
Result<> RoutingSession::WaitForRoom(const std::stop_token& stop) {
  OR_RETURN_IF_ERROR(consumer_->Pause(consumer_->Assignment()));
  while (!stop.stop_requested() && !writer_.HasRoom() && !writer_.Failed()) {
    // A partition taken meanwhile is not paused; it is sought back when it is prepared.
    OR_RETURN_IF_ERROR(consumer_->Poll(50ms, 1));
    UseCatalog();  // a route that was closed meanwhile gives its room back
    writer_.Tick(*producer_, *snapshot_);
    Tell();
    Commit();
  }
  return consumer_->Resume(consumer_->Assignment());
}

void RoutingSession::Tell() {
  const SteadyTime now = clock_.Now();
  for (auto& [number, partition] : partitions_) {
    const auto status = partition->Promise();
    if (!status || *partition->telling) continue;
    const bool grown = status->revision > partition->told_revision;
    if (!grown && now - partition->told_at < options_.tell_every) continue;
    const std::int64_t wall = clock_.WallMs();
    messaging::OutRecord out;
    out.topic = "pusher-status";
    out.key = std::to_string(number);
    out.value = StatusJson(number, *status, wall);
    out.headers = messaging::CloudEventHeaders(
        std::to_string(number) + '/' + std::to_string(status->offset) + '/' + std::to_string(wall),
        "/data_pusher", "dev.outrigger.pusher.status.v1", wall);
    *partition->telling = true;
    const auto told = [telling = partition->telling](const auto&) { *telling = false; };
    if (!producer_->Send(out, told)) {
      *partition->telling = false;
      continue;
    }
    partition->told_revision = status->revision;
    partition->told_at = now;
  }
}

void RoutingSession::Commit() {
  if (clock_.Now() < next_commit_) return;
  next_commit_ = clock_.Now() + options_.commit_every;
  std::map<TopicPartition, std::int64_t> next;
  for (auto& [number, partition] : partitions_) {
    if (partition->phase() != RoutedPartition::Phase::kRoute) continue;
    const std::int64_t below = partition->acks()->Below();
    if (below > partition->committed) next[{kTopic, number}] = below;
  }
  if (next.empty()) return;
  if (Result<> committed = consumer_->Commit(next); !committed) {
    LogWarning("router offsets not committed", {committed.error()});
    return;
  }
  for (const auto& [at, offset] : next) partitions_.at(at.partition)->committed = offset;
}

void RoutingSession::Sweep() {
  if (clock_.Now() < next_sweep_) return;
  next_sweep_ = clock_.Now() + kSweepEvery;
  std::size_t remembered = 0;
  for (auto& [number, partition] : partitions_) {
    if (partition->phase() == RoutedPartition::Phase::kRoute) {
      partition->filter().Sweep(ArrivalTime{clock_.WallMs()});
    }
    remembered += partition->filter().size();
  }
  remembered_.Set(static_cast<double>(remembered));
  owned_.Set(static_cast<double>(partitions_.size()));
}

}  // namespace outrigger::data_pusher
