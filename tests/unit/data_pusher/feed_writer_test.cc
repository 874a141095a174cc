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
  Result<> Send(const messaging::OutRecord& record, Delivered done) override {
    if (full) return Error(ErrorCode::kResourceExhausted, "full");
    waiting.emplace_back(record, std::move(done));
    return {};
  }
  Result<> Flush(std::chrono::milliseconds) override { return {}; }
  bool Connected() const override { return true; }

  // Acknowledges what waits, or says that its topic is unknown.
  void Settle() {
    for (auto batch = std::exchange(waiting, {}); !batch.empty(); batch.pop_front()) {
      auto& [record, done] = batch.front();
      if (record.topic.starts_with("feed.") && record.value->size() > most) {
        done(Error(ErrorCode::kInvalidArgument, "message size too large"));
      } else if (unknown.contains(record.topic)) {
        done(Error(ErrorCode::kNotFound, "no topic"));
      } else {
        written.push_back(*record.value);
        if (record.topic.starts_with("dead.")) dead.push_back(record);
        done(std::pair{0, std::int64_t{0}});
      }
    }
  }

  bool full = false;
  std::size_t most = SIZE_MAX;  // bytes that a feed takes
  std::vector<messaging::OutRecord> dead;
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
    record.key = "x1";
    record.value = value;
    record.headers =
        messaging::CloudEventHeaders("d1/2:17/x1", "/data_pusher", "dev.outrigger.feed.v1", 5);
    record.headers.emplace_back("src", "2:17");
    record.headers.emplace_back("rev", "1");
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

TEST_F(FeedWriterTest, MakesADeadLetterOfWhatKafkaRefusesAndGoesOn) {
  producer_.most = 5;
  Send("1");
  Send("too long");
  Send("2");
  producer_.Settle();
  EXPECT_EQ(done_, 2) << "the dead letter is not written yet";
  Tick(Millis{1});
  producer_.Settle();

  EXPECT_EQ(done_, 3);
  EXPECT_FALSE(writer_.Failed());
  EXPECT_THAT(producer_.written, ElementsAre("1", "2", "too long"));
  ASSERT_EQ(producer_.dead.size(), 1U);
  const messaging::OutRecord& dead = producer_.dead.front();
  const auto header = [&](std::string_view name) {
    return std::string(messaging::FindHeader(dead.headers, name).value_or("(none)"));
  };
  EXPECT_EQ(dead.topic, "dead.t1");
  EXPECT_EQ(dead.key, "x1");
  EXPECT_EQ(header("ce_id"), "d1/2:17/x1");
  EXPECT_EQ(header("ce_type"), "dev.outrigger.dead.v1");
  EXPECT_EQ(header("model"), "m");
  EXPECT_EQ(header("deployment"), "d1");
  EXPECT_EQ(header("dead_cause"), "too-large");
  EXPECT_EQ(header("dead_source"), "telemetry:2:17");
  EXPECT_EQ(header("src"), "(none)");
}

TEST_F(FeedWriterTest, CutsADeadLetterSoThatItCanBeWritten) {
  Send(std::string(40 << 20, 'x'));
  EXPECT_THAT(producer_.waiting, IsEmpty());
  Tick(Millis{1});
  producer_.Settle();

  EXPECT_EQ(done_, 1);
  ASSERT_EQ(producer_.dead.size(), 1U);
  EXPECT_EQ(producer_.dead.front().value->size(), std::size_t{15 << 20});
}

TEST_F(FeedWriterTest, GoesOnWhenTheFirstOfAHeldTopicIsRefused) {
  producer_.unknown.insert(route_->feed_topic);
  Send("too long");
  Send("2");
  producer_.Settle();
  producer_.unknown.clear();
  producer_.most = 5;
  for (int i = 0; i < 4; ++i) {
    Tick(Millis{600});
    producer_.Settle();
  }

  EXPECT_EQ(done_, 2);
  EXPECT_THAT(producer_.written, ::testing::UnorderedElementsAre("too long", "2"));
}

TEST_F(FeedWriterTest, FailsAsAWholeWhenTheProducerIsLost) {
  Send("1");
  producer_.waiting.front().second(Error(ErrorCode::kCancelled, "purged"));

  EXPECT_TRUE(writer_.Failed());
  EXPECT_EQ(done_, 0);
}

}  // namespace
}  // namespace outrigger::data_pusher
