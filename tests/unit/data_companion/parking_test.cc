// SPDX-License-Identifier: Apache-2.0
#include "data_companion/parking.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

namespace outrigger::companion {
namespace {

constexpr auto kTrace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

PendingRow Row() {
  PendingRow row;
  row.row = {EventTime{5}, {1.5}, 17, {}};
  row.cause = 17;
  row.record = "as it came";
  row.tries = 2;
  row.trace = messaging::TraceContext::Read(kTrace);
  return row;
}

const std::vector<scoring::InputColumn> kInputs{
    {"x", false}
};

PendingRow ReadBack(const std::string& text) {
  const auto rows = ReadParked(
      {
          {"0-17-arm", text}
  },
      kInputs);
  EXPECT_TRUE(rows.ok());
  return rows->at(0).second;
}

TEST(ParkingTest, AParkedRowComesBackWithItsTrace) {
  const auto row = ReadBack(ParkedText("arm", Row(), kInputs));

  EXPECT_TRUE(row.parked);
  EXPECT_EQ(row.row.seq, 17);
  EXPECT_EQ(row.tries, 2);
  EXPECT_EQ(row.trace.Text(), kTrace);
}

TEST(ParkingTest, AJournalFromBeforeThereWereTracesIsRead) {
  auto text = nlohmann::json::parse(ParkedText("arm", Row(), kInputs));
  ASSERT_EQ(text.erase("traceparent"), 1U);

  const auto row = ReadBack(text.dump());

  EXPECT_EQ(row.row.seq, 17);
  EXPECT_FALSE(row.trace);
}

}  // namespace
}  // namespace outrigger::companion
