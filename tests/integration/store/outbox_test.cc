// SPDX-License-Identifier: Apache-2.0
#include "outrigger/store/outbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "outrigger/base/clock.h"
#include "postgres_fixture.h"

namespace outrigger::store {
namespace {

using outrigger::testing::PostgresServer;

class OutboxTest : public ::testing::Test {
 protected:
  void SetUp() override {
    OR_NEEDS_POSTGRES();
    const std::string uri = PostgresServer::Shared().MigratedDatabase();
    DatabaseOptions options;
    options.uri = uri;
    app_ = Database::Open(options);
    options.access = Access::kWorker;
    worker_ = Database::Open(options);
  }

  std::int64_t Put(const std::string& key, const std::optional<std::string>& value,
                   const std::optional<TenantId>& tenant = TenantId("red")) {
    auto id = app_->Run(tenant, [&](Transaction& t) {
      return Enqueue(t, "catalog", key, value,
                     {
                         {"ce_id", key}
      });
    });
    EXPECT_TRUE(id.ok()) << id.error().ToString();
    return id ? *id : -1;
  }
  Lease Take(const std::string& owner, Millis duration = Millis{60'000}) {
    auto lease = TakeLease(*worker_, "relay", owner, duration);
    EXPECT_TRUE(lease.ok()) << lease.error().ToString();
    return lease ? *lease : Lease{};
  }
  std::vector<OutboxRecord> Unpublished(const Lease& lease, int limit = 100) {
    auto batch = TakeUnpublished(*worker_, lease, limit);
    EXPECT_TRUE(batch.ok()) << batch.error().ToString();
    return batch ? *batch : std::vector<OutboxRecord>{};
  }
  std::optional<std::int64_t> RevisionOf(std::int64_t id) {
    auto revision =
        app_->Run(TenantId("red"), [&](Transaction& t) { return PublishedRevision(t, id); });
    EXPECT_TRUE(revision.ok());
    return revision ? *revision : std::nullopt;
  }

  std::unique_ptr<Database> app_, worker_;
};

TEST_F(OutboxTest, HandsOutRecordsInOrderWithGrowingRevisions) {
  Put("a", "1");
  Put("b", std::nullopt);
  Put("c", "", std::nullopt);

  const auto batch = Unpublished(Take("me"));

  ASSERT_EQ(batch.size(), 3u);
  EXPECT_EQ(batch[0].key, "a");
  EXPECT_EQ(batch[0].value, "1");
  EXPECT_EQ(batch[0].tenant, "red");
  EXPECT_EQ(batch[0].headers.at("ce_id"), "a");
  EXPECT_EQ(batch[1].value, std::nullopt);
  EXPECT_EQ(batch[2].value, "");
  EXPECT_EQ(batch[2].tenant, "");
  EXPECT_LT(batch[0].revision, batch[1].revision);
  EXPECT_LT(batch[1].revision, batch[2].revision);
}

TEST_F(OutboxTest, KeepsARecordsRevisionWhenItIsPublishedAgain) {
  const std::int64_t first = Put("a", "1");
  const Lease lease = Take("me");
  const auto before = Unpublished(lease);
  Put("b", "2");

  const auto again = Unpublished(lease);

  ASSERT_EQ(again.size(), 2u);
  EXPECT_EQ(again[0].id, first);
  EXPECT_EQ(again[0].revision, before[0].revision);
  EXPECT_GT(again[1].revision, again[0].revision);
}

TEST_F(OutboxTest, TellsTheRevisionOncePublished) {
  const std::int64_t id = Put("a", "1");
  const Lease lease = Take("me");
  const auto batch = Unpublished(lease);
  EXPECT_EQ(RevisionOf(id), std::nullopt);

  ASSERT_TRUE(MarkPublished(*worker_, lease, {id}).ok());

  EXPECT_EQ(RevisionOf(id), batch[0].revision);
  EXPECT_TRUE(Unpublished(lease).empty());
  ASSERT_TRUE(PrunePublished(*worker_, Millis{0}).ok());
  EXPECT_EQ(RevisionOf(id), 0);
}

TEST_F(OutboxTest, GivesNothingAwayThatWasRolledBack) {
  {
    auto transaction = app_->Begin(TenantId("red"));
    ASSERT_TRUE(transaction.ok());
    ASSERT_TRUE(Enqueue(**transaction, "catalog", "a", "1").ok());
  }

  EXPECT_TRUE(Unpublished(Take("me")).empty());
}

TEST_F(OutboxTest, RefusesARelayWhoseLeaseIsAnothers) {
  const std::int64_t id = Put("a", "1");
  const Lease old = Take("old", Millis{0});
  const Lease now = Take("new");
  ASSERT_GT(now.epoch, old.epoch);

  const auto batch = TakeUnpublished(*worker_, old, 10);
  const auto marked = MarkPublished(*worker_, old, {id});

  ASSERT_FALSE(batch.ok());
  EXPECT_EQ(batch.error().code(), ErrorCode::kConflict);
  ASSERT_FALSE(marked.ok());
  EXPECT_EQ(marked.error().code(), ErrorCode::kConflict);
  EXPECT_EQ(Unpublished(now).size(), 1u);
}

TEST_F(OutboxTest, GivesALeaseToOneAndKeepsItsEpochWhileRenewed) {
  const Lease mine = Take("me");
  const Lease renewed = Take("me");
  const auto other = TakeLease(*worker_, "relay", "you", Millis{1'000});

  EXPECT_EQ(renewed.epoch, mine.epoch);
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().code(), ErrorCode::kConflict);
  ASSERT_TRUE(ReleaseLease(*worker_, mine).ok());
  EXPECT_GT(Take("you").epoch, mine.epoch);
}

TEST_F(OutboxTest, CountsWhatWaits) {
  Put("a", "1");
  Put("b", "1");

  const auto backlog = Backlog(*worker_);

  ASSERT_TRUE(backlog.ok());
  EXPECT_EQ(backlog->waiting, 2);
  EXPECT_GE(backlog->oldest_ms, 0);
}

}  // namespace
}  // namespace outrigger::store
