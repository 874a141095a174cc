// SPDX-License-Identifier: Apache-2.0
// HistoryStore: every value an asset's telemetry ever had, one for each asset, telemetry and time,
// so that it can be read back by time and by aggregate whatever crashed while it was written.
//
// Threads:  every method may be called concurrently; one partition's steps come one after another.
// Durable:  success of Append() means values and offsets are committed together.
// Lifetime: the Databases must outlive the store.
// See also: docs/adr/0010-history-in-native-partitions.md
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "outrigger/base/clock.h"
#include "outrigger/base/ids.h"
#include "outrigger/base/result.h"
#include "outrigger/store/archive_step.h"
#include "outrigger/store/database.h"

namespace outrigger::store {

using HistoryValue = std::variant<bool, double, std::string>;

// One value to keep. Text is valid UTF-8 without NUL, numbers are finite.
struct HistoryRow {
  std::string tenant;
  std::string asset;
  std::string telemetry;
  std::int64_t time = 0;  // Unix ms, event time
  HistoryValue value;
};

struct Point {
  std::int64_t time = 0;  // Unix ms
  HistoryValue value;
  friend bool operator==(const Point&, const Point&) = default;
};

// The value of an interval; nullopt: not defined there (the deviation of a single value).
struct AggregatePoint {
  std::int64_t time = 0;  // Unix ms, the interval's start
  std::optional<HistoryValue> value;
};

struct Aggregated {
  std::vector<AggregatePoint> points;
  // Set instead of points: about so many values would be read, more than max_rows.
  std::optional<std::int64_t> too_much;
};

struct LatestValue {
  std::string telemetry;
  Point point;
};

// What to read: from is inclusive, to exclusive; `after` is the time of the last point of the page
// before (exclusive, in the direction of the order).
struct PointsQuery {
  TenantId tenant;
  AssetId asset;
  std::string telemetry;
  std::optional<std::int64_t> from;
  std::optional<std::int64_t> to;
  std::optional<std::int64_t> after;
  bool descending = false;
  std::size_t limit = 100;
};

// kStddev is the sample's standard deviation (n - 1).
enum class Aggregate { kAvg, kMin, kMax, kSum, kCount, kFirst, kLast, kStddev };
std::optional<Aggregate> AggregateFrom(std::string_view name);
// first, last and count are of every kind of value, the others of numbers.
bool NeedsNumbers(Aggregate aggregate);

// One point for each interval that has a value, at the interval's start. Intervals are aligned to
// the epoch; the first and the last one may be cut by from and to.
struct AggregateQuery {
  PointsQuery points;
  Aggregate aggregate = Aggregate::kAvg;
  std::int64_t interval = 60'000;  // ms, > 0
  std::int64_t max_rows = 2'000'000;
};

class HistoryStore : public ArchivePositions {
 public:
  // Writes `rows` in order (of equal asset, telemetry and time the last one wins) and moves the
  // offsets by compare-and-set, in one transaction.
  // Idempotent: a repeat of a committed step is kConflict and changes nothing.
  // Errors: kConflict - the offsets are not where `moves` begin (another one archived them), or the
  // store's idea of what is new was wrong: read Positions() and go on from there; kTimeout - in
  // doubt, the same; kUnavailable - nothing was committed; kInvalidArgument - a value the database
  // refuses.
  virtual Result<> Append(std::span<const HistoryRow> rows, std::span<const ArchiveMove> moves) = 0;

  // Makes the partitions of today and the days ahead, so that no append has to.
  // Idempotent. Errors: kUnavailable, kTimeout.
  virtual Result<> MakeDaysAhead() = 0;

  // At most `limit` points in the order asked for. Errors: kUnavailable, kTimeout.
  virtual Result<std::vector<Point>> Points(const PointsQuery& query) = 0;

  // At most `limit` intervals in the order asked for. Errors: kUnavailable, kTimeout.
  virtual Result<Aggregated> Aggregates(const AggregateQuery& query) = 0;

  // The newest value of each telemetry of an asset, by event time.
  virtual Result<std::vector<LatestValue>> Latest(const TenantId& tenant, const AssetId& asset) = 0;
};

struct HistoryOptions {
  int days_behind = 400;  // older rows live in the one default partition
  int days_ahead = 3;
  std::size_t series_remembered = 200'000;  // newest times kept in memory
};

// The PostgreSQL implementation. `archive` is opened with Access::kArchive, `readers` with
// Access::kApplication.
std::unique_ptr<HistoryStore> MakePostgresHistory(Database& archive, Database& readers,
                                                  const HistoryOptions& options, Clock& clock);

}  // namespace outrigger::store
