// SPDX-License-Identifier: Apache-2.0
#include "data_pusher/feed_writer.h"

#include <algorithm>
#include <utility>

#include "data_pusher/projection.h"
#include "outrigger/base/log.h"
#include "outrigger/messaging/trace.h"

namespace outrigger::data_pusher {
namespace {

std::size_t BytesOf(const messaging::OutRecord& record) {
  return 256 + (record.value ? record.value->size() : 0);
}

constexpr std::size_t kDeadBytes = 15 << 20;
constexpr std::size_t kDetailBytes = 500;

// The feed record as a dead letter; what is too long of it is cut off.
messaging::OutRecord DeadLetter(const Route& route, messaging::OutRecord record,
                                const std::string& why) {
  const std::string source(messaging::FindHeader(record.headers, "src").value_or(""));
  record.topic = "dead." + route.tenant;
  if (record.value && record.value->size() > kDeadBytes) {
    std::size_t size = kDeadBytes;
    while (size > 0 && (static_cast<unsigned char>((*record.value)[size]) & 0xC0) == 0x80) --size;
    record.value->resize(size);
    record.value->shrink_to_fit();
  }
  std::erase_if(record.headers, [](const auto& header) {
    return header.first == "src" || header.first == "rev" || header.first == "ce_type";
  });
  record.headers.insert(record.headers.end(), {
                                                  {"ce_type", "dev.outrigger.dead.v1"},
                                                  {"model", route.model},
                                                  {"deployment", route.deployment},
                                                  {"requestid", ""},
                                                  {"dead_cause", "too-large"},
                                                  {"dead_detail", why.substr(0, kDetailBytes)},
                                                  {"dead_tries", "0"},
                                                  {"dead_source", "telemetry:" + source}
  });
  return record;
}

bool Wanted(const Route& route, const CatalogSnapshot& catalog) {
  const RoutePtr* now = catalog.routes.Find(CatalogKey(route.tenant, route.deployment));
  return now != nullptr && (*now)->open;
}

}  // namespace

FeedWriter::FeedWriter(const Options& options, Clock& clock, Metrics& metrics)
    : options_(options),
      clock_(clock),
      given_up_(metrics.GetCounter("outrigger_pusher_feed_given_up_total",
                                   "Feed records dropped because their feed is gone")),
      refused_total_(metrics.GetCounter("outrigger_pusher_feed_refused_total",
                                        "Feed records that became dead letters: too large")),
      in_flight_gauge_(metrics.GetGauge("outrigger_pusher_feed_in_flight",
                                        "Feed records not yet acknowledged")) {}

void FeedWriter::Send(messaging::Producer& producer, RoutePtr route, messaging::OutRecord record,
                      std::function<void()> done) {
  auto job =
      std::make_shared<Job>(Job{++sequence_, std::move(route), std::move(record), std::move(done)});
  bytes_ += BytesOf(job->record);
  in_flight_gauge_.Set(static_cast<double>(++in_flight_));
  if (job->record.value && job->record.value->size() > kMaxFeedBytes) {
    Refuse(job, "more than " + std::to_string(kMaxFeedBytes) + " bytes");
    return;
  }
  {
    const std::scoped_lock lock(mutex_);
    if (const auto missing = missing_.find(job->record.topic); missing != missing_.end()) {
      missing->second.held.emplace(job->sequence, job);
      return;
    }
  }
  Hand(producer, job, false);
}

void FeedWriter::Hand(messaging::Producer& producer, const JobPtr& job, bool probe) {
  const Result<> sent = producer.Send(job->record, [this, job, probe](const auto& delivered) {
    Delivered(job, probe, delivered ? nullptr : &delivered.error());
  });
  if (!sent) Delivered(job, probe, &sent.error());
}

void FeedWriter::Delivered(const JobPtr& job, bool probe, const Error* error) {
  const bool refused = error != nullptr && error->code() == ErrorCode::kInvalidArgument;
  if (error == nullptr || refused) {
    if (probe) {
      const std::scoped_lock lock(mutex_);
      Missing& missing = missing_[job->record.topic];
      missing.found = true;
      missing.held.erase(job->sequence);
    }
    if (refused) {
      Refuse(job, error->message());
    } else {
      Finish(job);
    }
    return;
  }
  // A full queue holds the topic back as an unknown one does: order is kept, and it is tried again.
  if (error->code() == ErrorCode::kNotFound || error->code() == ErrorCode::kResourceExhausted) {
    Hold(job, error->code() == ErrorCode::kNotFound);
    return;
  }
  if (!failed_.exchange(true)) {
    LogError("feed producer failed", {
                                         {"topic", job->record.topic},
                                         *error
    });
  }
}

void FeedWriter::Hold(const JobPtr& job, bool unknown_topic) {
  const std::scoped_lock lock(mutex_);
  const auto [at, fresh] = missing_.try_emplace(job->record.topic);
  if (fresh || !unknown_topic) at->second.since = clock_.Now();
  if (fresh) {
    LogWarning("feed held back", {
                                     {"topic", job->record.topic}
    });
  }
  at->second.probing = false;
  at->second.next_probe = clock_.Now() + options_.probe;
  at->second.held.emplace(job->sequence, job);
}

// The dead letter is sent by Tick(): here a callback may run.
void FeedWriter::Refuse(const JobPtr& job, const std::string& why) {
  const std::string& deployment = job->route->deployment;
  const auto say = [&](LogLevel level, std::string_view text) {
    Log(level, text,
        {
            {"topic",      job->record.topic                        },
            {"deployment", deployment                               },
            {"trace",      messaging::TraceIdOf(job->record.headers)},
            {"why",        why                                      }
    });
  };
  if (job->dead) {
    say(LogLevel::kError, "a dead letter cannot be written");
    Finish(job);
    return;
  }
  refused_total_.Add();
  {
    const std::scoped_lock lock(mutex_);
    if (said_.insert(deployment).second) {
      say(LogLevel::kWarning, "feed record refused: it becomes a dead letter");
    }
  }
  bytes_ -= BytesOf(job->record);
  job->record = DeadLetter(*job->route, std::move(job->record), why);
  job->dead = true;
  bytes_ += BytesOf(job->record);
  const std::scoped_lock lock(mutex_);
  refused_.push_back(job);
}

void FeedWriter::Finish(const JobPtr& job) {
  bytes_ -= BytesOf(job->record);
  in_flight_gauge_.Set(static_cast<double>(--in_flight_));
  job->done();
}

void FeedWriter::Tick(messaging::Producer& producer, const CatalogSnapshot& catalog) {
  std::vector<std::pair<JobPtr, bool>> send;
  std::vector<JobPtr> drop;
  {
    const std::scoped_lock lock(mutex_);
    for (const JobPtr& job : std::exchange(refused_, {})) send.emplace_back(job, false);
    const SteadyTime now = clock_.Now();
    for (auto at = missing_.begin(); at != missing_.end();) {
      Missing& missing = at->second;
      const bool wanted =
          !missing.held.empty() && Wanted(*missing.held.begin()->second->route, catalog);
      const Millis unknown = std::chrono::duration_cast<Millis>(now - missing.since);
      // One feed that is gone may not use up the room of all others.
      const bool crowded = missing.held.size() > options_.max_in_flight / 4;
      const bool stays_unknown = unknown > (crowded ? options_.give_up / 6 : options_.give_up);
      if (missing.found) {
        for (const auto& [sequence, job] : missing.held) send.emplace_back(job, false);
        at = missing_.erase(at);
      } else if (!missing.probing && (!wanted || stays_unknown)) {
        for (const auto& [sequence, job] : missing.held) drop.push_back(job);
        at = missing_.erase(at);
      } else {
        if (!missing.probing && now >= missing.next_probe) {
          missing.probing = true;
          send.emplace_back(missing.held.begin()->second, true);
        }
        ++at;
      }
    }
  }
  for (const auto& [job, probe] : send) Hand(producer, job, probe);
  if (drop.empty()) return;
  LogWarning("feed records given up",
             {
                 {"topic", drop.front()->record.topic},
                 {"count", drop.size()               }
  });
  given_up_.Add(static_cast<double>(drop.size()));
  for (const JobPtr& job : drop) Finish(job);
}

}  // namespace outrigger::data_pusher
