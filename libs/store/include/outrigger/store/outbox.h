// SPDX-License-Identifier: Apache-2.0
// Outbox: records for Kafka that become true with the transaction that wrote them, so that nothing
// is told that did not happen and nothing that happened is left untold.
//
// The relay is one process under a lease. It gives each record its revision once, before it is
// first published: a record published again after a crash carries the same one.
//
// Threads:  every function may be called concurrently; a Transaction belongs to one thread.
// Durable:  as the transaction given, or committed at return.
// See also: docs/formats/topics.md, docs/adr/0004-sagas-with-a-journal.md
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "outrigger/store/database.h"

namespace outrigger::store {

// Puts a record into the outbox; no value is a tombstone. Returns its outbox id. Records of one key
// go out in the order of their ids: take the lock of what the key speaks of (its row) first.
Result<std::int64_t> Enqueue(Transaction& transaction, std::string_view topic, std::string_view key,
                             const std::optional<std::string>& value,
                             const std::map<std::string, std::string>& headers = {});

// The revision an outbox record was published with; nullopt: not yet. A record that was pruned
// counts as published with revision 0. Readable under the tenant that enqueued it.
Result<std::optional<std::int64_t>> PublishedRevision(Transaction& transaction, std::int64_t id);

// Exclusive right to do a named thing, with an epoch that grows at each change of hands.
struct Lease {
  std::string name;
  std::string owner;
  std::int64_t epoch = 0;
};

// Takes or renews a lease. Requires: `database` of kWorker.
// Errors: kConflict - another owner holds it; kUnavailable.
Result<Lease> TakeLease(Database& database, const std::string& name, const std::string& owner,
                        std::chrono::milliseconds duration);
// Lets it go, so that the next one need not wait. Idempotent.
Result<> ReleaseLease(Database& database, const Lease& lease);

struct OutboxRecord {
  std::int64_t id = 0;
  std::string tenant;  // may be empty
  std::string topic;
  std::string key;
  std::optional<std::string> value;
  std::map<std::string, std::string> headers;
  std::int64_t revision = 0;
};

// Unpublished records in the order of their revisions, at most `limit` and about 32 MiB; those that
// have none yet get one from the lease's counter. Requires: kWorker. Errors: kConflict - the lease
// is another's: stop publishing; kUnavailable.
Result<std::vector<OutboxRecord>> TakeUnpublished(Database& database, const Lease& lease,
                                                  int limit);
// Errors: kConflict - the lease is another's; kUnavailable - outcome unknown: repeat.
Result<> MarkPublished(Database& database, const Lease& lease,
                       const std::vector<std::int64_t>& ids);
// Deletes records published longer ago than `age`. Returns how many.
Result<std::int64_t> PrunePublished(Database& database, std::chrono::milliseconds age);
// How many records wait, and since when the oldest does, in ms.
struct OutboxBacklog {
  std::int64_t waiting = 0;
  std::int64_t oldest_ms = 0;
};
Result<OutboxBacklog> Backlog(Database& database);

}  // namespace outrigger::store
