// SPDX-License-Identifier: Apache-2.0
#include "outrigger/store/database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <pqxx/pqxx>
#include <stop_token>
#include <thread>

#include "outrigger/base/clock.h"
#include "postgres_fixture.h"

namespace outrigger::store {
namespace {

using outrigger::testing::PostgresServer;
using ::testing::HasSubstr;

class DatabaseTest : public ::testing::Test {
 protected:
  void SetUp() override {
    OR_NEEDS_POSTGRES();
    uri_ = PostgresServer::Shared().MigratedDatabase();
    app_ = Open(Access::kApplication);
    ASSERT_TRUE(app_->Run(std::nullopt,
                          [](Transaction& t) {
                            return t.Execute("INSERT INTO tenant (id) VALUES ('red'), ('blue')");
                          })
                    .ok());
  }

  std::unique_ptr<Database> Open(Access access) const {
    DatabaseOptions options;
    options.uri = uri_;
    options.access = access;
    options.connections = 2;
    options.acquire_timeout = Millis{300};
    options.statement_timeout = Millis{1'000};
    options.lock_timeout = Millis{300};
    return Database::Open(options);
  }

  Result<std::int64_t> Add(const TenantId& tenant, const std::string& type) const {
    return app_->Run(tenant, [&](Transaction& t) {
      return t.Execute("INSERT INTO asset_type (tenant, id, name) VALUES ($1, $2, $2)",
                       {tenant, type});
    });
  }

  std::int64_t Count(Database& database, const std::optional<TenantId>& tenant,
                     const std::string& table) const {
    auto rows = database.Run(
        tenant, [&](Transaction& t) { return t.Query("SELECT count(*) FROM " + table); });
    return rows ? rows->at(0).Int(0) : -1;
  }

  const TenantId red_{"red"}, blue_{"blue"};
  std::string uri_;
  std::unique_ptr<Database> app_;
};

TEST_F(DatabaseTest, ShowsATenantOnlyItsOwnRows) {
  ASSERT_TRUE(Add(red_, "arm").ok());
  ASSERT_TRUE(Add(blue_, "arm").ok());
  ASSERT_TRUE(Add(blue_, "leg").ok());

  EXPECT_EQ(Count(*app_, red_, "asset_type"), 1);
  EXPECT_EQ(Count(*app_, blue_, "asset_type"), 2);
}

TEST_F(DatabaseTest, ShowsNothingWhereNoTenantIsNamed) {
  ASSERT_TRUE(Add(red_, "arm").ok());

  EXPECT_EQ(Count(*app_, std::nullopt, "asset_type"), 0);
}

TEST_F(DatabaseTest, RefusesARowOfAnotherTenant) {
  auto written = app_->Run(red_, [](Transaction& t) {
    return t.Execute("INSERT INTO asset_type (tenant, id, name) VALUES ('blue', 'arm', 'arm')");
  });

  ASSERT_FALSE(written.ok());
  EXPECT_EQ(Count(*app_, blue_, "asset_type"), 0);
}

TEST_F(DatabaseTest, ForgetsTheTenantWithTheTransaction) {
  ASSERT_TRUE(Add(red_, "arm").ok());
  for (int i = 0; i < 4; ++i) ASSERT_EQ(Count(*app_, red_, "asset_type"), 1);

  for (int i = 0; i < 4; ++i) EXPECT_EQ(Count(*app_, std::nullopt, "asset_type"), 0);
}

TEST_F(DatabaseTest, HasForcedRowSecurityOnEveryTableWithATenant) {
  auto rows = Open(Access::kWorker)->Run(std::nullopt, [](Transaction& t) {
    return t.Query(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname "
        "= 'tenant' "
        "WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace "
        "AND NOT (c.relrowsecurity AND c.relforcerowsecurity)");
  });

  ASSERT_TRUE(rows.ok()) << rows.error().ToString();
  for (const Row& row : *rows) ADD_FAILURE() << row.Text(0) << " is not protected";
}

TEST_F(DatabaseTest, LetsTheArchiveSeeOnlyTheDataPlane) {
  auto archive = Open(Access::kArchive);

  EXPECT_EQ(Count(*archive, std::nullopt, "telemetry_history"), 0);
  EXPECT_EQ(Count(*archive, std::nullopt, "container_registry"), -1);
  EXPECT_EQ(Count(*archive, std::nullopt, "api_token"), -1);
}

TEST_F(DatabaseTest, NamesTheConstraintOfAConflict) {
  ASSERT_TRUE(Add(red_, "arm").ok());

  auto again = Add(red_, "arm");

  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code(), ErrorCode::kConflict);
  EXPECT_EQ(again.error().hint(), "asset_type_pkey");
}

TEST_F(DatabaseTest, CommitsNothingAfterAFailedStatement) {
  auto transaction = app_->Begin(red_);
  ASSERT_TRUE(transaction.ok());
  ASSERT_TRUE((*transaction)
                  ->Execute("INSERT INTO asset_type (tenant, id, name) VALUES ('red', 'arm', '')")
                  .ok());
  ASSERT_FALSE((*transaction)->Execute("SELECT 1/0").ok());

  EXPECT_FALSE((*transaction)->Commit().ok());
  EXPECT_EQ(Count(*app_, red_, "asset_type"), 0);
}

TEST_F(DatabaseTest, KeepsNullAndOddTextApart) {
  auto rows = app_->Run(red_, [](Transaction& t) {
    return t.Query("SELECT $1::text, $2::text, $3::text",
                   {nullptr, "", std::string("{\"a\",\\N}'\"\xc3\xa4")});
  });

  ASSERT_TRUE(rows.ok());
  EXPECT_TRUE(rows->at(0).IsNull(0));
  EXPECT_FALSE(rows->at(0).IsNull(1));
  EXPECT_EQ(rows->at(0).Text(2), "{\"a\",\\N}'\"\xc3\xa4");
}

TEST_F(DatabaseTest, CopiesRowsAsTheArchive) {
  auto archive = Open(Access::kArchive);
  int n = 0;

  auto copied = archive->Run(std::nullopt, [&](Transaction& t) {
    return t.Copy("telemetry_history", {"tenant", "asset", "telemetry", "time", "number", "text"},
                  [&](std::vector<std::optional<std::string>>& row) {
                    row = {"red", "x\t1", "T", std::to_string(n), "1.5", std::nullopt};
                    return n++ < 100;
                  });
  });

  ASSERT_TRUE(copied.ok()) << copied.error().ToString();
  EXPECT_EQ(*copied, 100);
  EXPECT_EQ(Count(*app_, red_, "telemetry_history"), 100);
  EXPECT_EQ(Count(*app_, blue_, "telemetry_history"), 0);
}

TEST_F(DatabaseTest, EndsAStatementThatTakesTooLong) {
  auto slow = app_->Run(red_, [](Transaction& t) { return t.Query("SELECT pg_sleep(30)"); });

  ASSERT_FALSE(slow.ok());
  EXPECT_EQ(slow.error().code(), ErrorCode::kTimeout);
  EXPECT_TRUE(app_->Healthy());
}

TEST_F(DatabaseTest, RefusesWhenEveryConnectionIsOut) {
  auto one = app_->Begin(red_), two = app_->Begin(red_);
  ASSERT_TRUE(one.ok() && two.ok());

  auto three = app_->Begin(red_);

  ASSERT_FALSE(three.ok());
  EXPECT_EQ(three.error().code(), ErrorCode::kResourceExhausted);
  one->reset();
  EXPECT_TRUE(app_->Begin(red_).ok());
}

TEST_F(DatabaseTest, ComesBackAfterPostgresWasGone) {
  ASSERT_TRUE(Add(red_, "arm").ok());
  PostgresServer::Shared().Stop();
  auto during = Add(red_, "leg");
  PostgresServer::Shared().Start();

  ASSERT_FALSE(during.ok());
  EXPECT_EQ(during.error().code(), ErrorCode::kUnavailable);
  EXPECT_TRUE(Add(red_, "leg").ok());
  EXPECT_TRUE(app_->Healthy());
}

TEST_F(DatabaseTest, ReplacesAnIdleConnectionThatDiedUnseen) {
  ASSERT_TRUE(Add(red_, "arm").ok());
  PostgresServer::Shared().Stop();
  PostgresServer::Shared().Start();

  EXPECT_TRUE(Add(red_, "leg").ok());
}

TEST_F(DatabaseTest, SaysUnavailableWhenTheConnectionDiesInATransaction) {
  auto transaction = app_->Begin(red_);
  ASSERT_TRUE(transaction.ok());
  PostgresServer::Shared().Stop();
  PostgresServer::Shared().Start();

  auto written = (*transaction)->Execute("DELETE FROM asset_type");

  ASSERT_FALSE(written.ok());
  EXPECT_EQ(written.error().code(), ErrorCode::kUnavailable);
  transaction->reset();
  EXPECT_EQ(Count(*app_, red_, "asset_type"), 0);
}

TEST_F(DatabaseTest, FindsATokenBeforeItsTenantIsKnownAndOnlyByItsHash) {
  ASSERT_TRUE(app_->Run(blue_,
                        [](Transaction& t) {
                          return t.Execute(
                              "INSERT INTO api_token (tenant, name, hash, role, expires_at) VALUES "
                              "('blue', 'a', 'h1', 'viewer', NULL), "
                              "('blue', 'b', 'h2', 'viewer', clock_timestamp() - interval '1 s')");
                        })
                  .ok());
  const auto find = [&](const std::string& hash) {
    auto rows = app_->Run(std::nullopt, [&](Transaction& t) {
      return t.Query("SELECT tenant, role FROM outrigger_find_token($1)", {hash});
    });
    return rows && !rows->empty() ? rows->at(0).Text(0) : std::string();
  };

  EXPECT_EQ(find("h1"), "blue");
  EXPECT_EQ(find("h2"), "") << "expired";
  EXPECT_EQ(find("h3"), "");
  EXPECT_EQ(Count(*app_, std::nullopt, "api_token"), 0);
}

TEST(MigrateTest, AppliesEachMigrationOnceHoweverManyStartTogether) {
  OR_NEEDS_POSTGRES();
  const std::string uri = PostgresServer::Shared().FreshDatabase();
  std::vector<Result<int>> results(3, Result<int>(0));

  {
    std::vector<std::jthread> threads;
    for (auto& result : results)
      threads.emplace_back([&] { result = Migrate(uri, Millis{30'000}); });
  }

  int sum = 0;
  for (const auto& result : results) {
    ASSERT_TRUE(result.ok()) << result.error().ToString();
    sum += *result;
  }
  auto again = Migrate(uri, Millis{30'000});
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(*again, 0);
  EXPECT_GE(sum, 1);
}

TEST(MigrateTest, EndsSoonWhenItIsStoppedWhileTheDatabaseIsGone) {
  std::stop_source stop;
  const std::jthread stopper([&] {
    SleepFor(Millis{300});
    stop.request_stop();
  });
  const SteadyTime began = SystemClock().Now();

  const auto result =
      Migrate("postgresql://nobody@127.0.0.1:1/none", Millis{60'000}, stop.get_token());

  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), ErrorCode::kCancelled);
  EXPECT_LT(SystemClock().Now() - began, Millis{5'000});
}

TEST(MigrateTest, EndsSoonWhenItIsStoppedWhileAnotherProgramMigrates) {
  OR_NEEDS_POSTGRES();
  const std::string uri = PostgresServer::Shared().FreshDatabase();
  pqxx::connection other(uri);
  pqxx::work holds(other);
  holds.exec("SELECT pg_advisory_xact_lock(8031924123371070309)");
  std::stop_source stop;
  stop.request_stop();
  const SteadyTime began = SystemClock().Now();

  const auto result = Migrate(uri, Millis{60'000}, stop.get_token());

  EXPECT_EQ(result.error().code(), ErrorCode::kCancelled);
  EXPECT_LT(SystemClock().Now() - began, Millis{8'000});
}

TEST(MigrateTest, RefusesANewerSchema) {
  OR_NEEDS_POSTGRES();
  const std::string uri = PostgresServer::Shared().MigratedDatabase();
  PostgresServer::Shared().Execute(
      uri, "INSERT INTO schema_migration (version, name) VALUES (9999, 'x')");

  auto result = Migrate(uri, Millis{1'000});

  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), ErrorCode::kConflict);
  EXPECT_THAT(result.error().message(), HasSubstr("9999"));
}

}  // namespace
}  // namespace outrigger::store
