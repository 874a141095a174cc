// SPDX-License-Identifier: Apache-2.0
#include "data_companion/companion.h"

#include <algorithm>

#include "outrigger/base/json.h"
#include "outrigger/base/log.h"

namespace outrigger::companion {
namespace {

constexpr Millis kReportEvery{2'000};
constexpr Millis kDrainTime{10'000};
constexpr Millis kStopPatience{10'000};  // for the end of the feed, which counts what is unscored
constexpr Millis kEndsEvery{5'000};
constexpr Millis kAskAgain{500};

// A model's rows in memory; reading rests above and goes on below.
constexpr std::size_t kRowsHigh = 10'000, kRowsLow = 5'000;
constexpr std::size_t kBytesHigh = 8U << 20, kBytesLow = 4U << 20;

constexpr int kCallsPerReplica = 8;
constexpr int kMaxCalls = 64;
constexpr RowQueue::Limits kRequestLimits{.rows = 1'000, .bytes = 1U << 20};

}  // namespace

Companion::Companion(CompanionContext context, DeploymentSpec spec)
    : context_(std::move(context)),
      spec_(std::move(spec)),
      max_calls_(
          static_cast<std::size_t>(std::clamp(spec_.replicas * kCallsPerReplica, 1, kMaxCalls))),
      columns_(std::make_shared<const std::vector<scoring::InputColumn>>(spec_.inputs)),
      metrics_(context_.metrics, spec_),
      alive_(std::make_shared<int>(0)),
      ends_(static_cast<std::size_t>(spec_.feed_partitions), 0),
      // At most a round of requests: live rows do not wait behind all of them.
      replays_(max_calls_),
      queue_(std::make_unique<RowQueue>(spec_.stateful, kRequestLimits)),
      health_(spec_, context_.loop, context_.health_http, context_.clock, [this] { OnHealth(); }),
      asset_events_(spec_, context_.loop, context_.http, context_.clock, [this] { Dispatch(); }) {}

Companion::~Companion() {
  if (phase_ != Phase::kRunning) return;
  for (int p = 0; p < spec_.feed_partitions; ++p) context_.feeds.Close(FeedAt(p));
}

Result<std::unique_ptr<Companion>> Companion::Make(CompanionContext context, DeploymentSpec spec,
                                                   const JournalState& journal) {
  std::unique_ptr<Companion> companion(new Companion(std::move(context), std::move(spec)));
  OR_RETURN_IF_ERROR(companion->Restore(journal));
  return companion;
}

Result<> Companion::Restore(const JournalState& journal) {
  for (int p = 0; p < spec_.feed_partitions; ++p) {
    const auto progress = journal.progress.find(p);
    OR_ASSIGN(auto feed, FeedPartition::Make(spec_, p,
                                             progress == journal.progress.end()
                                                 ? std::nullopt
                                                 : std::optional(progress->second),
                                             journal.subjects));
    feeds_.push_back(std::move(feed));
  }
  OR_ASSIGN(auto parked, ReadParked(journal.parked, spec_.inputs));
  for (auto& [subject, row] : parked) queue_->Push(subject, std::move(row));
  for (const auto& name : journal.replays) replays_.Restore(name);
  if (!journal.status) return {};
  const auto status = ParseJsonOr(*journal.status);
  if (!status || !status->is_object()) return {};  // told anew in a moment
  late_ = status->value("lateSamples", std::int64_t{0});
  dead_letters_ = status->value("deadLetters", std::int64_t{0});
  outputs_ = status->value("outputs", std::int64_t{0});
  remembered_health_ = status->value("health", nlohmann::json::object());
  if (status->value("phase", "") == "stopped") {
    phase_ = Phase::kStopped;
    unscored_ = status->value("unscored", std::int64_t{0});
  }
  return {};
}

void Companion::Obey(const DesiredState& state) {
  if (state.revision < state_.revision) return;
  state_ = state;
  reported_ = false;
  if (phase_ == Phase::kStopped) return;  // for good
  health_.Watch(state_.endpoint);
  if (!remembered_health_.is_null()) health_.Remember(std::exchange(remembered_health_, nullptr));
  Steer();
}

// One step towards what the control plane wants; draining comes back here when it is done.
void Companion::Steer() {
  if (phase_ == Phase::kStopped || phase_ == Phase::kDraining || quiescing_) return;
  if (state_.desired == Desired::kRun) {
    if (phase_ != Phase::kRunning) Run();
    return;
  }
  if (phase_ == Phase::kRunning) {
    Drain();
    return;
  }
  phase_ = state_.desired == Desired::kPause ? Phase::kPaused : Phase::kDrained;
  reported_ = false;
  if (state_.desired == Desired::kStop) Stop();
}

void Companion::Run() {
  phase_ = Phase::kRunning;
  reported_ = false;
  paused_ = false;
  for (int p = 0; p < spec_.feed_partitions; ++p) {
    FeedSource::Sink sink;
    sink.records = [this, p](std::vector<FeedRecord> records) { Take(p, std::move(records)); };
    sink.end = [this, p](std::int64_t next) {
      auto& end = ends_[static_cast<std::size_t>(p)];
      end = std::max(end, next);
    };
    context_.feeds.Open(FeedAt(p), feeds_[static_cast<std::size_t>(p)]->start(), columns_,
                        std::move(sink));
  }
  if (health_.serving()) asset_events_.Announce(health_.endpoint());
  Pace();
  Dispatch();
}

void Companion::Drain() {
  phase_ = Phase::kDraining;
  for (int p = 0; p < spec_.feed_partitions; ++p) context_.feeds.Close(FeedAt(p));
  for (auto& failed : judging_) queue_->Return(std::move(failed.call->batch()), {});
  judging_.clear();
  if (calls_.empty()) {
    EndDrain();
    return;
  }
  context_.loop.PostAfter(kDrainTime, [this, drain = ++drain_, alive = std::weak_ptr(alive_)] {
    if (!alive.expired() && drain == drain_ && phase_ == Phase::kDraining) EndDrain();
  });
}

// What has not ended by now stays unfinished: it is read again when the model runs again.
void Companion::EndDrain() {
  for (auto& [number, call] : calls_) queue_->Return(std::move(call->batch()), {});
  calls_.clear();
  auto parked = queue_->TakeParked();
  queue_ = std::make_unique<RowQueue>(spec_.stateful, kRequestLimits);
  for (auto& [subject, row] : parked) queue_->Push(subject, std::move(row));
  for (auto& feed : feeds_) {
    for (auto& [key, value] : feed->ForJournal(context_.clock.Now(), true))
      Say(JournalRecord(key, std::move(value)));
    const auto kept = feed->Kept();
    const int partition = static_cast<int>(&feed - feeds_.data());
    auto made = FeedPartition::Make(spec_, partition, kept.progress, kept.subjects);
    OR_CHECK(made.ok(), "a checkpoint of ours can be read");
    feed = *std::move(made);
  }
  phase_ = Phase::kPaused;
  Steer();
}

void Companion::Stop() {
  if (stopping_since_) return;
  stopping_since_ = context_.clock.Now();
  AskEnds([this] { Stopped(); });
}

void Companion::Stopped() {
  std::int64_t unscored = 0;
  for (std::size_t p = 0; p < feeds_.size(); ++p) {
    unscored += feeds_[p]->Unscored(ends_[p]);
    for (const auto& key : feeds_[p]->JournalKeys()) Say(JournalRecord(key, std::nullopt));
  }
  for (const auto& [subject, row] : queue_->TakeParked()) {
    if (row.replay) continue;  // its dead letter is its end
    Say(JournalRecord(ParkedKey(subject, row), std::nullopt));
    ++unscored;
  }
  unscored_ = unscored;
  phase_ = Phase::kStopped;
  reported_ = false;
  health_.Watch("");
}

// Asks for the ends of the feed's partitions; `then` runs when they are known or nobody says them
// in time.
void Companion::AskEnds(const std::function<void()>& then) {
  context_.feeds.Ends(spec_.feed_topic, [this, then, alive = std::weak_ptr(alive_)](
                                            const std::map<int, std::int64_t>& ends) {
    if (alive.expired()) return;
    for (const auto& [partition, end] : ends)
      if (partition < spec_.feed_partitions) {
        auto& known = ends_[static_cast<std::size_t>(partition)];
        known = std::max(known, end);
      }
    if (!then) return;
    if (!ends.empty() || context_.clock.Now() - *stopping_since_ > kStopPatience) {
      then();
      return;
    }
    context_.loop.PostAfter(kAskAgain, [this, then, alive] {
      if (!alive.expired()) AskEnds(then);
    });
  });
}

void Companion::Take(int partition, std::vector<FeedRecord> records) {
  if (phase_ != Phase::kRunning) return;
  FeedPartition& feed = *feeds_[static_cast<std::size_t>(partition)];
  for (FeedRecord& record : records) {
    auto taken = feed.Take(std::move(record));
    if (taken.late > 0) {
      late_ += taken.late;
      metrics_.late.Add(taken.late);
    }
    if (taken.bad) {
      PendingRow row;
      row.partition = partition;
      row.row.seq = row.cause = taken.bad->offset;
      row.trace = taken.bad->trace;
      row.record = std::move(taken.bad->text);
      DeadLetter(taken.bad->subject, row, "bad-record", taken.bad->fault, nullptr);
    }
    for (auto& [subject, row] : taken.rows) {
      if (row.bytes > scoring::kMaxMessageBytes)
        DeadLetter(subject, row, "too-large", "the row alone is more than a request may be",
                   nullptr);
      else
        Wait(subject, std::move(row));
    }
  }
  Pace();
  Dispatch();
}

void Companion::Replay(Replays::Wanted wanted) {
  replays_.Put(std::move(wanted));
  Dispatch();
}

void Companion::ForgetReplay(const std::string& name) {
  if (replays_.Drop(name)) Say(JournalRecord("replay/" + name, std::nullopt));
}

void Companion::ForgetStaleReplays() {
  for (const auto& name : replays_.TakeStale()) Say(JournalRecord("replay/" + name, std::nullopt));
}

void Companion::TakeReplays() {
  while (record_bytes_ < kMaxRecordBytes) {
    const auto wanted = replays_.Take();
    if (!wanted) return;
    auto read = ReadReplay(*wanted, spec_);
    if (!read) {
      replays_.End(wanted->name);
      LogError("replay passed over", {
                                         {"deployment", spec_.deployment.str()},
                                         read.error()
      });
    } else if (!read->fault.empty()) {
      DeadLetter(read->subject, read->row, "bad-record", read->fault, nullptr);
    } else {
      queue_->Push(read->subject, std::move(read->row));
    }
  }
}

// Behind parked rows of its lane a row is parked too: the feed does not wait for it.
void Companion::Wait(const std::string& subject, PendingRow row) {
  if (MayPark(row) && queue_->Follows(subject, row)) {
    row.parked = true;
    Park(subject, row);
  }
  queue_->Push(subject, std::move(row));
}

// Reading rests while enough rows wait or the model is not there.
void Companion::Pace() {
  if (phase_ != Phase::kRunning) return;
  const bool full = std::ranges::any_of(feeds_, [](const auto& feed) { return feed->Full(); });
  const bool high = full || queue_->rows() >= kRowsHigh || queue_->bytes() >= kBytesHigh ||
                    record_bytes_ >= kMaxRecordBytes;
  const bool low = !full && queue_->rows() <= kRowsLow && queue_->bytes() <= kBytesLow;
  const bool pause = !health_.serving() || high || (paused_ && !low);
  if (pause == paused_) return;
  paused_ = pause;
  for (int p = 0; p < spec_.feed_partitions; ++p)
    pause ? context_.feeds.Pause(FeedAt(p)) : context_.feeds.Resume(FeedAt(p));
}

std::int64_t Companion::Lag() const {
  auto lag = static_cast<std::int64_t>(queue_->parked() + replays_.waiting());
  for (std::size_t p = 0; p < feeds_.size(); ++p) lag += feeds_[p]->Unscored(ends_[p]);
  return lag;
}

void Companion::Show(std::size_t said) {
  const auto show = [](Gauge& gauge, auto number) { gauge.Set(static_cast<double>(number)); };
  show(metrics_.lag, Lag());
  show(metrics_.waiting_rows, queue_->rows());
  show(metrics_.waiting_bytes, queue_->bytes());
  show(metrics_.parked_rows, queue_->parked());
  show(metrics_.waiting_replays, replays_.waiting());
  show(metrics_.requests_in_flight, calls_.size());
  show(metrics_.waiting_record_bytes, said);
  const bool to_run = state_.desired == Desired::kRun && phase_ != Phase::kStopped;
  show(metrics_.model_unhealthy, to_run && health_.status() != Health::kHealthy ? 1 : 0);
}

const char* Companion::PhaseName() const {
  switch (phase_) {
    case Phase::kPaused:
      return "paused";
    case Phase::kRunning:
    case Phase::kDraining:
      return "running";
    case Phase::kDrained:
      return "drained";
    case Phase::kStopped:
      return "stopped";
  }
  return "paused";
}

std::string Companion::Status(std::int64_t now_wall_ms) {
  nlohmann::json status{
      {"deployment",    spec_.deployment.str()},
      {"phase",         PhaseName()           },
      {"stateRevision", state_.revision       },
      {"endpoint",      state_.endpoint       },
      {"health",        health_.Report()      },
      {"lag",           Lag()                 },
      {"lateSamples",   late_                 },
      {"deadLetters",   dead_letters_         },
      {"outputs",       outputs_              },
      {"host",          context_.slot         },
      {"instance",      context_.instance     },
      {"time",          now_wall_ms           }
  };
  if (unscored_) status["unscored"] = *unscored_;
  return Dump(status);
}

bool Companion::HasRecords() const {
  if (!records_.empty() || !reported_) return true;
  if (phase_ != Phase::kStopped && context_.clock.Now() >= next_report_) return true;
  return phase_ != Phase::kStopped &&
         std::ranges::any_of(feeds_, [](const auto& feed) { return feed->dirty(); });
}

messaging::OutRecord Companion::JournalRecord(const std::string& key,
                                              std::optional<std::string> value) const {
  std::string whole = spec_.deployment.str() + "/" + key;
  auto headers = messaging::CloudEventHeaders(whole, kEventSource, "dev.outrigger.journal.v1",
                                              context_.clock.WallMs());
  return {"journal." + spec_.tenant.str(), 0, std::move(whole), std::move(value),
          std::move(headers)};
}

void Companion::Say(messaging::OutRecord record) {
  record_bytes_ += record.value ? record.value->size() : 0;
  records_.push_back(std::move(record));
}

std::vector<messaging::OutRecord> Companion::TakeRecords() {
  std::vector<messaging::OutRecord> records = std::exchange(records_, {});
  const std::size_t said = std::exchange(record_bytes_, 0);
  const auto now = context_.clock.Now();
  const auto tell = [&](const std::string& key, std::string value) {
    records.push_back(JournalRecord(key, std::move(value)));
  };
  if (phase_ != Phase::kStopped)
    for (auto& feed : feeds_)
      if (feed->dirty())
        for (auto& [key, value] : feed->ForJournal(now)) tell(key, std::move(value));
  if (!reported_ || (phase_ != Phase::kStopped && now >= next_report_)) {
    tell("status", Status(context_.clock.WallMs()));
    reported_ = true;
    next_report_ = now + kReportEvery;
    Show(said);
    if (phase_ != Phase::kStopped && now >= next_ends_) {
      next_ends_ = now + kEndsEvery;
      AskEnds(nullptr);
    }
  }
  if (said > 0) {  // there is room for the next ones
    Pace();
    Dispatch();
  }
  return records;
}

void Companion::Quiesce() { quiescing_ = true; }

}  // namespace outrigger::companion
