// SPDX-License-Identifier: Apache-2.0
// A compacted table against a real broker.
#include "outrigger/messaging/table.h"

#include <gmock/gmock.h>

#include <mutex>

#include "kafka_fixture.h"
#include "outrigger/base/clock.h"

namespace outrigger::messaging {
namespace {

using outrigger::testing::KafkaBroker;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::Pair;

class CompactedTableTest : public ::testing::Test {
 protected:
  void SetUp() override {
    OUTRIGGER_NEED_KAFKA();
    broker_ = KafkaBroker::Shared();
    topic_ = KafkaBroker::UniqueName("table");
    auto admin = *Admin::Make(broker_->Options());
    const TopicSpec spec{topic_, 1, {{"cleanup.policy", "compact"}}};
    ASSERT_TRUE(admin->CreateTopics({&spec, 1}, seconds(20)).ok());
    producer_ = *Producer::Make(broker_->Options(), {});
  }

  void Write(const std::string& key, std::optional<std::string> value, int revision) {
    ASSERT_TRUE(
        producer_
            ->Send({topic_, 0, key, std::move(value), {{"revision", std::to_string(revision)}}},
                   nullptr)
            .ok());
    ASSERT_TRUE(producer_->Flush(seconds(10)).ok());
  }

  std::unique_ptr<CompactedTable> Follow() {
    return *CompactedTable::Start(broker_->Options(), topic_, [this](const Record& record) {
      const std::lock_guard lock(mutex_);
      if (record.value)
        rows_[*record.key] = *record.value;
      else
        rows_.erase(*record.key);
    });
  }

  std::map<std::string, std::string> rows() {
    const std::lock_guard lock(mutex_);
    return rows_;
  }

  KafkaBroker* broker_ = nullptr;
  std::string topic_;
  std::unique_ptr<Producer> producer_;
  std::mutex mutex_;
  std::map<std::string, std::string> rows_;
};

TEST_F(CompactedTableTest, ShowsWhatWasThereBeforeItsStart) {
  Write("a", "1", 1);
  Write("b", "2", 2);
  Write("a", std::nullopt, 3);

  auto table = Follow();

  ASSERT_TRUE(table->ReadToEnd(seconds(10)).ok());
  EXPECT_TRUE(table->Ready());
  EXPECT_THAT(rows(), ElementsAre(Pair("b", "2")));
  EXPECT_EQ(table->Revision(), 3);
}

TEST_F(CompactedTableTest, ShowsARecordWrittenBeforeTheQuestion) {
  auto table = Follow();

  for (int i = 1; i <= 20; ++i) {
    Write("a", std::to_string(i), i);
    ASSERT_TRUE(table->ReadToEnd(seconds(10)).ok());
    ASSERT_EQ(rows()["a"], std::to_string(i));
  }
}

TEST_F(CompactedTableTest, IgnoresALowerRevisionOfAKeyEvenATombstone) {
  auto table = Follow();
  Write("a", "new", 5);
  Write("a", "old", 4);
  Write("a", std::nullopt, 3);
  Write("b", "other", 1);

  ASSERT_TRUE(table->ReadToEnd(seconds(10)).ok());

  EXPECT_THAT(rows(), ElementsAre(Pair("a", "new"), Pair("b", "other")));
}

TEST_F(CompactedTableTest, SaysSoWhenKafkaIsGone) {
  auto table = *CompactedTable::Start({"127.0.0.1:1", "test"}, "t", [](const Record&) {});

  const auto read = table->ReadToEnd(milliseconds(300));

  ASSERT_FALSE(read.ok());
  EXPECT_FALSE(table->Ready());
}

}  // namespace
}  // namespace outrigger::messaging
