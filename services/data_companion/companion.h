// SPDX-License-Identifier: Apache-2.0
// Companion: one deployment's model and everything between it and Kafka: its feed becomes rows,
// rows become requests, replies become outputs, and each cause gets exactly one end.
//
//                pause ──▶ paused                     (health is polled, nothing is taken)
//   run ──▶ running ──▶ draining ──▶ paused, drained or stopped      (as the control plane wants)
//
// Threads:  the event loop only.
// Durable:  nothing by itself. TakeRecords() hands over what the next transaction must hold; what
//           was handed over counts as done, because the writer keeps it until it is committed.
// See also: docs/formats/{control,feed,journal,out,dead}.md
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "data_companion/asset_events.h"
#include "data_companion/companion_metrics.h"
#include "data_companion/deployment_spec.h"
#include "data_companion/event_loop.h"
#include "data_companion/feed_partition.h"
#include "data_companion/health_monitor.h"
#include "data_companion/parking.h"
#include "data_companion/ports.h"
#include "data_companion/replays.h"
#include "data_companion/row_queue.h"
#include "data_companion/score_call.h"
#include "data_companion/seldom.h"
#include "outrigger/http/client.h"
#include "outrigger/messaging/record.h"

namespace outrigger::companion {

// What the journal holds of a deployment.
struct JournalState {
  std::map<int, std::string> progress;  // by partition
  SubjectStates subjects;
  ParkedRows parked;
  std::set<std::string> replays;  // names of those that ended
  std::optional<std::string> status;
};

struct CompanionContext {
  EventLoop& loop;
  http::Client& http;
  http::Client& health_http;  // its own: looks wait behind no flood of requests
  Clock& clock;
  Metrics& metrics;
  FeedSource& feeds;
  std::string slot;
  std::string instance;  // of this process, to tell it from others of the slot
};

class Companion {
 public:
  // Errors: kCorrupt - the journal cannot be read.
  static Result<std::unique_ptr<Companion>> Make(CompanionContext context, DeploymentSpec spec,
                                                 const JournalState& journal);
  ~Companion();
  Companion(const Companion&) = delete;

  const DeploymentSpec& spec() const { return spec_; }
  // A lower revision than the one obeyed is ignored.
  void Obey(const DesiredState& state);
  AssetEvents& asset_events() { return asset_events_; }
  // Control wants a dead letter tried again.
  void Replay(Replays::Wanted wanted);
  // Control no longer speaks of it.
  void ForgetReplay(const std::string& name);
  // Control was read to its end: ends that it does not speak of need not be kept.
  void ForgetStaleReplays();

  // Whether the next transaction should hold something of it.
  bool HasRecords() const;
  // Bytes of them, about, without what the journal is told. They go into one transaction: the
  // progress that is told with them counts them as written.
  std::size_t record_bytes() const { return record_bytes_; }
  std::vector<messaging::OutRecord> TakeRecords();

  // The process ends: no new request. What is on its way may end until Idle() or until the caller
  // has no more time.
  void Quiesce();
  bool Idle() const { return calls_.empty() && judging_.empty(); }

 private:
  enum class Phase { kPaused, kRunning, kDraining, kDrained, kStopped };
  static constexpr auto kEventSource = "/data_companion";
  // Of records for the next transaction: beyond it the model rests.
  static constexpr std::size_t kMaxRecordBytes = 32U << 20;

  struct Judging {  // a failed request, until a look at the model's health says what it means
    std::unique_ptr<ScoreCall> call;
    ScoreCall::Outcome outcome;
    std::string endpoint;
    std::uint64_t look = 0;
  };

  Companion(CompanionContext context, DeploymentSpec spec);
  Result<> Restore(const JournalState& journal);

  // companion.cc: phases and records
  void Steer();
  void Run();
  void Drain();
  void EndDrain();
  void Stop();
  void Stopped();
  void Take(int partition, std::vector<FeedRecord> records);
  void Wait(const std::string& subject, PendingRow row);
  void Pace();
  std::string Status(std::int64_t now_wall_ms);
  void Show(std::size_t said);
  void AskEnds(const std::function<void()>& then);
  std::int64_t Lag() const;
  const char* PhaseName() const;
  messaging::OutRecord JournalRecord(const std::string& key,
                                     std::optional<std::string> value) const;
  void Say(messaging::OutRecord record);
  void Park(const std::string& subject, const PendingRow& row);
  enum class EndedAs { kScored, kDeadLetter };
  void End(const std::string& subject, const PendingRow& row, EndedAs how);
  void TakeReplays();

  // companion_calls.cc: requests
  void Dispatch();
  bool MayCall() const;
  bool HasRoom() const;
  void Start(RowQueue::Batch batch);
  void OnReply(std::uint64_t id, const Result<http::Reply>& reply);
  void Scored(ScoreCall& call, const ScoreCall::Outcome& outcome);
  void JudgeWaiting();
  void Failed(Judging failed);
  void SpareLastTry(RowQueue::Batch& batch) const;
  void GiveUp(ScoreCall& call, const ScoreCall::Outcome& outcome);
  // `call`: the request that it ended with; null: none was made.
  void DeadLetter(const std::string& subject, const PendingRow& row, const std::string& cause,
                  const std::string& detail, const ScoreCall* call);
  void OnHealth();

  messaging::TopicPartition FeedAt(int partition) const { return {spec_.feed_topic, partition}; }

  CompanionContext context_;
  const DeploymentSpec spec_;
  const std::size_t max_calls_;
  const std::shared_ptr<const std::vector<scoring::InputColumn>>
      columns_;  // shared: see FeedSource
  CompanionMetrics metrics_;
  std::shared_ptr<int> alive_;  // shared with tasks: they see that the companion is gone

  Phase phase_ = Phase::kPaused;
  DesiredState state_;
  bool quiescing_ = false;
  bool reported_ = false;  // the status says how things are
  Health last_told_ = Health::kUnknown;
  SteadyTime next_report_{};
  std::uint64_t drain_ = 0;                   // names a drain, for its deadline
  std::optional<SteadyTime> stopping_since_;  // drained to stop; the feed's end is being asked for
  nlohmann::json remembered_health_;
  std::optional<std::int64_t> unscored_;

  std::vector<std::unique_ptr<FeedPartition>> feeds_;
  std::vector<std::int64_t> ends_;  // of the feed's partitions, as far as known
  SteadyTime next_ends_{};
  Replays replays_;
  bool paused_ = false;  // reading rests: enough rows wait
  std::unique_ptr<RowQueue> queue_;
  std::map<std::uint64_t, std::unique_ptr<ScoreCall>> calls_;  // on their way
  std::vector<Judging> judging_;
  std::uint64_t next_call_ = 1;
  std::optional<SteadyTime> dispatch_timer_;

  std::vector<messaging::OutRecord> records_;  // for the next transaction
  std::size_t record_bytes_ = 0;
  std::size_t reply_bytes_ = 0;  // of records that a reply led to lately, at most
  std::int64_t late_ = 0, dead_letters_ = 0, outputs_ = 0;
  Seldom tell_failure_, tell_dead_letter_;

  HealthMonitor health_;
  AssetEvents asset_events_;
};

}  // namespace outrigger::companion
