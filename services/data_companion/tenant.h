// SPDX-License-Identifier: Apache-2.0
// Tenant: the deployments of one tenant: reads the journal, follows control, and keeps a companion
// for each deployment that this host runs.
//
// Threads: the event loop only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "data_companion/companion.h"
#include "data_companion/kafka_reader.h"

namespace outrigger::companion {

class Tenant {
 public:
  struct Events {
    std::function<void(std::int64_t end)> journal_read;
    std::function<bool(const std::string& deployment)> runs_here;
  };
  Tenant(std::string name, CompanionContext context, KafkaReader& reader, Events events);
  ~Tenant();
  Tenant(const Tenant&) = delete;

  // Whether journal and control were read to their ends once.
  bool ready() const { return journal_read_ && control_read_; }

  using Companions = std::map<std::string, std::unique_ptr<Companion>, std::less<>>;
  Companions& companions() { return companions_; }
  // More deployments run here than before: what an earlier host said of them is read, all of it.
  void Reread();
  // Ends the companions that do not run here any more.
  void DropForeign();
  // Takes a companion out: what it holds in memory is dropped, and after a while it starts again
  // from what the journal says then.
  void TakeOut(const std::string& deployment);

 private:
  struct Deployment {                               // what control says
    std::map<std::string, std::int64_t> revisions;  // by key
    std::optional<std::string> spec;
    std::optional<DesiredState> state;
    std::map<std::string, std::string> members;
    std::map<std::string, Replays::Wanted> replays;  // by name
    std::int64_t member_revision = 0;
    bool out = false;  // taken out for a while
    int times_out = 0;
  };

  // A topic that has to be read to where it ended when that was asked.
  struct Reading {
    std::int64_t next = -1;                // read so far
    std::optional<std::int64_t> needed{};  // nullopt: not known yet
    bool done() const { return needed && next >= *needed; }
  };

  // Whether a companion may begin: all that the journal says of it is known, and of deployments
  // that have run elsewhere control was heard.
  bool MayBegin() const { return ready() && !journal_open_ && control_at_.done(); }
  void AskEnd(const std::string& topic, Reading Tenant::* reading);
  void JournalReadTo(std::int64_t next);
  void Journal(messaging::Record record);
  void Control(messaging::Record record);
  void Apply(const std::string& id, const std::string& kind, const messaging::Record& record,
             std::int64_t revision);
  static void ApplyReplay(Deployment& deployment, Companion* companion, const std::string& name,
                          const messaging::Record& record, std::int64_t revision);
  void Ready();
  void Begin(const std::string& id, Deployment& deployment);

  const std::string name_;
  CompanionContext context_;
  KafkaReader& reader_;
  const Events events_;
  std::shared_ptr<int> alive_;  // shared with tasks: they see that this is gone
  bool journal_open_ = false;
  std::uint64_t readings_ = 0;  // of the journal
  Reading journal_at_, control_at_;
  bool journal_read_ = false;
  bool control_read_ = false;
  std::map<std::string, JournalState> journal_;  // until it was read
  std::map<std::string, Deployment> deployments_;
  Companions companions_;
};

}  // namespace outrigger::companion
