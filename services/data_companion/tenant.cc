// SPDX-License-Identifier: Apache-2.0
#include "data_companion/tenant.h"

#include <charconv>
#include <utility>

#include "outrigger/base/log.h"
#include "outrigger/base/retry.h"

namespace outrigger::companion {
namespace {

using messaging::Consumer;
using messaging::Record;

constexpr Millis kAskAgain{500};
// A deployment whose records cannot be written delays everybody's at each new attempt.
constexpr RetrySchedule kOutFor{.first = Millis(60'000), .max = Millis(600'000)};

std::int64_t RevisionOf(const Record& record) {
  std::int64_t revision = 0;
  if (const auto text = messaging::FindHeader(record.headers, "revision"))
    std::from_chars(text->data(), text->data() + text->size(), revision);
  return revision;
}

// "D/rest/of it" → D, "rest/of it".
std::pair<std::string, std::string> SplitKey(const std::string& key) {
  const auto slash = key.find('/');
  if (slash == std::string::npos) return {key, ""};
  return {key.substr(0, slash), key.substr(slash + 1)};
}

}  // namespace

Tenant::Tenant(std::string name, CompanionContext context, KafkaReader& reader, Events events)
    : name_(std::move(name)),
      context_(std::move(context)),
      reader_(reader),
      events_(std::move(events)),
      alive_(std::make_shared<int>(0)) {
  Reread();
  KafkaReader::RawSink control;
  control.records = [this](std::vector<Record> records) {
    for (auto& record : records) Control(std::move(record));
  };
  control.end = [this](std::int64_t next) {
    control_read_ = true;
    control_at_.next = next;
    Ready();
  };
  reader_.OpenRaw({"control." + name_, 0}, Consumer::kBeginning, std::move(control));
}

Tenant::~Tenant() {
  reader_.Close({"control." + name_, 0});
  if (journal_open_) reader_.Close({"journal." + name_, 0});
}

void Tenant::Reread() {
  journal_open_ = true;
  ++readings_;
  journal_at_ = {};
  control_at_.needed.reset();
  journal_.clear();
  AskEnd("journal." + name_, &Tenant::journal_at_);
  AskEnd("control." + name_, &Tenant::control_at_);
  KafkaReader::RawSink journal;
  journal.records = [this](std::vector<Record> records) {
    for (auto& record : records) Journal(std::move(record));
  };
  journal.end = [this](std::int64_t next) { JournalReadTo(next); };
  reader_.OpenRaw({"journal." + name_, 0}, Consumer::kBeginning, std::move(journal));
}

// The end that a reader comes to may lie before a transaction of somebody else that is open, and
// before what we committed after it. The broker ends that one in time.
void Tenant::AskEnd(const std::string& topic, Reading Tenant::* reading) {
  reader_.HighWatermarks(
      topic, [this, topic, reading, number = readings_,
              alive = std::weak_ptr(alive_)](const std::map<int, std::int64_t>& ends) {
        if (alive.expired() || number != readings_) return;
        if (const auto end = ends.find(0); end != ends.end()) {
          (this->*reading).needed = end->second;
          JournalReadTo(journal_at_.next);
          return;
        }
        context_.loop.PostAfter(kAskAgain, [this, topic, reading, number, alive] {
          if (!alive.expired() && number == readings_) AskEnd(topic, reading);
        });
      });
}

void Tenant::JournalReadTo(std::int64_t next) {
  journal_at_.next = next;
  if (journal_open_ && journal_at_.done()) {
    journal_open_ = false;
    reader_.Close({"journal." + name_, 0});
    if (!std::exchange(journal_read_, true)) events_.journal_read(next);
  }
  Ready();
}

void Tenant::Journal(Record record) {
  if (!record.key) return;
  const auto [id, rest] = SplitKey(*record.key);
  if (!events_.runs_here(id)) return;
  JournalState& state = journal_[id];
  const auto [kind, name] = SplitKey(rest);
  if (kind == "status") {
    state.status = std::move(record.value);
  } else if (kind == "subject") {
    if (record.value)
      state.subjects[name] = *std::move(record.value);
    else
      state.subjects.erase(name);
  } else if (kind == "parked") {
    if (record.value)
      state.parked[name] = *std::move(record.value);
    else
      state.parked.erase(name);
  } else if (kind == "replay") {
    if (record.value)
      state.replays.insert(name);
    else
      state.replays.erase(name);
  } else if (kind == "progress") {
    int partition = -1;
    std::from_chars(name.data(), name.data() + name.size(), partition);
    if (record.value)
      state.progress[partition] = *std::move(record.value);
    else
      state.progress.erase(partition);
  }
  if (!state.status && state.subjects.empty() && state.progress.empty() && state.parked.empty() &&
      state.replays.empty())
    journal_.erase(id);
}

void Tenant::Control(Record record) {
  if (!record.key) return;
  const auto [id, kind] = SplitKey(*record.key);
  Deployment& deployment = deployments_[id];
  const std::int64_t revision = RevisionOf(record);
  auto& seen = deployment.revisions[kind];
  if (revision < seen) return;
  seen = revision;
  Apply(id, kind, record, revision);
}

void Tenant::Apply(const std::string& id, const std::string& kind, const Record& record,
                   std::int64_t revision) {
  Deployment& deployment = deployments_[id];
  const auto companion = companions_.find(id);
  if (kind == "spec") {
    deployment.spec = record.value;
    if (record.value) {
      if (MayBegin() && companion == companions_.end()) Begin(id, deployment);
      return;
    }
    // The deployment has ended: nobody will ask for it again.
    companions_.erase(id);
    deployment.state.reset();
    deployment.members.clear();
    deployment.replays.clear();
  } else if (kind == "state") {
    deployment.state.reset();
    if (!record.value) return;
    auto state = ParseState(*record.value, revision);
    if (!state) {
      LogError("state of a deployment", {
                                            {"deployment", id},
                                            state.error()
      });
      return;
    }
    deployment.state = *std::move(state);
    if (companion != companions_.end()) companion->second->Obey(*deployment.state);
  } else if (kind.starts_with("member/")) {
    const std::string asset = kind.substr(7);
    deployment.member_revision = std::max(deployment.member_revision, revision);
    if (record.value)
      deployment.members[asset] = *record.value;
    else
      deployment.members.erase(asset);
    if (companion != companions_.end())
      companion->second->asset_events().Member(asset, record.value, revision);
  } else if (kind.starts_with("replay/")) {
    ApplyReplay(deployment, companion == companions_.end() ? nullptr : companion->second.get(),
                kind.substr(7), record, revision);
  }
  if (!deployment.spec && !deployment.state && deployment.members.empty() && !record.value &&
      kind == "spec")
    return;  // its revisions stay, so that a stale record makes nothing of it again
}

void Tenant::ApplyReplay(Deployment& deployment, Companion* companion, const std::string& name,
                         const Record& record, std::int64_t revision) {
  if (!record.value) {
    deployment.replays.erase(name);
    if (companion) companion->ForgetReplay(name);
    return;
  }
  Replays::Wanted wanted{name, revision, std::make_shared<const std::string>(*record.value)};
  deployment.replays[name] = wanted;
  if (companion) companion->Replay(std::move(wanted));
}

void Tenant::Ready() {
  if (!MayBegin()) return;
  for (auto& [id, deployment] : deployments_)
    if (deployment.spec && !companions_.contains(id)) Begin(id, deployment);
  journal_.clear();  // what is left speaks of deployments that are gone
}

void Tenant::Begin(const std::string& id, Deployment& deployment) {
  if (deployment.out || !events_.runs_here(id)) return;
  auto spec = ParseSpec(*deployment.spec);
  if (!spec) {
    LogError("specification of a deployment", {
                                                  {"deployment", id},
                                                  spec.error()
    });
    return;
  }
  auto made = Companion::Make(context_, *std::move(spec), journal_[id]);
  journal_.erase(id);
  if (!made) {
    LogError("journal of a deployment", {
                                            {"deployment", id},
                                            made.error()
    });
    return;
  }
  LogInfo("companion", {
                           {"deployment", id                         },
                           {"model",      (*made)->spec().model.str()}
  });
  Companion& companion = *companions_.insert_or_assign(id, *std::move(made)).first->second;
  for (const auto& [asset, json] : deployment.members)
    companion.asset_events().Member(asset, json, deployment.member_revision);
  for (const auto& [name, replay] : deployment.replays) companion.Replay(replay);
  companion.ForgetStaleReplays();
  if (deployment.state) companion.Obey(*deployment.state);
}

void Tenant::DropForeign() {
  std::erase_if(companions_, [&](const auto& item) { return !events_.runs_here(item.first); });
}

void Tenant::TakeOut(const std::string& id) {
  companions_.erase(id);
  const auto deployment = deployments_.find(id);
  if (deployment == deployments_.end()) return;
  deployment->second.out = true;
  const int times = ++deployment->second.times_out;
  context_.loop.PostAfter(kOutFor.Delay(times + 1, RandomUnit()),
                          [this, id, alive = std::weak_ptr(alive_)] {
                            if (alive.expired()) return;
                            deployments_[id].out = false;
                            Reread();  // what was read may be older than its end
                          });
}

}  // namespace outrigger::companion
