// SPDX-License-Identifier: Apache-2.0
// Kafka itself dies while samples flow.
#include "companion_fixture.h"
#include "outrigger/base/clock.h"

namespace outrigger::testing {
namespace {

using nlohmann::json;
using std::chrono::seconds;

class BrokerTest : public CompanionTest {};

TEST_F(BrokerTest, WhenKafkaWasGoneEverythingGoesOnAndNothingIsTwice) {
  FakeModel model([](const json& request) {
    return FakeModel::EachRow(request, [](const std::string&, const json& row) {
      return json{
          {"score", row["x"]},
          {"level", "A"     }
      };
    });
  });
  const auto deployment = Deploy("m");
  State(deployment, "run", model.url());
  StartCompanion();
  for (int i = 0; i < 500; ++i)
    Feed(deployment, "a" + std::to_string(i % 5), i,
         {
             {"x", i}
    },
         i);
  FlushFeed();
  ASSERT_TRUE(Eventually([&] { return model.requests > 2; }));

  broker_->Kill();
  SleepFor(Millis(5'000));
  ASSERT_TRUE(broker_->Restart().ok());
  for (int i = 500; i < 600; ++i)
    Feed(deployment, "a" + std::to_string(i % 5), i,
         {
             {"x", i}
    },
         i);
  ASSERT_TRUE(producer_->Flush(seconds(60)).ok());

  EXPECT_TRUE(Eventually([&] { return Out(deployment).size() >= 600; }, seconds(90)));
  std::map<std::int64_t, int> seen;
  for (const auto& row : Out(deployment)) ++seen[row.time];
  EXPECT_EQ(seen.size(), 600U);
  for (const auto& [time, count] : seen) EXPECT_EQ(count, 1) << time;
}

}  // namespace
}  // namespace outrigger::testing
