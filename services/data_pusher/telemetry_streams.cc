// SPDX-License-Identifier: Apache-2.0
#include "data_pusher/telemetry_streams.h"

#include <utility>

#include "data_pusher/caller.h"
#include "outrigger/base/log.h"
#include "outrigger/http/problem.h"

namespace outrigger::data_pusher {
namespace {

constexpr const char* kTopic = "telemetry";
constexpr Millis kOpenWait{3'000};
constexpr Millis kKafkaDeadline{2'000};
constexpr Millis kPollWait{50};
constexpr Millis kSweepEvery{200};
constexpr Millis kLookForPartitions{60'000};
constexpr Millis kIdle{10'000};  // with no stream, before the live reader goes
constexpr Millis kTryAgain{200};

http::Response TooMany(int status, std::string detail) {
  return http::ToResponse({status,
                           "too-many-streams",
                           {},
                           std::move(detail),
                           "close a stream that nobody reads, or try again",
                           {},
                           {{"Retry-After", "5"}}});
}

http::Response TooMany(Admission::Full full, const std::string& what) {
  if (full == Admission::Full::kTenant) return TooMany(429, "this tenant has as many " + what);
  return TooMany(503, "there are as many " + what);
}

}  // namespace

TelemetryStreams::TelemetryStreams(const Options& options, CredentialView& credentials,
                                   Clock& clock, Metrics& metrics)
    : options_(options),
      credentials_(credentials),
      clock_(clock),
      events_(metrics.GetCounter("outrigger_pusher_stream_events_total",
                                 "Samples sent to clients of streams")),
      cut_off_(metrics.GetCounter("outrigger_pusher_stream_cut_off_total",
                                  "Streams closed because their client read too slowly")),
      gaps_(metrics.GetCounter("outrigger_pusher_stream_gaps_total",
                               "Streams resumed behind what Kafka keeps")),
      admission_(options.streams, metrics.GetGauge("outrigger_pusher_stream_open", "Open streams")),
      catch_up_slots_(options.catch_ups,
                      metrics.GetGauge("outrigger_pusher_stream_catch_ups",
                                       "Streams that read what was before they came")),
      catch_ups_(static_cast<int>(options.catch_ups.all), options.catch_ups.all),
      thread_([this](const std::stop_token& stop) { Run(stop); }) {}

TelemetryStreams::~TelemetryStreams() { RequestStop(); }

void TelemetryStreams::RequestStop() {
  stopping_ = true;
  thread_.request_stop();
  EndAll();
  changed_.notify_all();
}

std::expected<http::StreamStart, http::Response> TelemetryStreams::Open(
    const StreamRequest& request) {
  auto ticket = admission_.Enter(request.tenant);
  if (!ticket) return std::unexpected(TooMany(ticket.error(), "streams as it may have"));
  Admission::Ticket slot;
  if (request.after) {
    auto entered = catch_up_slots_.Enter(request.tenant);
    if (!entered) {
      return std::unexpected(TooMany(entered.error(), "streams catching up as there may be"));
    }
    slot = *std::move(entered);
  }
  {
    std::unique_lock lock(mutex_);
    changed_.notify_all();
    changed_.wait_for(lock, kOpenWait, [&] { return open_ || stopping_; });
    if (!open_ || stopping_) {
      return std::unexpected(FailureOf(Error(ErrorCode::kUnavailable, "Kafka does not answer")));
    }
  }
  return http::StreamStart{
      [this, request, ticket = *std::move(ticket), slot](const http::BodyStreamPtr& out) {
        Attach(request, ticket, slot, out);
      },
      options_.queue_bytes};
}

void TelemetryStreams::Attach(const StreamRequest& request, const Admission::Ticket& ticket,
                              const Admission::Ticket& slot, const http::BodyStreamPtr& out) {
  const std::lock_guard lock(mutex_);
  if (!open_ || stopping_) return out->End();
  const auto client = std::make_shared<Client>(Client{
      {request, live_, out},
      ticket
  });
  clients_[request.tenant].push_back(client);
  if (request.after) {
    catch_ups_.Push([this, client, slot] { CatchUp(*client); });
  } else {
    client->stream.Tell(": from here on\n", live_);
  }
}

void TelemetryStreams::Run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      if (!changed_.wait(lock, stop, [this] { return admission_.inside() > 0; })) return;
    }
    const Result<> ended = Session(stop);
    if (ended) continue;
    LogError("reader of the streams begins anew", {ended.error()});
    EndAll();  // they resume behind the id they have, by another reader
    const SteadyTime until = clock_.Now() + kTryAgain;
    while (clock_.Now() < until && !stop.stop_requested()) SleepFor(Millis{20});
  }
}

Result<> TelemetryStreams::Session(const std::stop_token& stop) {
  OR_ASSIGN(const auto admin, messaging::Admin::Make(options_.kafka));
  OR_ASSIGN(Offsets ends, admin->EndOffsets(kTopic, kKafkaDeadline));
  std::map<messaging::TopicPartition, std::int64_t> from;
  for (const auto& [partition, end] : ends) from[{kTopic, partition}] = end;
  OR_ASSIGN(const auto consumer, messaging::Consumer::Make(options_.kafka, {}));
  OR_RETURN_IF_ERROR(consumer->Assign(from));
  {
    const std::lock_guard lock(mutex_);
    live_ = std::move(ends);
    open_ = true;
  }
  changed_.notify_all();
  SteadyTime used = clock_.Now();
  SteadyTime swept = used;
  SteadyTime looked = used;
  while (!stop.stop_requested()) {
    OR_ASSIGN(messaging::Consumer::Batch batch, consumer->Poll(kPollWait));
    for (messaging::Record& record : batch.records) Dispatch(record);
    for (const messaging::EndOfPartition& end : batch.ends) {
      const std::lock_guard lock(mutex_);
      live_[end.at.partition] = std::max(live_[end.at.partition], end.next);
    }
    const SteadyTime now = clock_.Now();
    if (now - swept >= kSweepEvery) Sweep(), swept = now;
    if (now - looked >= kLookForPartitions) {
      looked = now;
      const auto found = admin->EndOffsets(kTopic, kKafkaDeadline);
      if (found && found->size() != from.size())
        return Error(ErrorCode::kUnavailable, "the topic has more partitions");
    }
    const std::lock_guard lock(mutex_);
    if (admission_.inside() > 0) used = now;
    if (now - used < kIdle) continue;
    open_ = false;
    return {};
  }
  return {};
}

void TelemetryStreams::Dispatch(messaging::Record& record) {
  const auto tenant = messaging::FindHeader(record.headers, "tenant");
  const std::lock_guard lock(mutex_);
  live_[record.partition] = record.offset + 1;
  const auto found = tenant ? clients_.find(*tenant) : clients_.end();
  if (found == clients_.end()) return;
  const Result<const Sample*> parsed = parser_.Parse(record);
  if (!parsed || (*parsed)->tenant != *tenant) return;  // the router counts and tells it
  for (const ClientPtr& client : found->second) {
    switch (client->stream.OfferLive(record.partition, record.offset, *parsed, live_)) {
      case TelemetryStream::Sent::kYes:
        events_.Add();
        break;
      case TelemetryStream::Sent::kFull:
        CutOff(*client);
        break;
      case TelemetryStream::Sent::kNothing:
        break;
    }
  }
}

void TelemetryStreams::CutOff(Client& client) {
  if (client.stream.out().Closed()) return;
  client.stream.out().Abort();
  cut_off_.Add();
}

void TelemetryStreams::Sweep() {
  const std::lock_guard lock(mutex_);
  for (auto& [tenant, clients] : clients_) {
    std::erase_if(clients, [this](const ClientPtr& client) { return !Stays(*client); });
  }
  std::erase_if(clients_, [](const auto& item) { return item.second.empty(); });
}

bool TelemetryStreams::Stays(Client& client) {
  TelemetryStream& stream = client.stream;
  if (stream.out().Closed()) return false;
  const auto credential = credentials_.Known(stream.request().token_key);
  const bool still_his = credential && credential->tenant == stream.request().tenant;
  if (!still_his || http::Judge(&*credential, http::Role::kViewer, clock_.WallMs())) {
    stream.out().End();
    return false;
  }
  if (clock_.Now() - stream.last_told() < options_.heartbeat) return true;
  if (!stream.Tell(": still here\n", live_)) CutOff(client);
  return !stream.out().Closed();
}

void TelemetryStreams::EndAll() {
  const std::lock_guard lock(mutex_);
  open_ = false;
  for (const auto& [tenant, clients] : clients_) {
    for (const ClientPtr& client : clients) client->stream.out().End();
  }
  clients_.clear();
}

}  // namespace outrigger::data_pusher
