// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <pqxx/pqxx>

#include "connection.h"
#include "migrations.h"
#include "outrigger/base/clock.h"
#include "outrigger/base/log.h"
#include "outrigger/store/database.h"

namespace outrigger::store {
namespace {

// Any number that no other program on this database uses: "outrigge" read as ASCII.
constexpr const char* kLock = "SELECT pg_advisory_xact_lock(8031924123371070309)";

// Another program may migrate for longer: then it is asked again, and we can stop in between.
constexpr Millis kLockWait{3'000};

// Applies the next migration that is missing. Returns whether there was one. The lock lives as long
// as the transaction, so a program that dies inside leaves neither lock nor half a schema.
bool ApplyNext(pqxx::connection& connection) {
  pqxx::work work(connection);
  work.exec(kLock);
  work.exec(
      "CREATE TABLE IF NOT EXISTS schema_migration (version integer PRIMARY KEY, name text NOT "
      "NULL, "
      "applied_at timestamptz NOT NULL DEFAULT clock_timestamp())");
  const auto version = work.exec("SELECT coalesce(max(version), 0) FROM schema_migration")
                           .one_field()
                           .as<std::size_t>();
  const auto& all = Migrations();
  if (version > all.size())
    throw pqxx::usage_error("the schema has version " + std::to_string(version) +
                            ", this binary knows " + std::to_string(all.size()));
  if (version == all.size()) return false;
  const Migration& next = all[version];
  work.exec(std::string(next.sql));
  work.exec("INSERT INTO schema_migration (version, name) VALUES ($1, $2)",
            pqxx::params{version + 1, std::string(next.name)});
  work.commit();
  LogInfo("migration applied", {
                                   {"name", std::string(next.name)}
  });
  return true;
}

}  // namespace

Result<int> Migrate(const std::string& uri, std::chrono::milliseconds deadline,
                    const std::stop_token& stop) {
  const SteadyTime end = SystemClock().Now() + deadline;
  DatabaseOptions options;
  options.uri = uri;
  options.statement_timeout = deadline;
  options.lock_timeout = std::min<std::chrono::milliseconds>(deadline, kLockWait);
  int applied = 0;
  while (true) {
    Error last(ErrorCode::kInternal, "");
    try {
      pqxx::connection connection(ConnectionString(options));
      while (ApplyNext(connection)) ++applied;
      return applied;
    } catch (const pqxx::usage_error& error) {
      return Error(ErrorCode::kConflict, error.what(), "start the newer binary");
    } catch (...) {
      last = CurrentFailure().error;
    }
    const bool later = last.code() == ErrorCode::kUnavailable ||
                       last.code() == ErrorCode::kTimeout || last.code() == ErrorCode::kConflict ||
                       last.code() == ErrorCode::kResourceExhausted;
    if (!later || SystemClock().Now() >= end) return last.Within("migrating the schema");
    if (stop.stop_requested()) return Error(ErrorCode::kCancelled, "migrating the schema: stopped");
    SleepFor(Millis{200});
  }
}

}  // namespace outrigger::store
