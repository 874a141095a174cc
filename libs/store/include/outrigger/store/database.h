// SPDX-License-Identifier: Apache-2.0
// Database: a pool of PostgreSQL connections and transactions that know their tenant, so that row
// level security holds for every statement.
//
// Threads:  Database may be used concurrently; a Transaction belongs to one thread.
// Durable:  Commit() returning success means committed.
// See also: docs/adr/0008-row-level-security.md
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "outrigger/base/ids.h"
#include "outrigger/base/result.h"

namespace outrigger::store {

// A parameter in text form; nullopt is NULL.
class Param {
 public:
  Param(std::nullptr_t) {}                                              // NOLINT
  Param(std::string value) : text_(std::move(value)) {}                 // NOLINT
  Param(std::string_view value) : text_(value) {}                       // NOLINT
  Param(const char* value) : text_(value) {}                            // NOLINT
  Param(bool value) : text_(value ? "true" : "false") {}                // NOLINT
  Param(int value) : text_(std::to_string(value)) {}                    // NOLINT
  Param(std::int64_t value) : text_(std::to_string(value)) {}           // NOLINT
  Param(std::uint64_t value) : text_(std::to_string(value)) {}          // NOLINT
  Param(std::optional<std::string> value) : text_(std::move(value)) {}  // NOLINT
  Param(double value);                                                  // NOLINT
  template <typename Tag>
  Param(const Id<Tag>& id) : text_(id.str()) {}  // NOLINT
  const std::optional<std::string>& text() const { return text_; }

 private:
  std::optional<std::string> text_;
};

class Row {
 public:
  explicit Row(std::vector<std::optional<std::string>> fields) : fields_(std::move(fields)) {}
  bool IsNull(std::size_t column) const { return !fields_[column]; }
  // Requires: not NULL (but Text and optional forms).
  std::string Text(std::size_t column) const { return fields_[column].value_or(std::string()); }
  const std::optional<std::string>& Optional(std::size_t column) const { return fields_[column]; }
  std::int64_t Int(std::size_t column) const;
  double Number(std::size_t column) const;
  bool Bool(std::size_t column) const { return Text(column) == "t"; }
  std::size_t size() const { return fields_.size(); }

 private:
  std::vector<std::optional<std::string>> fields_;
};
using Rows = std::vector<Row>;

enum class Access {
  kApplication,  // outrigger_app: under row level security, tenant required
  kWorker,       // outrigger_worker: saga claims, outbox, reconciler
  kArchive,      // outrigger_archive: history, last values, outputs, dead letters, offsets
};

class Transaction {
 public:
  virtual ~Transaction() = default;  // rolls back when not committed

  // Runs one statement with $1, $2 … parameters.
  // Errors: kConflict - unique, foreign key or exclusion violated (hint: the constraint's name);
  // kInvalidArgument - a value the database refuses; kTimeout - statement or lock time-out;
  // kUnavailable - connection gone, nothing was committed.
  virtual Result<Rows> Query(std::string_view sql, const std::vector<Param>& params = {}) = 0;
  // The number of rows it touched.
  virtual Result<std::int64_t> Execute(std::string_view sql,
                                       const std::vector<Param>& params = {}) = 0;
  // Writes rows by COPY FROM STDIN. `next` fills the row's fields and returns false at the end.
  virtual Result<std::int64_t> Copy(
      std::string_view table, const std::vector<std::string>& columns,
      const std::function<bool(std::vector<std::optional<std::string>>&)>& next) = 0;
  // Sets the tenant of all later statements (row level security). kWorker: a step sets its saga's
  // tenant.
  virtual Result<> SetTenant(const TenantId& tenant) = 0;
  // Errors: kTimeout - in doubt: read back by a key of yours; kUnavailable - not committed;
  // kConflict - serialization.
  virtual Result<> Commit() = 0;
};

struct DatabaseOptions {
  std::string uri;  // postgresql://user@host:port/db without password in logs
  Access access = Access::kApplication;
  int connections = 8;
  std::chrono::milliseconds acquire_timeout{5'000};
  std::chrono::milliseconds connect_timeout{3'000};
  std::chrono::milliseconds statement_timeout{10'000};
  std::chrono::milliseconds lock_timeout{5'000};
};

class Database {
 public:
  // Connects lazily: PostgreSQL gone is no error here. After SET ROLE to the access's role.
  static std::unique_ptr<Database> Open(const DatabaseOptions& options);
  virtual ~Database() = default;

  // A connection of the pool with a transaction begun (READ COMMITTED), its tenant set when given.
  // A connection with any connection-level error is discarded. Errors: kUnavailable - PostgreSQL is
  // gone; kResourceExhausted - no free connection in time.
  virtual Result<std::unique_ptr<Transaction>> Begin(
      const std::optional<TenantId>& tenant = std::nullopt) = 0;
  // Whether the last use succeeded.
  virtual bool Healthy() const = 0;

  // Begin, run, commit. `work` returns Result<T> or Result<>; an error rolls back.
  template <typename Work>
  auto Run(const std::optional<TenantId>& tenant, Work work)
      -> decltype(work(std::declval<Transaction&>())) {
    auto transaction = Begin(tenant);
    if (!transaction) return std::move(transaction).error();
    auto result = work(**transaction);
    if (!result) return result;
    if (auto committed = (*transaction)->Commit(); !committed) return std::move(committed).error();
    return result;
  }
};

// Applies the numbered SQL migrations that are missing, each in a transaction, under a lock.
// `deadline` is for a migration that takes its time; `stop` ends the wait for a database that is
// gone or locked by another program within 4 s.
// Errors: kConflict - the schema is newer than this binary; kUnavailable; kCancelled.
Result<int> Migrate(const std::string& uri, std::chrono::milliseconds deadline,
                    const std::stop_token& stop = {});

// AES-256-GCM with a random nonce, under a 32-byte key (64 hex digits in its file). `context` is
// authenticated too: give what the secret belongs to (tenant/kind/name).
class Sealer {
 public:
  static Result<Sealer> FromHexKey(std::string_view hex);
  std::string Seal(std::string_view secret, std::string_view context) const;
  // Errors: kCorrupt - another key or context, or tampered with.
  Result<std::string> Open(std::string_view sealed, std::string_view context) const;

 private:
  explicit Sealer(std::string key) : key_(std::move(key)) {}
  std::string key_;
};

}  // namespace outrigger::store
