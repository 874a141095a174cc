// SPDX-License-Identifier: Apache-2.0
// The part of a companion that speaks with its model.
#include <algorithm>

#include "data_companion/companion.h"
#include "outrigger/base/json.h"
#include "outrigger/base/log.h"
#include "outrigger/base/retry.h"

namespace outrigger::companion {
namespace {

// A record's topic takes 17 MiB; what a model said may grow by being written anew.
constexpr std::size_t kMaxOutBytes = 16U << 20;
constexpr std::size_t kMaxDetail = 500;
constexpr Millis kNotSentPause{100};  // too many calls of all models

// A failed request's rows go on in requests of half its size.
void Halve(RowQueue::Batch& batch) {
  const std::size_t company = (RowsIn(batch) + 1) / 2;
  for (auto& lane : batch)
    for (auto& row : lane.rows) row.company = std::min(row.company, company);
}

}  // namespace

bool Companion::MayCall() const {
  return phase_ == Phase::kRunning && !quiescing_ && health_.serving() && asset_events_.Announced();
}

// A model may answer each small row with the longest reply there is: those on their way may be as
// long as the longest of late.
bool Companion::HasRoom() const {
  return calls_.size() < max_calls_ &&
         record_bytes_ + calls_.size() * reply_bytes_ < kMaxRecordBytes;
}

void Companion::Dispatch() {
  if (!MayCall()) return;
  TakeReplays();
  const auto now = context_.clock.Now();
  while (HasRoom()) {
    auto batch = queue_->Take(now, max_calls_ - calls_.size());
    if (batch.empty()) break;
    Start(std::move(batch));
  }
  if (!HasRoom()) return;  // a reply or a transaction brings us back
  const auto next = queue_->NextReady();
  if (!next || (dispatch_timer_ && *dispatch_timer_ <= *next)) return;
  dispatch_timer_ = next;
  context_.loop.PostAfter(std::max(Millis(1), std::chrono::ceil<Millis>(*next - now)),
                          [this, at = *next, alive = std::weak_ptr(alive_)] {
                            if (alive.expired()) return;
                            if (dispatch_timer_ == at) dispatch_timer_.reset();
                            Dispatch();
                          });
}

void Companion::Start(RowQueue::Batch batch) {
  const std::uint64_t number = next_call_++;
  const PendingRow& first = batch.front().rows.front();
  std::string id = spec_.deployment.str() + "-r" + std::to_string(first.row.seq) + "-p" +
                   std::to_string(first.partition) + "-" + context_.instance + "." +
                   std::to_string(number);
  auto scoring = std::make_unique<ScoreCall>(spec_, std::move(id), std::move(batch));
  http::Call call;
  call.method = "POST";
  call.url = state_.endpoint + spec_.score_path;
  call.headers = {
      {"Content-Type",         "application/json"    },
      {"traceparent",          scoring->traceparent()},
      {"Outrigger-Request-Id", scoring->id()         }
  };
  call.body = scoring->body();
  call.deadline = spec_.score_timeout;
  call.connect_timeout = std::min(call.connect_timeout, spec_.score_timeout);
  call.max_reply_bytes = scoring::kMaxMessageBytes;
  calls_.emplace(number, std::move(scoring));
  context_.http.Start(std::move(call), [this, number, loop = &context_.loop,
                                        alive = std::weak_ptr(alive_)](Result<http::Reply> reply) {
    loop->Post([this, number, alive, reply = std::move(reply)] {
      if (!alive.expired()) OnReply(number, reply);
    });
  });
}

void Companion::OnReply(std::uint64_t number, const Result<http::Reply>& reply) {
  auto node = calls_.extract(number);
  if (node.empty()) return;  // given up by a drain
  auto call = std::move(node.mapped());
  auto outcome = call->Judge(reply, context_.clock.WallMs());
  using Kind = ScoreCall::Outcome::Kind;
  if (reply) metrics_.score_seconds.Observe(static_cast<double>(reply->took.count()) / 1e6);
  if (outcome.kind == Kind::kScored) {
    metrics_.scored.Add();
    Scored(*call, outcome);
  } else if (outcome.kind == Kind::kFinal) {
    metrics_.failed.Add();
    for (auto& lane : call->batch())
      for (auto& row : lane.rows) ++row.tries;
    if (RowsIn(call->batch()) == 1) {
      GiveUp(*call, outcome);
    } else {
      Halve(call->batch());
      queue_->Return(std::move(call->batch()), context_.clock.Now());
    }
  } else if (outcome.not_sent) {
    metrics_.not_sent.Add();
    queue_->Return(std::move(call->batch()), context_.clock.Now() + kNotSentPause);
  } else {
    metrics_.Retry(ScoreCall::RetryCause(reply));
    if (const auto left_out = tell_failure_.Next(context_.clock.Now()))
      LogWarning("score request failed", {
                                             {"deployment", spec_.deployment.str()},
                                             {"request", call->id()},
                                             {"detail", outcome.detail.substr(0, kMaxDetail)},
                                             {"trace", messaging::TraceIdOf(call->traceparent())},
                                             {"left_out", *left_out}
      });
    Judging failed{std::move(call), std::move(outcome), health_.endpoint(), health_.LookNow()};
    judging_.push_back(std::move(failed));
  }
  if (phase_ == Phase::kDraining && calls_.empty()) {
    EndDrain();
    return;
  }
  Pace();
  Dispatch();
}

void Companion::Scored(ScoreCall& call, const ScoreCall::Outcome& outcome) {
  std::vector<messaging::OutRecord> records;
  for (const auto& output : outcome.outputs) {
    const std::string subject(call.asked()[output.asset].asset);
    const std::string causes = call.CausesOf(output.asset);
    auto headers = messaging::CloudEventHeaders(
        spec_.deployment.str() + "/" + causes + "/" + subject, kEventSource,
        "dev.outrigger.output.v1", context_.clock.WallMs(), call.TraceOf(output.asset));
    headers.emplace_back("model", spec_.model.str());
    headers.emplace_back("modelversion", spec_.version);
    headers.emplace_back("modeldigest", spec_.digest);
    headers.emplace_back("deployment", spec_.deployment.str());
    headers.emplace_back("requestid", call.id());
    headers.emplace_back("window", "");
    headers.emplace_back("causes", causes);
    auto value = scoring::OutRecordValue(subject, spec_.outputs, output);
    if (value.size() > kMaxOutBytes && RowsIn(call.batch()) > 1) {
      Halve(call.batch());
      queue_->Return(std::move(call.batch()), context_.clock.Now());
      return;
    }
    if (value.size() > kMaxOutBytes) {
      GiveUp(call, {ScoreCall::Outcome::Kind::kFinal,
                    {},
                    "bad-reply",
                    "the outputs are too long",
                    false,
                    false,
                    {}});
      return;
    }
    records.push_back(
        {"out." + spec_.tenant.str(), std::nullopt, subject, std::move(value), std::move(headers)});
  }
  for (const auto& output : outcome.outputs)
    outputs_ += static_cast<std::int64_t>(output.times.size());
  const std::size_t before = record_bytes_;
  for (auto& record : records) Say(std::move(record));
  reply_bytes_ = std::max(record_bytes_ - before, reply_bytes_ - reply_bytes_ / 8);
  metrics_.rows.Add(static_cast<double>(RowsIn(call.batch())));
  queue_->Done(call.batch(), RowQueue::End::kScored);
  for (const auto& lane : call.batch())
    for (const auto& row : lane.rows) End(lane.subject, row, EndedAs::kScored);
}

// From here on the journal answers for it: its text goes into the transaction that finishes its
// cause in the feed.
void Companion::Park(const std::string& subject, const PendingRow& row) {
  Say(JournalRecord(ParkedKey(subject, row), ParkedText(subject, row, spec_.inputs)));
  feeds_[static_cast<std::size_t>(row.partition)]->End(row.cause);
}

// The end of a row goes into the same transaction as what it led to.
void Companion::End(const std::string& subject, const PendingRow& row, EndedAs how) {
  if (row.replay) {
    const nlohmann::json end{
        {"id",  row.replay->letter                                },
        {"end", how == EndedAs::kScored ? "scored" : "dead-letter"}
    };
    Say(JournalRecord("replay/" + row.replay->name, Dump(end)));
    replays_.End(row.replay->name);
  } else if (row.parked) {
    Say(JournalRecord(ParkedKey(subject, row), std::nullopt));
  } else {
    feeds_[static_cast<std::size_t>(row.partition)]->End(row.cause);
  }
}

// Looks at the model's health since then say what failed requests mean.
void Companion::JudgeWaiting() {
  std::vector<Judging> judged;
  std::erase_if(judging_, [&](Judging& failed) {
    const bool moved = failed.endpoint != health_.endpoint();
    if (!moved && health_.looked() < failed.look) return false;
    judged.push_back(std::move(failed));
    return true;
  });
  for (Judging& failed : judged) {
    // A model that is not there spends no try of its rows.
    if (failed.endpoint != health_.endpoint() || !health_.serving())
      queue_->Return(std::move(failed.call->batch()), context_.clock.Now());
    else
      Failed(std::move(failed));
  }
}

void Companion::SpareLastTry(RowQueue::Batch& batch) const {
  for (auto& lane : batch)
    for (auto& row : lane.rows) row.tries = std::min(row.tries, spec_.tries - 1);
}

void Companion::Failed(Judging failed) {
  auto& batch = failed.call->batch();
  int tries = 0;
  for (auto& lane : batch)
    for (auto& row : lane.rows) tries = std::max(tries, ++row.tries);
  const RetrySchedule schedule{.max = spec_.max_backoff, .tries = spec_.tries};
  const auto now = context_.clock.Now();
  if (RowsIn(batch) > 1 && !failed.outcome.whole_model && !failed.outcome.retry_after) {
    // The halves are other requests: waiting would only hold those back that are innocent. One try
    // is left to each, so that only what fails alone is given up.
    Halve(batch);
    SpareLastTry(batch);
    queue_->Return(std::move(batch), now);
  } else if (!schedule.Exhausted(tries)) {
    const Millis delay = std::max(schedule.Delay(tries + 1, RandomUnit()),
                                  failed.outcome.retry_after.value_or(Millis(0)));
    queue_->Park(batch, [this](const auto& subject, const auto& row) { Park(subject, row); });
    queue_->Return(std::move(batch), now + delay);
  } else if (RowsIn(batch) == 1) {
    GiveUp(*failed.call, failed.outcome);
  } else {
    Halve(batch);
    SpareLastTry(batch);
    queue_->Return(std::move(batch), now);
  }
}

void Companion::GiveUp(ScoreCall& call, const ScoreCall::Outcome& outcome) {
  for (const auto& lane : call.batch())
    for (const auto& row : lane.rows)
      DeadLetter(lane.subject, row, outcome.cause, outcome.detail, &call);
  queue_->Done(call.batch(), RowQueue::End::kGivenUp);
}

void Companion::DeadLetter(const std::string& subject, const PendingRow& row,
                           const std::string& cause, const std::string& detail,
                           const ScoreCall* call) {
  const std::int64_t offset = row.row.causes.empty() ? row.row.seq : row.row.causes.back();
  const std::string source = row.replay ? row.replay->source
                                        : spec_.feed_topic + ":" + std::to_string(row.partition) +
                                              ":" + std::to_string(offset);
  auto headers = messaging::CloudEventHeaders(
      spec_.deployment.str() + "/" + (row.replay ? "replay:" + row.replay->name : source),
      kEventSource, "dev.outrigger.dead.v1", context_.clock.WallMs(),
      call ? call->TraceOf(row) : row.trace.Text());
  if (const auto left_out = tell_dead_letter_.Next(context_.clock.Now()))
    LogWarning("dead letter", {
                                  {"deployment", spec_.deployment.str()},
                                  {"cause", cause},
                                  {"detail", detail.substr(0, kMaxDetail)},
                                  {"trace", messaging::TraceIdOf(headers)},
                                  {"left_out", *left_out}
    });
  headers.insert(headers.end(), {
                                    {"model", spec_.model.str()},
                                    {"deployment", spec_.deployment.str()},
                                    {"requestid", call ? call->id() : std::string()},
                                    {"dead_cause", cause},
                                    {"dead_detail", detail.substr(0, kMaxDetail)},
                                    {"dead_tries", std::to_string(row.tries)},
                                    {"dead_source", source}
  });
  if (row.replay) headers.emplace_back("dead_replay_of", row.replay->letter);
  if (!row.row.values.empty() && MayPark(row)) {
    headers.emplace_back("dead_row", DeadRowText(subject, row, spec_.inputs));
    record_bytes_ += headers.back().second.size();
  }
  Say({"dead." + spec_.tenant.str(), std::nullopt, subject, row.record.substr(0, kMaxOutBytes),
       std::move(headers)});
  ++dead_letters_;
  metrics_.DeadLetter(cause);
  End(subject, row, EndedAs::kDeadLetter);
}

void Companion::OnHealth() {
  reported_ = reported_ && health_.status() == Health::kHealthy && health_.serving() &&
              last_told_ == Health::kHealthy;
  last_told_ = health_.status();
  if (phase_ == Phase::kDraining) return;
  JudgeWaiting();
  if (health_.serving() && phase_ == Phase::kRunning) asset_events_.Announce(health_.endpoint());
  Pace();
  Dispatch();
}

}  // namespace outrigger::companion
