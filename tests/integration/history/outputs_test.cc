// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "outrigger/store/history_outputs.h"
#include "postgres_fixture.h"

namespace outrigger::store {
namespace {

using ::testing::ElementsAre;

const ArchivePlace kPlace{"out.t1", 0};

class OutputStoreTest : public ::testing::Test {
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
    store_ = MakePostgresOutputs(*archive_, *readers_);
    ASSERT_TRUE(store_->Positions(std::span(&kPlace, 1)).ok());
  }

  static OutputRow Row(std::int64_t time, const std::string& identity, int position = 0,
                       const std::string& asset = "x1") {
    OutputRow row;
    row.tenant = "t1";
    row.model = "m";
    row.asset = asset;
    row.time = time;
    row.identity = identity;
    row.position = position;
    row.values = R"({"score": 0.5, "level": "a\"b"})";
    row.version = "1";
    row.deployment = "d1";
    row.request_id = "r1";
    return row;
  }
  Result<> Append(const std::vector<OutputRow>& rows, const std::vector<DeadLetterRow>& dead = {}) {
    const ArchiveMove move{kPlace, next_, next_ + 1};
    ++next_;
    return store_->Append(rows, dead, std::span(&move, 1));
  }
  static OutputsQuery All() {
    OutputsQuery query;
    query.tenant = TenantId("t1");
    query.model = ModelName("m");
    return query;
  }
  std::vector<std::string> Found(const OutputsQuery& query) {
    std::vector<std::string> found;
    const auto rows = store_->Outputs(query);
    EXPECT_TRUE(rows.ok()) << rows.error().ToString();
    if (!rows.ok()) return found;
    for (const OutputRow& row : *rows) {
      found.push_back(std::to_string(row.time) + row.identity + std::to_string(row.position));
    }
    return found;
  }

  std::string uri_;
  std::unique_ptr<Database> archive_;
  std::unique_ptr<Database> readers_;
  std::unique_ptr<OutputStore> store_;
  std::int64_t next_ = 0;
};

TEST_F(OutputStoreTest, GivesBackWhatAModelSaid) {
  OutputRow row = Row(5, "a");
  row.window = {1'000, 2'000};
  ASSERT_TRUE(Append({row}).ok());

  const auto rows = store_->Outputs(All());

  ASSERT_TRUE(rows.ok()) << rows.error().ToString();
  ASSERT_EQ(rows->size(), 1U);
  EXPECT_EQ(rows->at(0).asset, "x1");
  EXPECT_EQ(rows->at(0).window, row.window);
  EXPECT_EQ(rows->at(0).request_id, "r1");
  EXPECT_THAT(rows->at(0).values, ::testing::HasSubstr(R"("level": "a\"b")"));
  EXPECT_EQ(*store_->KnowsModel(TenantId("t1"), ModelName("m")), true);
  EXPECT_EQ(*store_->KnowsModel(TenantId("t2"), ModelName("m")), false);
}

TEST_F(OutputStoreTest, KnowsAModelThatSaidNothingYet) {
  testing::PostgresServer::Shared().Execute(
      uri_,
      "INSERT INTO tenant (id) VALUES ('t1'), ('t2') ON CONFLICT DO NOTHING; "
      "INSERT INTO model (tenant, name, version, manifest) VALUES ('t1', 'draft', '1', '{}')");

  EXPECT_EQ(*store_->KnowsModel(TenantId("t1"), ModelName("draft")), true);
  EXPECT_EQ(*store_->KnowsModel(TenantId("t2"), ModelName("draft")), false);
  EXPECT_EQ(*store_->KnowsModel(TenantId("t1"), ModelName("other")), false);
}

TEST_F(OutputStoreTest, KeepsOneRowForARecordThatIsReadAgain) {
  ASSERT_TRUE(Append({Row(5, "a"), Row(5, "a", 1)}).ok());
  ASSERT_TRUE(Append({Row(5, "a"), Row(6, "b")}).ok());

  EXPECT_THAT(Found(All()), ElementsAre("5a0", "5a1", "6b0"));
}

TEST_F(OutputStoreTest, PagesThroughRowsOfOneTimeWithoutRepeatOrHole) {
  ASSERT_TRUE(Append({Row(5, "a"), Row(5, "a", 1), Row(5, "b"), Row(4, "z"), Row(6, "a", 2)}).ok());
  OutputsQuery query = All();
  query.limit = 2;

  EXPECT_THAT(Found(query), ElementsAre("4z0", "5a0"));
  query.after = OutputsQuery::Place{5, "a", 0};
  EXPECT_THAT(Found(query), ElementsAre("5a1", "5b0"));
  query.descending = true;
  query.after = OutputsQuery::Place{5, "b", 0};
  EXPECT_THAT(Found(query), ElementsAre("5a1", "5a0"));
}

TEST_F(OutputStoreTest, FiltersByAssetAndSpan) {
  ASSERT_TRUE(Append({Row(4, "a"), Row(5, "b"), Row(6, "c"), Row(5, "d", 0, "x2")}).ok());
  OutputsQuery query = All();
  query.from = 5;
  query.to = 6;

  EXPECT_THAT(Found(query), ElementsAre("5b0", "5d0"));
  query.asset = "x2";
  EXPECT_THAT(Found(query), ElementsAre("5d0"));
}

TEST_F(OutputStoreTest, KeepsADeadLetterOnce) {
  DeadLetterRow dead;
  dead.tenant = "t1";
  dead.id = "d1/feed:0:7";
  dead.model = "m";
  dead.cause = "bad-reply";
  dead.time = 1'700'000'000'000;
  dead.source = "feed:0:7";
  dead.record = "{\"broken\": \\";
  dead.row = "{\"seq\": 7}";
  ASSERT_TRUE(Append({}, {dead}).ok());
  ASSERT_TRUE(Append({}, {dead}).ok());

  testing::PostgresServer::Shared().Execute(uri_, R"(DO $$ BEGIN
    ASSERT (SELECT count(*) FROM dead_letter) = 1;
    ASSERT (SELECT time = '2023-11-14T22:13:20Z' FROM dead_letter);
    ASSERT (SELECT record = '{"broken": \' FROM dead_letter);
    ASSERT (SELECT dead_row = '{"seq": 7}' AND replay_of IS NULL FROM dead_letter);
  END $$)");
}

TEST_F(OutputStoreTest, MovesThePlaceOfAnEndWithoutRows) {
  ASSERT_TRUE(Append({}).ok());

  EXPECT_EQ(store_->Positions(std::span(&kPlace, 1))->at(kPlace), 1);
  const ArchiveMove stale{kPlace, 0, 9};
  EXPECT_EQ(store_->Append({}, {}, std::span(&stale, 1)).error().code(), ErrorCode::kConflict);
}

}  // namespace
}  // namespace outrigger::store
