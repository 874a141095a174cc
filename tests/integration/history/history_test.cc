// SPDX-License-Identifier: Apache-2.0
#include "outrigger/store/history.h"

#include <gmock/gmock.h>

#include <map>

#include "postgres_fixture.h"

namespace outrigger::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::int64_t kDay = 86'400'000;
constexpr std::int64_t kNow = 1'700'000'000'000;
const ArchivePlace kPlace{"telemetry", 0};

class HistoryTest : public ::testing::Test {
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
    store_ = MakePostgresHistory(*archive_, *readers_, {}, clock_);
  }

  static HistoryRow At(std::int64_t time, HistoryValue value, std::string asset = "x1",
                       std::string tenant = "t1") {
    return {std::move(tenant), std::move(asset), "T", time, std::move(value)};
  }
  // Appends from the place the store is at.
  Result<> Append(const std::vector<HistoryRow>& rows) {
    const std::int64_t first = next_++;
    const ArchiveMove move{kPlace, first, next_};
    return store_->Append(rows, std::span(&move, 1));
  }
  void Begin() {
    const auto places = store_->Positions(std::span(&kPlace, 1));
    ASSERT_TRUE(places.ok()) << places.error().ToString();
    next_ = places->at(kPlace);
  }
  static PointsQuery All(std::string asset = "x1", std::string tenant = "t1") {
    PointsQuery query;
    query.tenant = TenantId(std::move(tenant));
    query.asset = AssetId(std::move(asset));
    query.telemetry = "T";
    query.limit = 1'000;
    return query;
  }
  std::vector<Point> Points(const PointsQuery& query = All()) {
    auto points = store_->Points(query);
    EXPECT_TRUE(points.ok()) << points.error().ToString();
    return points.ok() ? *points : std::vector<Point>();
  }
  std::map<std::int64_t, double> Aggregated(const char* name, std::int64_t interval,
                                            PointsQuery points = All()) {
    AggregateQuery query{std::move(points)};
    query.aggregate = *AggregateFrom(name);
    query.interval = interval;
    const auto found = store_->Aggregates(query);
    EXPECT_TRUE(found.ok()) << name << ": " << found.error().ToString();
    std::map<std::int64_t, double> values;
    if (!found.ok()) return values;
    for (const AggregatePoint& point : found->points) {
      values[point.time] = point.value ? std::get<double>(*point.value) : -1;
    }
    return values;
  }

  std::string uri_;
  ManualClock clock_{kNow};
  std::unique_ptr<Database> archive_;
  std::unique_ptr<Database> readers_;
  std::unique_ptr<HistoryStore> store_;
  std::int64_t next_ = 0;
};

TEST_F(HistoryTest, GivesBackEveryKindOfValueInTheOrderOfTime) {
  Begin();
  ASSERT_TRUE(
      Append({At(kNow + 2, true), At(kNow, 1.25), At(kNow + 1, std::string("a\\\"\t,{}é"))}).ok());

  EXPECT_THAT(Points(), ElementsAre(Point{kNow, 1.25}, Point{kNow + 1, std::string("a\\\"\t,{}é")},
                                    Point{kNow + 2, true}));
}

TEST_F(HistoryTest, KeepsTheLastValueWrittenForATime) {
  Begin();
  ASSERT_TRUE(Append({At(kNow, 1.0), At(kNow, 2.0), At(kNow + 1, 5.0)}).ok());
  ASSERT_TRUE(Append({At(kNow, 3.0)}).ok());
  ASSERT_TRUE(Append({At(kNow + 1, std::string("now text")), At(kNow + 2, 7.0)}).ok());

  EXPECT_THAT(Points(), ElementsAre(Point{kNow, 3.0}, Point{kNow + 1, std::string("now text")},
                                    Point{kNow + 2, 7.0}));
}

TEST_F(HistoryTest, MovesValuesAndPlaceTogetherOrNotAtAll) {
  Begin();
  ASSERT_TRUE(Append({At(kNow, 1.0)}).ok());
  const ArchiveMove stale{kPlace, 0, 1};

  const Result<> again = store_->Append(std::vector{At(kNow + 1, 2.0)}, std::span(&stale, 1));

  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code(), ErrorCode::kConflict);
  EXPECT_THAT(Points(), SizeIs(1));
  Begin();
  EXPECT_EQ(next_, 1);
}

TEST_F(HistoryTest, RefusesAFrozenWriterThatWakesUp) {
  Begin();
  const auto other = MakePostgresHistory(*archive_, *readers_, {}, clock_);
  const ArchiveMove first{kPlace, 0, 10};
  ASSERT_TRUE(other->Append(std::vector{At(kNow, 1.0)}, std::span(&first, 1)).ok());

  const ArchiveMove late{kPlace, 0, 4};
  const Result<> woken = store_->Append(std::vector{At(kNow, 9.0)}, std::span(&late, 1));

  EXPECT_EQ(woken.error().code(), ErrorCode::kConflict);
  EXPECT_THAT(Points(), ElementsAre(Point{kNow, 1.0}));
}

TEST_F(HistoryTest, MendsItselfWhenAnotherWriterKnewNewerValues) {
  Begin();
  ASSERT_TRUE(Append({At(kNow, 1.0)}).ok());
  const auto other = MakePostgresHistory(*archive_, *readers_, {}, clock_);
  const ArchiveMove theirs{kPlace, 1, 2};
  ASSERT_TRUE(other->Append(std::vector{At(kNow + 5, 5.0)}, std::span(&theirs, 1)).ok());
  next_ = 2;

  // This store still believes that kNow is the newest, so the first try collides.
  const Result<> first = Append({At(kNow + 5, 6.0)});
  Begin();
  const Result<> second = first.ok() ? Result<>() : Append({At(kNow + 5, 6.0)});

  EXPECT_TRUE(second.ok());
  EXPECT_THAT(Points(), ElementsAre(Point{kNow, 1.0}, Point{kNow + 5, 6.0}));
}

TEST_F(HistoryTest, KnowsTheNewestValueByEventTime) {
  Begin();
  ASSERT_TRUE(Append({At(kNow, 1.0), At(kNow + 9, 2.0), At(kNow + 3, 3.0)}).ok());
  ASSERT_TRUE(Append({At(kNow + 5, 4.0)}).ok());
  EXPECT_EQ(store_->Latest(TenantId("t1"), AssetId("x1"))->at(0).point, (Point{kNow + 9, 2.0}));

  ASSERT_TRUE(Append({At(kNow + 9, false)}).ok());

  EXPECT_EQ(store_->Latest(TenantId("t1"), AssetId("x1"))->at(0).point, (Point{kNow + 9, false}));
  EXPECT_THAT(*store_->Latest(TenantId("t1"), AssetId("nobody")), IsEmpty());
}

TEST_F(HistoryTest, ShowsNoTenantWhatAnotherOneMeasured) {
  Begin();
  ASSERT_TRUE(Append({At(kNow, 1.0, "x1", "t1"), At(kNow, 2.0, "x1", "t2")}).ok());

  EXPECT_THAT(Points(All("x1", "t2")), ElementsAre(Point{kNow, 2.0}));
  EXPECT_THAT(Points(All("x1", "t3")), IsEmpty());
}

TEST_F(HistoryTest, ReadsSpansAndPagesInBothDirections) {
  Begin();
  std::vector<HistoryRow> rows;
  for (int i = 0; i < 10; ++i) rows.push_back(At(kNow + i, double(i)));
  ASSERT_TRUE(Append(rows).ok());
  PointsQuery query = All();
  query.from = kNow + 2;
  query.to = kNow + 8;
  query.limit = 4;

  EXPECT_THAT(Points(query), ElementsAre(Point{kNow + 2, 2.0}, Point{kNow + 3, 3.0},
                                         Point{kNow + 4, 4.0}, Point{kNow + 5, 5.0}));
  query.after = kNow + 5;
  EXPECT_THAT(Points(query), ElementsAre(Point{kNow + 6, 6.0}, Point{kNow + 7, 7.0}));
  query.descending = true;
  EXPECT_THAT(Points(query),
              ElementsAre(Point{kNow + 4, 4.0}, Point{kNow + 3, 3.0}, Point{kNow + 2, 2.0}));
}

TEST_F(HistoryTest, AggregatesByIntervalsAlignedToTheEpoch) {
  Begin();
  ASSERT_TRUE(Append({At(10'000, 1.0), At(10'999, 3.0), At(11'000, 10.0), At(13'000, 4.0),
                      At(13'001, 4.0), At(13'002, 7.0)})
                  .ok());
  using Values = std::map<std::int64_t, double>;

  EXPECT_EQ(Aggregated("avg", 1'000), (Values{
                                          {10'000, 2 },
                                          {11'000, 10},
                                          {13'000, 5 }
  }));
  EXPECT_EQ(Aggregated("min", 1'000), (Values{
                                          {10'000, 1 },
                                          {11'000, 10},
                                          {13'000, 4 }
  }));
  EXPECT_EQ(Aggregated("max", 1'000), (Values{
                                          {10'000, 3 },
                                          {11'000, 10},
                                          {13'000, 7 }
  }));
  EXPECT_EQ(Aggregated("sum", 1'000), (Values{
                                          {10'000, 4 },
                                          {11'000, 10},
                                          {13'000, 15}
  }));
  EXPECT_EQ(Aggregated("count", 1'000), (Values{
                                            {10'000, 2},
                                            {11'000, 1},
                                            {13'000, 3}
  }));
  EXPECT_EQ(Aggregated("first", 1'000), (Values{
                                            {10'000, 1 },
                                            {11'000, 10},
                                            {13'000, 4 }
  }));
  EXPECT_EQ(Aggregated("last", 1'000), (Values{
                                           {10'000, 3 },
                                           {11'000, 10},
                                           {13'000, 7 }
  }));
  const Values deviation = Aggregated("stddev", 1'000);
  EXPECT_NEAR(deviation.at(10'000), 1.41421356, 1e-6);
  EXPECT_EQ(deviation.at(11'000), -1) << "one value has no deviation";
  EXPECT_EQ(Aggregated("count", 7'000), (Values{
                                            {7'000, 6}
  }))
      << "7000 to 14000";
}

TEST_F(HistoryTest, AlignsIntervalsBeforeTheEpochTheSameWay) {
  Begin();
  ASSERT_TRUE(Append({At(-1, 1.0), At(-1'000, 2.0), At(-1'001, 3.0), At(0, 4.0)}).ok());

  EXPECT_EQ(Aggregated("count", 1'000), (std::map<std::int64_t, double>{
                                            {-2'000, 1},
                                            {-1'000, 2},
                                            {0,      1}
  }));
}

TEST_F(HistoryTest, PagesThroughIntervalsInBothDirections) {
  Begin();
  std::vector<HistoryRow> rows;
  for (int i = 0; i < 10; ++i) rows.push_back(At(kDay + i * 500, double(i)));
  ASSERT_TRUE(Append(rows).ok());
  PointsQuery query = All();
  query.limit = 2;

  EXPECT_EQ(Aggregated("count", 1'000, query), (std::map<std::int64_t, double>{
                                                   {kDay,         2},
                                                   {kDay + 1'000, 2}
  }));
  query.after = kDay + 1'000;
  EXPECT_EQ(Aggregated("count", 1'000, query), (std::map<std::int64_t, double>{
                                                   {kDay + 2'000, 2},
                                                   {kDay + 3'000, 2}
  }));
  query.descending = true;
  query.after = kDay + 3'000;
  EXPECT_EQ(Aggregated("last", 1'000, query), (std::map<std::int64_t, double>{
                                                  {kDay + 1'000, 3},
                                                  {kDay + 2'000, 5}
  }));
}

TEST_F(HistoryTest, RefusesAnAggregateThatWouldReadTooMuch) {
  Begin();
  std::vector<HistoryRow> rows;
  for (int i = 0; i < 50; ++i) rows.push_back(At(kNow + i, double(i)));
  ASSERT_TRUE(Append(rows).ok());
  AggregateQuery query{All()};
  query.max_rows = 49;

  EXPECT_GE(store_->Aggregates(query)->too_much.value_or(0), 50);
  query.max_rows = 50;
  EXPECT_FALSE(store_->Aggregates(query)->too_much.has_value());
}

TEST_F(HistoryTest, GivesRecentDaysPartitionsAndKeepsTheRestTogether) {
  Begin();
  ASSERT_TRUE(store_->MakeDaysAhead().ok());
  ASSERT_TRUE(store_->MakeDaysAhead().ok());
  ASSERT_TRUE(Append({At(kNow - 10 * kDay, 1.0), At(kNow - 500 * kDay, 2.0), At(kNow, 3.0),
                      At(kNow + 50 * kDay, 4.0)})
                  .ok());

  EXPECT_THAT(Points(), SizeIs(4));
  testing::PostgresServer::Shared().Execute(uri_, R"(DO $$ BEGIN
    ASSERT (SELECT count(*) FROM telemetry_history_default) = 2;
    ASSERT (SELECT count(*) FROM telemetry_history_20231104) = 1;
    ASSERT (SELECT count(*) FROM telemetry_history_20231114) = 1;
    ASSERT to_regclass('telemetry_history_20231117') IS NOT NULL;
  END $$)");
}

TEST_F(HistoryTest, MovesWhatCameTooEarlyWhenItsDayIsMade) {
  Begin();
  ASSERT_TRUE(Append({At(kNow + 10 * kDay, 1.0), At(kNow + 30 * kDay, 2.0)}).ok());
  clock_.Advance(Millis{9 * kDay});

  ASSERT_TRUE(store_->MakeDaysAhead().ok());

  EXPECT_THAT(Points(), ElementsAre(Point{kNow + 10 * kDay, 1.0}, Point{kNow + 30 * kDay, 2.0}));
  testing::PostgresServer::Shared().Execute(uri_, R"(DO $$ BEGIN
    ASSERT (SELECT count(*) FROM telemetry_history_default) = 1;
    ASSERT (SELECT count(*) FROM telemetry_history_20231124) = 1;
  END $$)");
}

TEST_F(HistoryTest, ToldOfAnOutageNeitherLosesNorDoublesWhatIsTriedAgain) {
  Begin();
  ASSERT_TRUE(Append({At(kNow, 1.0)}).ok());
  testing::PostgresServer::Shared().Stop();
  EXPECT_FALSE(Append({At(kNow + 1, 2.0)}).ok());
  EXPECT_FALSE(store_->Points(All()).ok());
  testing::PostgresServer::Shared().Start();

  Begin();
  ASSERT_EQ(next_, 1);
  ASSERT_TRUE(Append({At(kNow + 1, 2.0)}).ok());

  EXPECT_THAT(Points(), ElementsAre(Point{kNow, 1.0}, Point{kNow + 1, 2.0}));
}

TEST_F(HistoryTest, RefusesAValueThatTheDatabaseCannotHoldWithoutMoving) {
  Begin();

  const Result<> refused = Append({At(kNow, std::string("\xff"))});

  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidArgument) << refused.error().ToString();
  Begin();
  EXPECT_EQ(next_, 0);
}

}  // namespace
}  // namespace outrigger::store
