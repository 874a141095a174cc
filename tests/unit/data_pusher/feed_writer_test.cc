// SPDX-License-Identifier: Apache-2.0
#include "data_pusher/feed_writer.h"

#include <gmock/gmock.h>

#include <deque>
#include <set>

#include "catalog_records.h"

namespace outrigger::data_pusher {
namespace {

using testing::CatalogRecord;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Keeps what it is given until a test says what became of it.
class HeldProducer final : public messaging::Producer {
 public:
  Result<> Send(messaging::OutRecord record, Delivered done) override {
    if (full) return Error(ErrorCode::kResourceExhausted, "full");
    waiting.emplace_back(std::move(record), std::move(done));
    return {};
  }
  Result<> Flush(std::chrono::milliseconds) override { return {}; }
  bool Connected() const override { return true; }

  // Acknowledges what waits, or says that its topic is unknown.
  void Settle() {
    for (auto batch = std::exchange(waiting, {}); !batch.empty(); batch.pop_front()) {
      auto& [record, done] = batch.front();
      if (unknown.contains(record.topic)) {
        done(Error(ErrorCode::kNotFound, "no topic"));
      } else {
        written.push_back(*record.value);
        done(std::pair{0, std::int64_t{0}});
      }
    }
  }

  bool full = false;
  std::set<std::string> unknown;
  std::deque<std::pair<messaging::OutRecord, Delivered>> waiting;
  std::vector<std::string> written;
};

class FeedWriterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    catalog_.Apply(CatalogRecord("route/t1/d1", testing::kRouteByType, 1));
    snapshot_ = catalog_.Publish();
    route_ = *snapshot_->routes.Find("t1/d1");
  }
  void Send(const std::string& value) {
    messaging::OutRecord record;
    record.topic = route_->feed_topic;
    record.value = value;
    writer_.Send(producer_, route_, std::move(record), [this] { ++done_; });
  }
  void Tick(Millis later) {
    clock_.Advance(later);
    writer_.Tick(producer_, *snapshot_);
  }

  ManualClock clock_;
  Metrics metrics_;
  CatalogBuilder catalog_;
  SnapshotPtr snapshot_;
  RoutePtr route_;
  HeldProducer producer_;
  int done_ = 0;
  FeedWriter writer_{{.max_in_flight = 8}, clock_, metrics_};
};

TEST_F(FeedWriterTest, SaysThatARecordIsDoneOnlyWhenItIsAcknowledged) {
  Send("1");
  EXPECT_EQ(done_, 0);

  producer_.Settle();

  EXPECT_EQ(done_, 1);
  EXPECT_THAT(producer_.written, ElementsAre("1"));
}

TEST_F(FeedWriterTest, HoldsATopicThatIsNotThereAndThenWritesAllInOrder) {
  producer_.unknown.insert(route_->feed_topic);
  Send("1");
  Send("2");
  producer_.Settle();
  Send("3");
  EXPECT_THAT(producer_.waiting, IsEmpty()) << "a later one may not pass";

  Tick(Millis{600});
  producer_.Settle();
  producer_.unknown.clear();
  Tick(Millis{600});
  producer_.Settle();
  EXPECT_THAT(producer_.written, ElementsAre("1")) << "one is tried first";
  Tick(Millis{1});
  Send("4");
  producer_.Settle();

  EXPECT_THAT(producer_.written, ElementsAre("1", "2", "3", "4"));
  EXPECT_EQ(done_, 4);
}

TEST_F(FeedWriterTest, GivesUpWhatNobodyWantsAnyMore) {
  producer_.unknown.insert(route_->feed_topic);
  Send("1");
  producer_.Settle();
  catalog_.Apply(CatalogRecord("route/t1/d1", "", 2));
  snapshot_ = catalog_.Publish();

  Tick(Millis{1});

  EXPECT_EQ(done_, 1);
  EXPECT_FALSE(writer_.Failed());
}

TEST_F(FeedWriterTest, GivesUpAnOpenRoutesTopicThatStaysUnknown) {
  producer_.unknown.insert(route_->feed_topic);
  Send("1");
  producer_.Settle();
  Tick(Millis{59'000});
  producer_.Settle();
  EXPECT_EQ(done_, 0);

  Tick(Millis{2'000});

  EXPECT_EQ(done_, 1);
}

TEST_F(FeedWriterTest, GivesUpSoonerWhatTakesTheRoomOfOthers) {
  producer_.unknown.insert(route_->feed_topic);
  for (int i = 0; i < 4; ++i) Send(std::to_string(i));
  producer_.Settle();
  EXPECT_TRUE(writer_.HasRoom());
  Tick(Millis{11'000});

  EXPECT_EQ(done_, 4);
}

TEST_F(FeedWriterTest, TriesAgainForEverWhenOnlyTheQueueIsFull) {
  producer_.full = true;
  Send("1");
  for (int i = 0; i < 300; ++i) Tick(Millis{1'000});
  EXPECT_EQ(done_, 0);
  producer_.full = false;
  Tick(Millis{1'000});
  producer_.Settle();

  EXPECT_EQ(done_, 1);
}

TEST_F(FeedWriterTest, HasNoRoomWhileTooMuchIsOnItsWay) {
  for (int i = 0; i < 8; ++i) Send("x");
  EXPECT_FALSE(writer_.HasRoom());

  producer_.Settle();

  EXPECT_TRUE(writer_.HasRoom());
}

TEST_F(FeedWriterTest, FailsAsAWholeWhenTheProducerIsLost) {
  Send("1");
  producer_.waiting.front().second(Error(ErrorCode::kCancelled, "purged"));

  EXPECT_TRUE(writer_.Failed());
  EXPECT_EQ(done_, 0);
}

}  // namespace
}  // namespace outrigger::data_pusher
