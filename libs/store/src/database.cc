// SPDX-License-Identifier: Apache-2.0
#include "outrigger/store/database.h"

#include <atomic>
#include <charconv>
#include <condition_variable>
#include <mutex>

#include "connection.h"
#include "outrigger/base/json.h"
#include "outrigger/base/log.h"

namespace outrigger::store {
namespace {

using Connection = std::unique_ptr<pqxx::connection>;

const char* RoleOf(Access access) {
  switch (access) {
    case Access::kApplication:
      return "outrigger_app";
    case Access::kWorker:
      return "outrigger_worker";
    case Access::kArchive:
      return "outrigger_archive";
  }
  return "outrigger_app";
}

pqxx::params ToPqxx(const std::vector<Param>& params) {
  pqxx::params out;
  out.reserve(params.size());
  for (const Param& param : params) {
    if (param.text())
      out.append(*param.text());
    else
      out.append();
  }
  return out;
}

Rows ToRows(const pqxx::result& result) {
  Rows rows;
  rows.reserve(static_cast<std::size_t>(result.size()));
  for (const auto& row : result) {
    std::vector<std::optional<std::string>> fields;
    fields.reserve(static_cast<std::size_t>(row.size()));
    for (const auto& field : row) {
      if (field.is_null())
        fields.emplace_back();
      else
        fields.emplace_back(std::string(field.view()));
    }
    rows.emplace_back(std::move(fields));
  }
  return rows;
}

// Idle connections and how many are out; transactions give theirs back here.
class Pool {
 public:
  explicit Pool(DatabaseOptions options)
      : options_(std::move(options)), text_(ConnectionString(options_)) {}

  // A connection nobody else uses: an idle one, or a new one while there is room.
  Result<Connection> Take() {
    {
      std::unique_lock lock(mutex_);
      if (!free_.wait_for(lock, options_.acquire_timeout,
                          [this] { return out_ < options_.connections; }))
        return Error(ErrorCode::kResourceExhausted,
                     "no database connection became free in " +
                         std::to_string(options_.acquire_timeout.count()) + " ms");
      ++out_;
      if (!idle_.empty()) {
        Connection connection = std::move(idle_.back());
        idle_.pop_back();
        return connection;
      }
    }
    Result<Connection> made = Connect();
    if (!made) Give(nullptr);
    return made;
  }

  Result<Connection> Connect() {
    bool gone = false;
    auto made = Guarded(
        [&] {
          auto connection = std::make_unique<pqxx::connection>(text_);
          pqxx::nontransaction session(*connection);
          session.exec(std::string("SET ROLE ") + RoleOf(options_.access)).no_rows();
          return connection;
        },
        gone);
    Report(made.ok());
    return made;
  }

  // Gives a connection back; null when it was discarded.
  void Give(Connection connection) {
    {
      const std::lock_guard lock(mutex_);
      --out_;
      if (connection) idle_.push_back(std::move(connection));
    }
    free_.notify_one();
  }

  // When one connection was found dead, the idle ones are of the same server and age.
  void DropIdle() {
    std::vector<Connection> dropped;
    const std::lock_guard lock(mutex_);
    dropped.swap(idle_);
  }

  void Report(bool healthy) { healthy_.store(healthy, std::memory_order_relaxed); }
  bool healthy() const { return healthy_.load(std::memory_order_relaxed); }

 private:
  const DatabaseOptions options_;
  const std::string text_;
  std::mutex mutex_;
  std::condition_variable free_;
  std::vector<Connection> idle_;
  int out_ = 0;
  std::atomic<bool> healthy_{true};
};

class PooledTransaction final : public Transaction {
 public:
  // Requires: `connection` came from `pool`, which gets it back.
  PooledTransaction(Pool& pool, Connection connection, std::unique_ptr<pqxx::work> work)
      : pool_(pool), connection_(std::move(connection)), work_(std::move(work)) {}
  PooledTransaction(const PooledTransaction&) = delete;
  PooledTransaction& operator=(const PooledTransaction&) = delete;
  ~PooledTransaction() override {
    if (work_ && !gone_) (void)Guarded([this] { work_->abort(); }, gone_);
    work_.reset();
    if (gone_) connection_.reset();
    pool_.Give(std::move(connection_));
  }

  Result<Rows> Query(std::string_view sql, const std::vector<Param>& params) override {
    return Do([&] { return ToRows(Exec(sql, params)); });
  }

  Result<std::int64_t> Execute(std::string_view sql, const std::vector<Param>& params) override {
    return Do([&] { return static_cast<std::int64_t>(Exec(sql, params).affected_rows()); });
  }

  Result<std::int64_t> Copy(
      std::string_view table, const std::vector<std::string>& columns,
      const std::function<bool(std::vector<std::optional<std::string>>&)>& next) override {
    return Do([&] {
      auto stream = pqxx::stream_to::raw_table(*work_, connection_->quote_table(table),
                                               connection_->quote_columns(columns));
      std::vector<std::optional<std::string>> row(columns.size());
      std::int64_t count = 0;
      for (; next(row); ++count) stream.write_row(row);
      stream.complete();
      return count;
    });
  }

  Result<> SetTenant(const TenantId& tenant) override {
    return Do([&] { Exec("SELECT set_config('outrigger.tenant', $1, true)", {Param(tenant)}); });
  }

  Result<> Commit() override {
    if (failed_)
      return Error(ErrorCode::kConflict,
                   "a statement of this transaction failed; nothing is committed");
    auto done = Do([&] { work_->commit(); });
    work_.reset();
    return done;
  }

 private:
  pqxx::result Exec(std::string_view sql, const std::vector<Param>& params) {
    const std::string text(sql);
    if (params.empty()) return work_->exec(text);
    return work_->exec(text, ToPqxx(params));
  }

  template <typename Body>
  auto Do(Body body) -> Result<decltype(body())> {
    if (!work_ || failed_)
      return Error(ErrorCode::kConflict, "this transaction has ended or a statement of it failed");
    auto result = Guarded(std::move(body), gone_);
    if (!result) failed_ = true;
    if (gone_) pool_.DropIdle();
    pool_.Report(!gone_);
    return result;
  }

  Pool& pool_;
  Connection connection_;
  std::unique_ptr<pqxx::work> work_;
  bool gone_ = false;
  bool failed_ = false;
};

class PostgresDatabase final : public Database {
 public:
  explicit PostgresDatabase(const DatabaseOptions& options) : pool_(options) {}

  Result<std::unique_ptr<Transaction>> Begin(const std::optional<TenantId>& tenant) override {
    OR_ASSIGN(Connection connection, pool_.Take());
    bool gone = false;
    auto work = BeginOn(*connection, gone);
    if (!work && gone) {
      // It was idle and died unseen. Nothing has happened yet: once more, with a new one.
      pool_.DropIdle();
      connection.reset();
      auto fresh = pool_.Connect();
      if (!fresh) {
        pool_.Give(nullptr);
        return std::move(fresh).error();
      }
      connection = *std::move(fresh);
      gone = false;
      work = BeginOn(*connection, gone);
    }
    if (!work) {
      pool_.Report(false);
      pool_.Give(nullptr);
      return std::move(work).error();
    }
    auto transaction =
        std::make_unique<PooledTransaction>(pool_, std::move(connection), *std::move(work));
    if (tenant) OR_RETURN_IF_ERROR(transaction->SetTenant(*tenant));
    return std::unique_ptr<Transaction>(std::move(transaction));
  }

  bool Healthy() const override { return pool_.healthy(); }

 private:
  static Result<std::unique_ptr<pqxx::work>> BeginOn(pqxx::connection& connection, bool& gone) {
    return Guarded([&] { return std::make_unique<pqxx::work>(connection); }, gone);
  }

  Pool pool_;
};

}  // namespace

Param::Param(double value) : text_(NumberText(value)) {}

std::int64_t Row::Int(std::size_t column) const {
  const std::string text = Text(column);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  OR_CHECK(error == std::errc() && end == text.data() + text.size(), "a column that is no integer");
  return value;
}

double Row::Number(std::size_t column) const {
  const std::string text = Text(column);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  OR_CHECK(error == std::errc() && end == text.data() + text.size(), "a column that is no number");
  return value;
}

std::unique_ptr<Database> Database::Open(const DatabaseOptions& options) {
  return std::make_unique<PostgresDatabase>(options);
}

}  // namespace outrigger::store
