// SPDX-License-Identifier: Apache-2.0
// HistoryRetention: removes the history that its tenants no longer keep, a whole day where nobody
// keeps it and else in small pieces, so that the archive hardly notices.
//
// Threads:  one sweep at a time; several processes may have one each, a lease lets one work.
// Durable:  each piece is committed by itself; a sweep that ends early is begun again.
// Lifetime: the Database must outlive it.
// See also: docs/adr/0023-retention-by-the-archive.md
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "outrigger/base/result.h"
#include "outrigger/store/database.h"

namespace outrigger::store {

// The oldest time (Unix ms) that a tenant keeps. Who is not here keeps everything.
using KeptFrom = std::map<std::string, std::int64_t, std::less<>>;

struct RetentionOptions {
  std::string owner;                        // of the lease: unique among processes
  std::chrono::milliseconds lease{30'000};  // longer than a piece and the pause behind it
  int rows = 2'000;                         // of a piece
  int series = 200;                         // that a piece looks at
};

struct Swept {
  std::int64_t rows = 0;
  int days = 0;  // partitions dropped
};

class HistoryRetention {
 public:
  virtual ~HistoryRetention() = default;

  // Drops days that every tenant in them has done with, and deletes what lies before `kept` in the
  // others. Days end as a whole; telemetry_latest is left alone.
  // `pause` is called after each piece with its rows, outside of a transaction; false ends it.
  // Idempotent. Errors: kConflict - another one holds the lease; kUnavailable, kTimeout - what was
  // removed until then stays so.
  virtual Result<Swept> Sweep(const KeptFrom& kept,
                              const std::function<bool(std::int64_t rows)>& pause) = 0;
};

// `archive` is opened with Access::kArchive.
std::unique_ptr<HistoryRetention> MakePostgresRetention(Database& archive,
                                                        RetentionOptions options);

}  // namespace outrigger::store
