// SPDX-License-Identifier: Apache-2.0
#include "outrigger/store/history_retention.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <format>
#include <thread>

#include "outrigger/store/history.h"
#include "postgres_fixture.h"

namespace outrigger::store {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

constexpr std::int64_t kDay = 86'400'000;
constexpr std::int64_t kToday = 19'675 * kDay;  // 2023-11-14
constexpr std::int64_t kNow = kToday + 80'000'000;
const ArchivePlace kPlace{"telemetry", 0};

class RetentionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    OR_NEEDS_POSTGRES();
    uri_ = testing::PostgresServer::Shared().MigratedDatabase();
    DatabaseOptions options;
    options.uri = uri_;
    options.access = Access::kArchive;
    archive_ = Database::Open(options);
    options.access = Access::kApplication;
    readers_ = Database::Open(options);
    history_ = MakePostgresHistory(*archive_, *readers_, {}, clock_);
    ASSERT_TRUE(history_->Positions(std::span(&kPlace, 1)).ok());
  }

  // `count` values of a tenant's asset, a millisecond apart.
  void Write(const std::string& tenant, std::int64_t time, int count = 1,
             const std::string& asset = "x1") {
    std::vector<HistoryRow> rows;
    for (int i = 0; i < count; ++i) rows.push_back({tenant, asset, "T", time + i, double(i)});
    const ArchiveMove move{kPlace, next_, next_ + 1};
    const Result<> written = history_->Append(rows, std::span(&move, 1));
    ASSERT_TRUE(written.ok()) << written.error().ToString();
    ++next_;
  }
  Result<Swept> Sweep(const KeptFrom& kept, const std::string& owner = "me", int rows = 10) {
    RetentionOptions options{owner};
    options.rows = rows;
    options.series = 2;
    pieces_.clear();
    return MakePostgresRetention(*archive_, options)->Sweep(kept, [&](std::int64_t count) {
      pieces_.push_back(count);
      return go_on_;
    });
  }
  std::size_t Kept(const std::string& tenant, const std::string& asset = "x1") {
    PointsQuery query;
    query.tenant = TenantId(tenant);
    query.asset = AssetId(asset);
    query.telemetry = "T";
    query.limit = 1'000;
    return history_->Points(query)->size();
  }
  bool HasDay(const std::string& day) {
    const auto found = archive_->Run(std::nullopt, [&](Transaction& transaction) {
      return transaction.Query("SELECT to_regclass('public.telemetry_history_' || $1) IS NOT NULL",
                               {day});
    });
    return found->at(0).Bool(0);
  }

  std::string uri_;
  ManualClock clock_{kNow};
  std::unique_ptr<Database> archive_, readers_;
  std::unique_ptr<HistoryStore> history_;
  std::int64_t next_ = 0;
  std::vector<std::int64_t> pieces_;
  bool go_on_ = true;
};

TEST_F(RetentionTest, DropsADayThatAllItsTenantsHaveDoneWith) {
  Write("t1", kToday - 5 * kDay, 30);
  Write("t2", kToday - 5 * kDay, 30);
  Write("t1", kNow);

  const auto swept = Sweep({
      {"t1", kToday - 4 * kDay},
      {"t2", kToday - 2 * kDay}
  });

  ASSERT_TRUE(swept.ok()) << swept.error().ToString();
  EXPECT_EQ(swept->days, 1);
  EXPECT_EQ(swept->rows, 0) << "a day goes whole, not row by row";
  EXPECT_FALSE(HasDay("20231109"));
  EXPECT_TRUE(HasDay("20231114"));
  EXPECT_EQ(Kept("t1"), 1u);
  EXPECT_EQ(Kept("t2"), 0u);
}

TEST_F(RetentionTest, DeletesInPiecesWhereAnotherTenantKeepsTheDay) {
  for (const char* asset : {"x1", "x2", "x3"}) Write("t1", kToday - 5 * kDay, 25, asset);
  Write("t2", kToday - 5 * kDay, 25);

  const auto swept = Sweep({
      {"t1", kToday - 4 * kDay}
  });

  ASSERT_TRUE(swept.ok()) << swept.error().ToString();
  EXPECT_EQ(swept->rows, 75);
  EXPECT_EQ(swept->days, 0);
  EXPECT_LE(std::ranges::max(pieces_), 10);
  for (const char* asset : {"x1", "x2", "x3"}) EXPECT_EQ(Kept("t1", asset), 0u) << asset;
  EXPECT_EQ(Kept("t2"), 25u);
  EXPECT_TRUE(HasDay("20231109"));
}

TEST_F(RetentionTest, KeepsADayThatIsNotWhollyPast) {
  Write("t1", kToday - 5 * kDay, 5);

  EXPECT_EQ(Sweep({
                      {"t1", kToday - 4 * kDay - 1}
  })
                ->rows,
            0);
  EXPECT_EQ(Kept("t1"), 5u);
}

TEST_F(RetentionTest, TakesOldRowsOutOfTheDefaultPartition) {
  Write("t1", kToday - 900 * kDay, 25);
  Write("t1", kToday - 500 * kDay, 25, "x2");
  Write("t1", kToday + 50 * kDay, 25, "x3");
  Write("t2", kToday - 900 * kDay, 25);

  const auto swept = Sweep({
      {"t1", kToday - 500 * kDay + 5}
  });

  ASSERT_TRUE(swept.ok()) << swept.error().ToString();
  EXPECT_EQ(swept->rows, 30);
  EXPECT_LE(std::ranges::max(pieces_), 10);
  EXPECT_EQ(Kept("t1"), 0u);
  EXPECT_EQ(Kept("t1", "x2"), 20u);
  EXPECT_EQ(Kept("t1", "x3"), 25u);
  EXPECT_EQ(Kept("t2"), 25u);
}

TEST_F(RetentionTest, KeepsTheLastValueOfWhatFellSilent) {
  Write("t1", kToday - 5 * kDay, 3);

  ASSERT_EQ(Sweep({
                      {"t1", kNow}
  })
                ->days,
            1);

  EXPECT_EQ(Kept("t1"), 0u);
  const auto latest = history_->Latest(TenantId("t1"), AssetId("x1"));
  ASSERT_THAT(*latest, SizeIs(1));
  EXPECT_EQ(latest->front().point, (Point{kToday - 5 * kDay + 2, 2.0}));
}

TEST_F(RetentionTest, RemovesNothingWhereNobodySaidHowLongToKeep) {
  Write("t1", kToday - 300 * kDay, 5);
  Write("t1", kToday - 900 * kDay, 5);

  EXPECT_EQ(Sweep({})->rows, 0);
  EXPECT_EQ(Kept("t1"), 10u);
}

TEST_F(RetentionTest, WorksInOneProcessAtATime) {
  Write("t1", kToday - 5 * kDay, 50);
  Write("t2", kToday - 5 * kDay);
  const KeptFrom kept = {
      {"t1", kNow}
  };
  go_on_ = false;
  ASSERT_EQ(Sweep(kept, "one")->rows, 10);
  go_on_ = true;

  EXPECT_EQ(Sweep(kept, "two").error().code(), ErrorCode::kConflict);
  testing::PostgresServer::Shared().Execute(uri_, "UPDATE archive_lease SET until = now()");
  EXPECT_EQ(Sweep(kept, "two")->rows, 40);
  EXPECT_EQ(Sweep(kept, "one").error().code(), ErrorCode::kConflict) << "it slept past its lease";
}

TEST_F(RetentionTest, LetsTheArchiveWriteWhileItSweeps) {
  constexpr int kRounds = 60;
  for (int day = 5; day < 25; ++day) {
    Write("t1", kToday - day * kDay, 20);
    if (day % 2 == 0) Write("t2", kToday - day * kDay, 20);
  }
  std::atomic<bool> ended{false};
  std::jthread sweeper([&] {
    while (!ended) {
      EXPECT_TRUE(Sweep({
                            {"t1", kToday - 4 * kDay}
      })
                      .ok());
    }
  });
  for (int i = 0; i < kRounds; ++i) {
    Write("t1", kNow + i * 10, 10);                                  // fresh ones
    Write("t2", kToday - (5 + i % 20) * kDay + 1'000 + i * 10, 10);  // late ones, kept
    Write("t1", kToday - (5 + i % 20) * kDay + 1'000 + i * 10, 10);  // late ones, not kept
    Write("t1", kToday - 2 * kDay, 10);                              // corrections
  }
  ended = true;
  sweeper.join();
  ASSERT_TRUE(Sweep({
                        {"t1", kToday - 4 * kDay}
  })
                  .ok());

  EXPECT_EQ(Kept("t1"), kRounds * 10u + 10u);
  EXPECT_EQ(Kept("t2"), kRounds * 10u + 200u);
}

TEST_F(RetentionTest, PutsOffADayThatIsBeingReadAndHoldsUpNobody) {
  Write("t1", kToday - 5 * kDay);
  auto reader = *readers_->Begin(TenantId("t1"));
  ASSERT_TRUE(reader->Query("SELECT count(*) FROM telemetry_history").ok());

  const auto swept = Sweep({
      {"t1", kNow}
  });

  ASSERT_TRUE(swept.ok()) << swept.error().ToString();
  EXPECT_EQ(swept->days, 0);
  EXPECT_EQ(Kept("t1"), 1u);
  reader.reset();
  EXPECT_EQ(Sweep({
                      {"t1", kNow}
  })
                ->days,
            1);
}

TEST_F(RetentionTest, TakesALateRowOfADayThatWasDropped) {
  Write("t1", kToday - 5 * kDay);
  const KeptFrom kept = {
      {"t1", kNow}
  };
  ASSERT_EQ(Sweep(kept)->days, 1);

  Write("t1", kToday - 5 * kDay + 1);
  Write("t2", kToday - 5 * kDay + 1);

  EXPECT_EQ(Kept("t2"), 1u);
  EXPECT_EQ(Sweep(kept)->rows, 1);
  EXPECT_EQ(Kept("t1"), 0u);
  EXPECT_EQ(Kept("t2"), 1u);
}

TEST_F(RetentionTest, LooksByKeysOnlyHoweverSmallTheTablesAre) {
  Write("t1", kToday - 5 * kDay, 50);
  Write("t2", kToday - 5 * kDay, 50);
  Write("t1", kToday - 900 * kDay, 50);
  history_.reset();
  readers_.reset();
  archive_.reset();  // a session tells its counters when it ends
  testing::PostgresServer::Shared().Execute(uri_, R"(DO $$ BEGIN
      FOR i IN 1..100 LOOP
        EXIT WHEN (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                   AND backend_type = 'client backend') = 1;
        PERFORM pg_sleep(0.1), pg_stat_clear_snapshot();
      END LOOP;
      PERFORM pg_stat_reset();
    END $$)");
  DatabaseOptions options;
  options.uri = uri_;
  options.access = Access::kArchive;
  archive_ = Database::Open(options);

  ASSERT_EQ(Sweep({
                      {"t1", kNow}
  })
                ->rows,
            100);
  archive_.reset();

  testing::PostgresServer::Shared().Execute(uri_, R"(DO $$
    DECLARE scans bigint := 0;
    BEGIN
      FOR i IN 1..100 LOOP  -- and they come late
        PERFORM pg_stat_clear_snapshot();
        SELECT sum(idx_scan) INTO scans FROM pg_stat_all_tables WHERE relname LIKE 'telemetry_history%';
        EXIT WHEN scans > 0;
        PERFORM pg_sleep(0.1);
      END LOOP;
      ASSERT scans > 0;
      ASSERT (SELECT sum(seq_scan) FROM pg_stat_all_tables WHERE relname LIKE 'telemetry_%') = 0;
    END $$)");
}

}  // namespace
}  // namespace outrigger::store
