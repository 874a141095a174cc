// SPDX-License-Identifier: Apache-2.0
#include "data_companion/host.h"

#include <algorithm>
#include <future>

#include "outrigger/base/ids.h"
#include "outrigger/base/log.h"

namespace outrigger::companion {
namespace {

constexpr Millis kTick{100};
constexpr std::size_t kRecordsAtOnce = 20'000;
constexpr std::size_t kBytesAtOnce = 32U << 20;
constexpr auto kControl = "control.";
// A broker that restarts may leave topics out of what it says; a tenant that is taken for gone
// loses what its companions hold.
constexpr int kLooksUntilGone = 10;

http::Client::Options ClientOptions(const http::EgressPolicy& egress) {
  http::Client::Options options;
  options.egress = egress;
  return options;
}

std::size_t BytesOf(const std::vector<messaging::OutRecord>& records) {
  std::size_t bytes = 0;
  for (const auto& record : records) bytes += record.value ? record.value->size() : 0;
  return bytes;
}

}  // namespace

Host::Host(HostOptions options, Clock& clock, Metrics& metrics, std::function<void()> fenced)
    : options_(std::move(options)),
      clock_(clock),
      metrics_(metrics),
      kafka_{options_.brokers, "data_companion"},
      instance_(RandomId(6)),
      loop_(clock, [this] { Pump(); }),
      http_(ClientOptions(options_.egress)),
      health_http_(ClientOptions(options_.egress)),
      writer_(kafka_, options_.slot, instance_, loop_, metrics,
              {.ready =
                   [this] {
                     writer_ready_ = true;
                     producer_ready_ = true;
                     FollowTenants();
                   },
               .fenced = std::move(fenced),
               .answer =
                   [this](Transaction transaction, Result<> committed) {
                     Answer(std::move(transaction), std::move(committed));
                   }}),
      reader_(kafka_, loop_,
              [this](std::map<std::string, int> topics) {
                topics_ = std::move(topics);
                topics_seen_ = true;
                FollowTenants();
                DropTenants();
              }),
      shards_(loop_, clock, writer_, metrics, ShardEvents()),
      membership_(kafka_, options_.slot, loop_,
                  {.assigned = [this](std::set<int> mine) { shards_.Assign(std::move(mine)); },
                   .revoked =
                       [this](const std::set<int>& gone, std::function<void()> done) {
                         shards_.Revoke(gone, std::move(done));
                       }}) {}

Shards::Events Host::ShardEvents() {
  return {.gained =
              [this] {
                for (auto& [name, tenant] : tenants_) tenant->Reread();
                FollowTenants();
              },
          .leaving = [this] { ForEach(Which::kLeaving, [](Companion& each) { each.Quiesce(); }); },
          .resting = [this] { return Resting(Which::kLeaving); },
          .left =
              [this] {
                for (auto& [name, tenant] : tenants_) tenant->DropForeign();
              }};
}

Host::~Host() {
  membership_.Stop();
  reader_.Stop();
  writer_.Stop();
  loop_.Stop();
  tenants_.clear();
}

void Host::Start() {
  loop_.Start();
  writer_.Start();
  reader_.Start();
  membership_.Start();
  loop_.Post([this] { Tick(); });
}

// Timers of reports need a round of the loop even when nothing comes.
void Host::Tick() {
  int unread = 0;
  for (const auto& [name, tenant] : tenants_) unread += !tenant->ready();
  unread_ = unread;
  loop_.PostAfter(kTick, [this] { Tick(); });
}

// A tenant is there when its control topic is. Nothing of it is read before what a predecessor left
// open has ended: the end of a journal would not be its end.
void Host::FollowTenants() {
  if (!writer_ready_ || stopping_ || !topics_seen_ || !shards_.ready()) return;
  for (const auto& [topic, partitions] : topics_) {
    if (!topic.starts_with(kControl)) continue;
    const std::string name = topic.substr(std::string_view(kControl).size());
    if (tenants_.contains(name) || !topics_.contains("journal." + name)) continue;
    LogInfo("tenant", {
                          {"tenant", name}
    });
    CompanionContext context{loop_,    http_,   health_http_,  clock_,
                             metrics_, reader_, options_.slot, instance_};
    Tenant::Events events{
        [this, name](std::int64_t end) { writer_.SetFloor("journal." + name, end); },
        [this](const std::string& deployment) { return shards_.RunsHere(deployment); }};
    tenants_[name] = std::make_unique<Tenant>(name, std::move(context), reader_, std::move(events));
  }
  int unread = 0;
  for (const auto& [name, tenant] : tenants_) unread += !tenant->ready();
  unread_ = unread;
}

void Host::DropTenants() {
  for (const auto& [name, tenant] : tenants_) {
    int& missed = missed_[name];
    missed = topics_.contains(kControl + name) ? 0 : missed + 1;
  }
  if (!alone_.empty() || writer_.busy()) return;
  std::erase_if(missed_, [&](const auto& item) {
    if (item.second < kLooksUntilGone) return false;
    LogInfo("tenant is gone", {
                                  {"tenant", item.first}
    });
    tenants_.erase(item.first);
    return true;
  });
}

// Begins the next transaction when there is something to say and the last one has ended.
void Host::Pump() {
  if (!writer_ready_ || writer_.busy()) return;
  if (!alone_.empty()) {
    Transaction transaction = std::move(alone_.back());
    alone_.pop_back();
    writer_.Commit(std::move(transaction));
    return;
  }
  if (!stopping_) shards_.Pump();
  if (writer_.busy()) return;
  std::vector<std::pair<std::string, Companion*>> speakers;
  for (auto& [name, tenant] : tenants_)
    for (auto& [id, companion] : tenant->companions())
      if (companion->HasRecords()) speakers.emplace_back(id, companion.get());
  if (speakers.empty()) return;
  // In turns, so that a talkative one does not keep others from the next transaction.
  std::ranges::sort(speakers, {}, &std::pair<std::string, Companion*>::first);
  std::ranges::rotate(
      speakers,
      std::ranges::lower_bound(speakers, first_, {}, &std::pair<std::string, Companion*>::first));
  Transaction transaction;
  std::size_t records = 0, bytes = 0;
  for (auto& [id, companion] : speakers) {
    first_ = id;
    if (records >= kRecordsAtOnce) break;
    if (!transaction.parts.empty() && bytes + companion->record_bytes() > kBytesAtOnce) break;
    auto said = companion->TakeRecords();
    if (said.empty()) continue;
    records += said.size();
    bytes += BytesOf(said);
    transaction.parts.push_back({id, std::move(said)});
  }
  if (!transaction.parts.empty()) writer_.Commit(std::move(transaction));
}

// What failed twice is written deployment by deployment; who fails alone is taken out.
void Host::Answer(Transaction transaction, Result<> committed) {
  if (committed) return;
  if (transaction.parts.size() > 1) {
    LogError("a shared transaction fails; its deployments are written one by one",
             {committed.error()});
    for (auto& part : transaction.parts) {
      alone_.emplace_back();
      alone_.back().parts.push_back(std::move(part));
    }
    return;
  }
  const std::string deployment = transaction.parts.front().deployment;
  LogError("a deployment is taken out for a while: its records cannot be written",
           {
               {"deployment", deployment},
               committed.error()
  });
  for (auto& [name, tenant] : tenants_)
    if (tenant->companions().contains(deployment)) tenant->TakeOut(deployment);
}

void Host::ForEach(Which which, const std::function<void(Companion&)>& visit) {
  for (auto& [name, tenant] : tenants_)
    for (auto& [id, companion] : tenant->companions())
      if (which == Which::kAll || shards_.Leaving(id)) visit(*companion);
}

bool Host::Resting(Which which) {
  bool resting = !writer_.busy() && alone_.empty();
  ForEach(which, [&](Companion& each) { resting &= each.Idle() && !each.HasRecords(); });
  return resting;
}

void Host::Stop(Millis limit) {
  const auto until = clock_.Now() + limit;
  // Runs `ask` on the loop again and again until it says yes.
  const auto wait_for = [&](const std::function<bool()>& ask) {
    while (clock_.Now() < until) {
      auto answer = std::make_shared<std::promise<bool>>();  // shared: the loop may answer late
      auto future = answer->get_future();
      loop_.Post([ask, answer] { answer->set_value(ask()); });
      if (future.wait_for(until - clock_.Now()) != std::future_status::ready) return;
      if (future.get()) return;
      SleepFor(Millis(10));
    }
  };
  loop_.Post([this] {
    stopping_ = true;
    ForEach(Which::kAll, [](Companion& each) { each.Quiesce(); });
  });
  wait_for([this] { return !writer_ready_ || Resting(Which::kAll); });
}

std::vector<http::ReadyCheck> Host::ready_checks() const {
  return {
      {"kafka",
       [this]() -> Result<> {
         if (reader_.Connected()) return {};
         return Error(ErrorCode::kUnavailable, "Kafka does not answer");
       }                  },
      {"producer",
       [this]() -> Result<> {
         if (producer_ready_) return {};
         return Error(ErrorCode::kUnavailable, "no transactional producer yet");
       }                  },
      {"shards",
       [this]() -> Result<> {
         if (shards_.ready()) return {};
         return Error(ErrorCode::kUnavailable, "the group of hosts has given us nothing yet");
       }                  },
      {"journals", [this]() -> Result<> {
         if (topics_seen_ && unread_ == 0) return {};
         return Error(ErrorCode::kUnavailable, "journals are not read yet");
       }}
  };
}

}  // namespace outrigger::companion
