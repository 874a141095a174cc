// SPDX-License-Identifier: Apache-2.0
// The Kafka clients against a real broker.
#include "outrigger/messaging/kafka.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <set>
#include <thread>

#include "kafka_fixture.h"
#include "outrigger/base/clock.h"

namespace outrigger::messaging {
namespace {

using outrigger::testing::KafkaBroker;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<Record> Take(Consumer& consumer, milliseconds wait) {
  auto batch = consumer.Poll(wait);
  EXPECT_TRUE(batch.ok());
  return batch ? std::move(batch->records) : std::vector<Record>{};
}

// Whether `holds` becomes true within ten seconds.
bool Soon(const std::function<bool()>& holds) {
  for (const auto until = SystemClock().Now() + seconds(10); SystemClock().Now() < until;)
    if (holds()) return true;
  return false;
}

class KafkaTest : public ::testing::Test {
 protected:
  void SetUp() override {
    OUTRIGGER_NEED_KAFKA();
    broker_ = KafkaBroker::Shared();
    admin_ = *Admin::Make(broker_->Options());
    topic_ = MakeTopic();
  }

  std::string MakeTopic(int partitions = 1) {
    std::string name = KafkaBroker::UniqueName("t");
    const TopicSpec spec{name, partitions, {}};
    EXPECT_TRUE(admin_->CreateTopics({&spec, 1}, seconds(20)).ok());
    return name;
  }

  std::unique_ptr<Producer> MakeProducer(Producer::Options options = {}) {
    return *Producer::Make(broker_->Options(), options);
  }

  std::unique_ptr<TransactionalProducer> MakeTransactional(const std::string& id) {
    auto made = TransactionalProducer::Make(broker_->Options(), id, seconds(30));
    EXPECT_TRUE(made.ok()) << made.error().ToString();
    return made ? *std::move(made) : nullptr;
  }

  OutRecord Say(const std::string& value, const std::string& topic = {}) {
    return {topic.empty() ? topic_ : topic, 0, "k", value, {{"h", "v"}}};
  }

  // Reads a topic's partition 0 from `from` to its end.
  std::vector<std::string> ReadAll(const std::string& topic, std::int64_t* end = nullptr) {
    auto consumer = *Consumer::Make(broker_->Options(), {});
    EXPECT_TRUE(consumer
                    ->Assign({
                        {{topic, 0}, Consumer::kBeginning}
    })
                    .ok());
    std::vector<std::string> values;
    for (const auto until = SystemClock().Now() + seconds(20); SystemClock().Now() < until;) {
      auto batch = consumer->Poll(milliseconds(200));
      EXPECT_TRUE(batch.ok());
      for (const auto& record : batch->records) values.push_back(record.value.value_or("(none)"));
      if (!batch->ends.empty()) {
        if (end) *end = batch->ends[0].next;
        return values;
      }
    }
    ADD_FAILURE() << "no end of " << topic;
    return values;
  }

  KafkaBroker* broker_ = nullptr;
  std::unique_ptr<Admin> admin_;
  std::string topic_;
};

TEST_F(KafkaTest, WritesInOrderAndTellsPartitionAndOffset) {
  auto producer = MakeProducer();
  std::vector<std::int64_t> offsets;

  for (int i = 0; i < 100; ++i)
    ASSERT_TRUE(producer
                    ->Send(Say(std::to_string(i)),
                           [&](auto done) { offsets.push_back(done ? done->second : -1); })
                    .ok());
  ASSERT_TRUE(producer->Flush(seconds(10)).ok());

  ASSERT_EQ(offsets.size(), 100U);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(offsets[i], i);
  const auto values = ReadAll(topic_);
  ASSERT_EQ(values.size(), 100U);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(values[i], std::to_string(i));
}

TEST_F(KafkaTest, TellsEmptyValueAndTombstoneApart) {
  auto producer = MakeProducer();

  ASSERT_TRUE(producer->Send({topic_, 0, "k", "", {}}, nullptr).ok());
  ASSERT_TRUE(producer->Send({topic_, 0, "k", std::nullopt, {}}, nullptr).ok());
  ASSERT_TRUE(producer->Flush(seconds(10)).ok());

  EXPECT_THAT(ReadAll(topic_), ElementsAre("", "(none)"));
}

TEST_F(KafkaTest, ATopicThatIsNotThereIsNotFound) {
  auto producer = MakeProducer();
  std::promise<ErrorCode> code;

  ASSERT_TRUE(producer
                  ->Send(Say("x", KafkaBroker::UniqueName("never")),
                         [&](auto done) {
                           code.set_value(done ? ErrorCode::kInternal : done.error().code());
                         })
                  .ok());

  auto result = code.get_future();
  ASSERT_EQ(result.wait_for(seconds(20)), std::future_status::ready);
  EXPECT_EQ(result.get(), ErrorCode::kNotFound);
}

TEST_F(KafkaTest, RefusesMoreThanItsQueueHoldsWhenNothingCanBeSent) {
  Producer::Options options;
  options.max_queued = 10;
  options.delivery_timeout = milliseconds(2'000);
  auto producer = *Producer::Make({"127.0.0.1:1", "test"}, options);
  std::atomic<int> failed = 0;

  int taken = 0;
  while (taken < 20 && producer->Send(Say("x"), [&](auto done) { failed += !done; }).ok()) ++taken;
  const auto refused = producer->Send(Say("x"), nullptr);

  EXPECT_EQ(taken, 10);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kResourceExhausted);
  EXPECT_TRUE(producer->Flush(seconds(10)).ok());
  EXPECT_EQ(failed, 10);
  EXPECT_FALSE(producer->Connected());
}

TEST_F(KafkaTest, OnlyCommittedRecordsAreReadAndTheEndLiesBehindTheMarkers) {
  auto producer = MakeTransactional(KafkaBroker::UniqueName("id"));
  ASSERT_TRUE(producer->Begin().ok());
  ASSERT_TRUE(producer->Send(Say("a")).ok());
  ASSERT_TRUE(producer->Commit(seconds(10)).ok());
  ASSERT_TRUE(producer->Begin().ok());
  ASSERT_TRUE(producer->Send(Say("dropped")).ok());
  ASSERT_TRUE(producer->Abort(seconds(10)).ok());
  ASSERT_TRUE(producer->Begin().ok());
  ASSERT_TRUE(producer->Send(Say("b")).ok());
  ASSERT_TRUE(producer->Commit(seconds(10)).ok());

  // The broker writes the last marker after it has answered. Two records and two markers are there
  // for sure; what was aborted may never have been sent.
  EXPECT_TRUE(Soon([&] { return admin_->EndOffsets(topic_, seconds(10))->at(0) >= 4; }));
  std::int64_t end = 0;
  EXPECT_THAT(ReadAll(topic_, &end), ElementsAre("a", "b"));
  EXPECT_EQ(end, admin_->EndOffsets(topic_, seconds(10))->at(0));
}

TEST_F(KafkaTest, AnOpenTransactionHoldsTheEndBackUntilItsOwnerIsReplaced) {
  const std::string id = KafkaBroker::UniqueName("id");
  auto first = MakeTransactional(id);
  ASSERT_TRUE(first->Begin().ok());
  ASSERT_TRUE(first->Send(Say("lost")).ok());
  auto plain = MakeProducer();
  ASSERT_TRUE(plain->Send(Say("plain"), nullptr).ok());
  ASSERT_TRUE(plain->Flush(seconds(10)).ok());
  EXPECT_LE(admin_->EndOffsets(topic_, seconds(10))->at(0), 1);

  auto second = MakeTransactional(id);

  EXPECT_THAT(ReadAll(topic_), ElementsAre("plain"));
}

TEST_F(KafkaTest, AReplacedProducerIsToldConflict) {
  const std::string id = KafkaBroker::UniqueName("id");
  auto first = MakeTransactional(id);
  ASSERT_TRUE(first->Begin().ok());
  ASSERT_TRUE(first->Send(Say("stale")).ok());
  auto second = MakeTransactional(id);

  const auto committed = first->Commit(seconds(10));

  ASSERT_FALSE(committed.ok());
  EXPECT_EQ(committed.error().code(), ErrorCode::kConflict) << committed.error().ToString();
  ASSERT_TRUE(second->Begin().ok());
  ASSERT_TRUE(second->Send(Say("mine")).ok());
  ASSERT_TRUE(second->Commit(seconds(10)).ok());
  EXPECT_THAT(ReadAll(topic_), ElementsAre("mine"));
}

TEST_F(KafkaTest, ATransactionToAMissingTopicFailsAndNamesIt) {
  auto producer = MakeTransactional(KafkaBroker::UniqueName("id"));
  const std::string missing = KafkaBroker::UniqueName("never");
  ASSERT_TRUE(producer->Begin().ok());
  ASSERT_TRUE(producer->Send(Say("good")).ok());

  (void)producer->Send(Say("bad", missing));
  const auto committed = producer->Commit(seconds(20));

  ASSERT_FALSE(committed.ok());
  EXPECT_THAT(committed.error().message(), ::testing::HasSubstr(missing));
  producer.reset();
  EXPECT_THAT(ReadAll(topic_), IsEmpty());
}

TEST_F(KafkaTest, ARecordThatItsTopicRefusesForItsSizeIsToldFromABrokerThatIsGone) {
  const TopicSpec small{KafkaBroker::UniqueName("small"), 1, {{"max.message.bytes", "10000"}}};
  ASSERT_TRUE(admin_->CreateTopics({&small, 1}, seconds(20)).ok());
  auto producer = MakeTransactional(KafkaBroker::UniqueName("id"));
  ASSERT_TRUE(producer->Begin().ok());
  ASSERT_TRUE(producer->Send(Say(std::string(20'000, 'x'), small.name)).ok());

  const auto committed = producer->Commit(seconds(20));

  ASSERT_FALSE(committed.ok());
  EXPECT_EQ(committed.error().code(), ErrorCode::kInvalidArgument) << committed.error().ToString();
  EXPECT_THAT(committed.error().message(), ::testing::HasSubstr(small.name));
}

// A child dies by SIGKILL somewhere in its transactions; whatever it was told to be committed is
// there, in order, and nothing is there in part.
TEST_F(KafkaTest, AfterAKillEveryTransactionIsWholeOrAbsent) {
  const std::string id = KafkaBroker::UniqueName("id");
  int next = 0;
  for (int round = 0; round < 5; ++round) {
    int told[2];
    ASSERT_EQ(pipe(told), 0);
    const pid_t child = fork();
    if (child == 0) {
      auto made = TransactionalProducer::Make(broker_->Options(), id, seconds(30));
      for (int i = next; made && i < next + 1000; i += 2) {
        if (!(*made)->Begin() || !(*made)->Send(Say(std::to_string(i))) ||
            !(*made)->Send(Say(std::to_string(i + 1))) || !(*made)->Commit(seconds(10)))
          _exit(1);
        if (write(told[1], &i, sizeof i) != sizeof i) _exit(1);
      }
      pause();
      _exit(0);
    }
    close(told[1]);
    int acknowledged = next - 2;
    for (int i = 0; i < 10 + round; ++i)
      ASSERT_EQ(read(told[0], &acknowledged, sizeof acknowledged), ssize_t{sizeof acknowledged});
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    while (read(told[0], &acknowledged, sizeof acknowledged) == ssize_t{sizeof acknowledged}) {
    }
    close(told[0]);

    MakeTransactional(id).reset();  // ends what the dead one left open
    const auto values = ReadAll(topic_);
    ASSERT_GE(values.size(), static_cast<std::size_t>(acknowledged + 2));
    ASSERT_EQ(values.size() % 2, 0U);
    for (std::size_t i = 0; i < values.size(); ++i) ASSERT_EQ(values[i], std::to_string(i));
    next = static_cast<int>(values.size());
  }
}

TEST_F(KafkaTest, OffsetsInATransactionMoveTheGroupOnlyWithIt) {
  const std::string group = KafkaBroker::UniqueName("g");
  auto feeder = MakeProducer();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(feeder->Send(Say(std::to_string(i)), nullptr).ok());
  ASSERT_TRUE(feeder->Flush(seconds(10)).ok());
  Consumer::Options options;
  options.group = group;
  auto consumer = *Consumer::Make(broker_->Options(), options);
  ASSERT_TRUE(consumer->Subscribe({topic_}, nullptr, nullptr).ok());
  std::size_t seen = 0;
  for (const auto until = SystemClock().Now() + seconds(20);
       seen < 3 && SystemClock().Now() < until;)
    seen += consumer->Poll(milliseconds(100))->records.size();
  ASSERT_EQ(seen, 3U);
  EXPECT_THAT(*admin_->CommittedOffsets(group, topic_, seconds(10)), IsEmpty());

  auto producer = MakeTransactional(KafkaBroker::UniqueName("id"));
  ASSERT_TRUE(producer->Begin().ok());
  const auto sent = producer->SendOffsets(
      {
          {{topic_, 0}, 2}
  },
      *consumer);
  ASSERT_TRUE(sent.ok()) << sent.error().ToString();
  EXPECT_FALSE(admin_->CommittedOffsets(group, topic_, milliseconds(300)).ok()) << "undecided";
  ASSERT_TRUE(producer->Commit(seconds(10)).ok());
  EXPECT_THAT(*admin_->CommittedOffsets(group, topic_, seconds(10)), ElementsAre(std::pair(0, 2)));

  ASSERT_TRUE(consumer
                  ->Commit({
                      {{topic_, 0}, 3}
  })
                  .ok());
  EXPECT_THAT(*admin_->CommittedOffsets(group, topic_, seconds(10)), ElementsAre(std::pair(0, 3)));
}

TEST_F(KafkaTest, APatternFindsANewTopicWithinTwoSeconds) {
  const std::string prefix = KafkaBroker::UniqueName("pattern");
  Consumer::Options options;
  options.group = KafkaBroker::UniqueName("g");
  auto consumer = *Consumer::Make(broker_->Options(), options);
  std::vector<TopicPartition> assigned;
  ASSERT_TRUE(consumer
                  ->Subscribe(
                      {"^" + prefix + "\\..*"},
                      [&](const auto& partitions) { assigned = partitions; }, nullptr)
                  .ok());
  ASSERT_TRUE(consumer->Poll(milliseconds(1'500)).ok());

  const TopicSpec spec{prefix + ".new", 1, {}};
  ASSERT_TRUE(admin_->CreateTopics({&spec, 1}, seconds(10)).ok());
  const auto until = SystemClock().Now() + seconds(2);
  while (assigned.empty() && SystemClock().Now() < until)
    ASSERT_TRUE(consumer->Poll(milliseconds(20)).ok());

  EXPECT_THAT(assigned, ElementsAre(TopicPartition{prefix + ".new", 0}));
}

TEST_F(KafkaTest, AStaticMemberThatComesBackIsGivenTheTopicsMadeWhileItWasAway) {
  const std::string prefix = KafkaBroker::UniqueName("away");
  Consumer::Options options;
  options.group = KafkaBroker::UniqueName("g");
  options.instance = "member-0";
  const auto is_given = [&](const std::string& name) {
    const TopicSpec spec{name, 1, {}};
    EXPECT_TRUE(admin_->CreateTopics({&spec, 1}, seconds(10)).ok());
    auto consumer = *Consumer::Make(broker_->Options(), options);
    std::set<std::string> topics;
    const auto note = [&](const auto& partitions) {
      for (const TopicPartition& at : partitions) topics.insert(at.topic);
    };
    EXPECT_TRUE(consumer->Subscribe({"^" + prefix + "\\..*"}, note, nullptr).ok());
    return Soon([&] {
      Take(*consumer, milliseconds(20));
      return topics.contains(name);
    });
  };

  EXPECT_TRUE(is_given(prefix + ".first"));
  EXPECT_TRUE(is_given(prefix + ".second")) << "made while it was away";
}

TEST_F(KafkaTest, AGroupBeginsWhereTheAssignedCallbackSeeks) {
  auto feeder = MakeProducer();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(feeder->Send(Say(std::to_string(i)), nullptr).ok());
  ASSERT_TRUE(feeder->Flush(seconds(10)).ok());
  Consumer::Options options;
  options.group = KafkaBroker::UniqueName("g");
  auto consumer = *Consumer::Make(broker_->Options(), options);

  ASSERT_TRUE(
      consumer
          ->Subscribe(
              {topic_},
              [&](const auto& partitions) { EXPECT_TRUE(consumer->Seek(partitions[0], 3).ok()); },
              nullptr)
          .ok());
  std::vector<std::int64_t> offsets;
  for (const auto until = SystemClock().Now() + seconds(20);
       offsets.size() < 2 && SystemClock().Now() < until;)
    for (const auto& record : Take(*consumer, milliseconds(100))) offsets.push_back(record.offset);

  EXPECT_THAT(offsets, ElementsAre(3, 4));
}

TEST_F(KafkaTest, AnAssignmentGrowsWithoutDisturbingWhatIsRead) {
  const std::string other = MakeTopic();
  auto feeder = MakeProducer();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(feeder->Send(Say(std::to_string(i)), nullptr).ok());
  ASSERT_TRUE(feeder->Send(Say("other", other), nullptr).ok());
  ASSERT_TRUE(feeder->Flush(seconds(10)).ok());
  auto consumer = *Consumer::Make(broker_->Options(), {});
  std::vector<std::string> values;
  const auto read = [&](std::size_t count) {
    for (const auto until = SystemClock().Now() + seconds(20);
         values.size() < count && SystemClock().Now() < until;)
      for (const auto& record : Take(*consumer, milliseconds(50))) values.push_back(*record.value);
  };

  ASSERT_TRUE(consumer
                  ->Assign({
                      {{topic_, 0}, 1}
  })
                  .ok());
  read(2);
  ASSERT_TRUE(consumer
                  ->Assign({
                      {{topic_, 0}, Consumer::kKeep},
                      {{other, 0},  0              }
  })
                  .ok());
  read(3);
  ASSERT_TRUE(consumer
                  ->Assign({
                      {{topic_, 0}, 2}
  })
                  .ok());
  read(4);

  EXPECT_THAT(values, ElementsAre("1", "2", "other", "2"));
  EXPECT_THAT(consumer->Assignment(), ElementsAre(TopicPartition{topic_, 0}));
}

TEST_F(KafkaTest, APausedPartitionGivesNothingAndGoesOnWhereItWas) {
  auto feeder = MakeProducer();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(feeder->Send(Say(std::to_string(i)), nullptr).ok());
  ASSERT_TRUE(feeder->Flush(seconds(10)).ok());
  auto consumer = *Consumer::Make(broker_->Options(), {});
  ASSERT_TRUE(consumer
                  ->Assign({
                      {{topic_, 0}, 0}
  })
                  .ok());
  auto first = consumer->Poll(seconds(10), 10);
  ASSERT_TRUE(first.ok());
  ASSERT_FALSE(first->records.empty());
  const std::int64_t next = first->records.back().offset + 1;

  ASSERT_TRUE(consumer
                  ->Pause({
                      {topic_, 0}
  })
                  .ok());
  EXPECT_THAT(Take(*consumer, milliseconds(300)), IsEmpty());
  ASSERT_TRUE(consumer
                  ->Resume({
                      {topic_, 0}
  })
                  .ok());
  const auto second = consumer->Poll(seconds(10), 1);

  ASSERT_EQ(second->records.size(), 1U);
  EXPECT_EQ(second->records[0].offset, next);
  ASSERT_TRUE(consumer->Seek({topic_, 0}, 5).ok());
  EXPECT_EQ(consumer->Poll(seconds(10), 1)->records.at(0).offset, 5);
}

TEST_F(KafkaTest, TopicsAreMadeAndDeletedTwiceWithoutComplaint) {
  const TopicSpec spec{KafkaBroker::UniqueName("twice"), 3, {{"retention.ms", "86400000"}}};

  EXPECT_TRUE(admin_->CreateTopics({&spec, 1}, seconds(10)).ok());
  EXPECT_TRUE(admin_->CreateTopics({&spec, 1}, seconds(10)).ok());
  EXPECT_EQ(admin_->Topics(seconds(10))->at(spec.name), 3);
  EXPECT_TRUE(admin_->DeleteTopic(spec.name, seconds(10)).ok());
  EXPECT_FALSE(admin_->Topics(seconds(10))->contains(spec.name));
  EXPECT_TRUE(admin_->DeleteTopic(spec.name, seconds(10)).ok());
  EXPECT_TRUE(admin_->CreateTopics({&spec, 1}, seconds(10)).ok());
}

TEST_F(KafkaTest, TheTopicsOfThePlatformAndOfATenantAreTaken) {
  auto topics = PlatformTopics();
  for (auto& topic : TenantTopics(KafkaBroker::UniqueName("tenant"))) topics.push_back(topic);
  topics.push_back(FeedTopic("t", "m", KafkaBroker::UniqueName("d"), 2, seconds(1)));

  const auto made = admin_->CreateTopics(topics, seconds(30));

  EXPECT_TRUE(made.ok()) << made.error().ToString();
}

TEST_F(KafkaTest, FindsTheFirstOffsetAfterAnArrivalTime) {
  auto feeder = MakeProducer();
  ASSERT_TRUE(feeder->Send(Say("a"), nullptr).ok());
  ASSERT_TRUE(feeder->Flush(seconds(10)).ok());
  const auto now = SystemClock().WallMs();

  EXPECT_EQ(admin_->OffsetsAt(topic_, ArrivalTime{now - 60'000}, seconds(10))->at(0), 0);
  EXPECT_EQ(admin_->OffsetsAt(topic_, ArrivalTime{now + 60'000}, seconds(10))->at(0), 1);
}

// A broker of its own, so that killing it disturbs no other test.
TEST_F(KafkaTest, EverythingGoesOnAfterTheBrokerWasGoneForTenSeconds) {
  auto broker = *KafkaBroker::Start();
  auto admin = *Admin::Make(broker->Options());
  const TopicSpec spec{"t", 1, {}};
  ASSERT_TRUE(admin->CreateTopics({&spec, 1}, seconds(20)).ok());
  Producer::Options options;
  options.delivery_timeout = milliseconds(0);
  auto producer = *Producer::Make(broker->Options(), options);
  auto consumer = *Consumer::Make(broker->Options(), {});
  ASSERT_TRUE(consumer
                  ->Assign({
                      {{"t", 0}, 0}
  })
                  .ok());
  ASSERT_TRUE(producer->Send(Say("before", "t"), nullptr).ok());
  ASSERT_TRUE(producer->Flush(seconds(10)).ok());

  broker->Kill();
  std::atomic<bool> delivered = false;
  ASSERT_TRUE(producer->Send(Say("during", "t"), [&](auto done) { delivered = done.ok(); }).ok());
  EXPECT_FALSE(admin->Topics(milliseconds(10'000)).ok());
  EXPECT_FALSE(producer->Connected());
  ASSERT_TRUE(broker->Restart().ok());
  ASSERT_TRUE(producer->Send(Say("after", "t"), nullptr).ok());
  EXPECT_TRUE(producer->Flush(seconds(30)).ok());

  EXPECT_TRUE(delivered);
  std::vector<std::string> values;
  for (const auto until = SystemClock().Now() + seconds(30);
       values.size() < 3 && SystemClock().Now() < until;) {
    auto batch = consumer->Poll(milliseconds(100));
    ASSERT_TRUE(batch.ok());
    for (const auto& record : batch->records) values.push_back(*record.value);
  }
  EXPECT_THAT(values, ElementsAre("before", "during", "after"));
}

TEST(KafkaAbsentTest, ClientsAreMadeWithoutABrokerAndSayThatItIsGone) {
  const KafkaOptions nowhere{"127.0.0.1:1", "test"};

  auto admin = *Admin::Make(nowhere);
  auto producer = *Producer::Make(nowhere, {});
  auto consumer = *Consumer::Make(nowhere, {});

  EXPECT_FALSE(admin->Topics(milliseconds(300)).ok());
  EXPECT_FALSE(producer->Connected());
  ASSERT_TRUE(consumer
                  ->Assign({
                      {{"t", 0}, 0}
  })
                  .ok());
  EXPECT_TRUE(consumer->Poll(milliseconds(100)).ok());
  const auto made = TransactionalProducer::Make(nowhere, "id", milliseconds(500));
  EXPECT_FALSE(made.ok());
}

}  // namespace
}  // namespace outrigger::messaging
