// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "catalog_records.h"
#include "data_pusher/output_judgement.h"
#include "data_pusher/output_record.h"
#include "data_pusher/tables_sink.h"

namespace outrigger::data_pusher {
namespace {

using testing::OutputOf;
using testing::SmallCatalog;

OutputVerdict Judge(const messaging::Record& record) {
  return JudgeOutput(record, *SmallCatalog().Publish());
}

std::string HeaderOf(const messaging::OutRecord& record, std::string_view name) {
  return std::string(messaging::FindHeader(record.headers, name).value_or("(none)"));
}

TEST(JudgeOutput, MakesOneSampleARowInTheTelemetrysUnit) {
  const OutputVerdict verdict = Judge(OutputOf(
      "d1", R"({"assetId":"x1","time":[5,6],"columns":{"score":[0.5,1],"level":["LOW","HIGH"]}})"));

  EXPECT_EQ(verdict.cause, "");
  ASSERT_EQ(verdict.telemetry.size(), 2U);
  EXPECT_EQ(verdict.telemetry[0].topic, "telemetry");
  EXPECT_EQ(verdict.telemetry[0].key, "t1/x1");
  EXPECT_EQ(verdict.telemetry[0].value,
            R"({"asset":"x1","time":5,"values":{"Level":"LOW","Score":2}})");
  EXPECT_EQ(verdict.telemetry[1].value,
            R"({"asset":"x1","time":6,"values":{"Level":"HIGH","Score":3}})");
  EXPECT_EQ(HeaderOf(verdict.telemetry[0], "tenant"), "t1");
  EXPECT_EQ(HeaderOf(verdict.telemetry[0], "model"), "m");
  EXPECT_EQ(HeaderOf(verdict.telemetry[0], "deployment"), "d1");
  EXPECT_EQ(HeaderOf(verdict.telemetry[0], "ce_source"), "/data_pusher");
  EXPECT_EQ(HeaderOf(verdict.telemetry[0], "ce_id").size(), 32U);
  EXPECT_NE(HeaderOf(verdict.telemetry[0], "ce_id"), HeaderOf(verdict.telemetry[1], "ce_id"));
}

TEST(JudgeOutput, GivesTheSameSampleTheSameIdEachTime) {
  const auto record = OutputOf("d1", R"({"assetId":"x1","time":[5],"columns":{"score":[1]}})");

  EXPECT_EQ(HeaderOf(Judge(record).telemetry.at(0), "ce_id"),
            HeaderOf(Judge(record).telemetry.at(0), "ce_id"));
}

TEST(JudgeOutput, SendsEachOutputOfAGroupToTheAssetItIsMappedTo) {
  const OutputVerdict verdict =
      Judge(OutputOf("d2", R"({"assetId":"line","time":[5],"columns":{"score":[1],"other":[2]}})"));

  ASSERT_EQ(verdict.telemetry.size(), 2U);
  EXPECT_EQ(verdict.telemetry[0].key, "t1/x1");
  EXPECT_EQ(verdict.telemetry[1].key, "t1/x2");
}

TEST(JudgeOutput, RefusesWhatNoMappingAllows) {
  for (const auto& [deployment, value] : {
           std::pair{"d9", R"({"assetId":"x1","time":[5],"columns":{"score":[1]}})"},
           std::pair{"d1", R"({"assetId":"x2","time":[5],"columns":{"score":[1]}})"},
           std::pair{"d1", R"({"assetId":"x1","time":[5],"columns":{"bogus":[1]}})"},
           std::pair{"d2", R"({"assetId":"x2","time":[5],"columns":{"score":[1]}})"},
  }) {
    const OutputVerdict verdict = Judge(OutputOf(deployment, value));
    EXPECT_EQ(verdict.cause, "not-mapped") << value;
    EXPECT_TRUE(verdict.telemetry.empty());
  }
}

TEST(JudgeOutput, RefusesARecordOfAnotherTenantsDeployment) {
  messaging::Record record =
      OutputOf("d1", R"({"assetId":"x1","time":[5],"columns":{"score":[1]}})");
  record.topic = "out.t2";

  EXPECT_EQ(Judge(record).cause, "not-mapped");
}

TEST(JudgeOutput, RefusesAWholeRecordForOneBadValue) {
  for (const char* value : {
           R"({"assetId":"x1","time":[5,6],"columns":{"score":[1,"high"]}})",
           R"({"assetId":"x1","time":[5],"columns":{"score":[null]}})",
           R"({"assetId":"x1","time":[5],"columns":{"score":[1e308]}})",  // × 2 + 1: too large
           R"({"assetId":"x1","time":[5],"columns":{"level":[5]}})",
           R"({"assetId":"x1","time":[5],"columns":{"score":[1,2]}})",
           R"({"assetId":"x1","time":[5.5],"columns":{"score":[1]}})",
           R"({"assetId":"x1","time":[-1],"columns":{"score":[1]}})",
           R"({"assetId":"x1","time":[999999999999999],"columns":{"score":[1]}})",
           R"({"assetId":"x1","time":[18446744073709551615],"columns":{"score":[1]}})",
           R"({"assetId":"../x1","time":[5],"columns":{"score":[1]}})",
           R"({"assetId":5,"time":[5],"columns":{"score":[1]}})",
           R"({"time":[5],"columns":{"score":[1]}})",
           R"({"assetId":"x1","columns":{"score":[1]}})",
           R"({"assetId":"x1","time":[5]})",
           R"([1])",
           R"(nonsense)",
           "",
       }) {
    const OutputVerdict verdict = Judge(OutputOf("d1", value));
    EXPECT_EQ(verdict.cause, "bad-record") << value;
    EXPECT_TRUE(verdict.telemetry.empty()) << value;
  }
}

TEST(JudgeOutput, RefusesATextThatNoRecordOfTelemetryHolds) {
  const std::string large(950'000, 'x');

  EXPECT_EQ(Judge(OutputOf("d1", R"({"assetId":"x1","time":[5],"columns":{"level":[")" + large +
                                     R"("]}})"))
                .cause,
            "too-large");
}

TEST(DeadOutput, HandsOnNoMoreOfAHostileRecordThanItsTopicTakes) {
  const std::string huge(17 << 20, 'x');
  messaging::Record record = OutputOf(huge, huge);
  record.key = huge;
  record.headers.emplace_back("traceparent", huge);
  record.headers.emplace_back("requestid", huge);

  const messaging::OutRecord dead = DeadOutput(record, Judge(record));

  std::size_t bytes = dead.key->size() + dead.value->size();
  for (const auto& [name, value] : dead.headers) bytes += name.size() + value.size();
  EXPECT_LT(bytes, 10'000U);
  EXPECT_EQ(HeaderOf(dead, "dead_cause"), "bad-record");
}

TEST(JudgeOutput, TakesNoTraceThatIsNone) {
  messaging::Record record =
      OutputOf("d1", R"({"assetId":"x1","time":[5],"columns":{"score":[1]}})");
  record.headers.emplace_back("traceparent", std::string(2 << 20, 'x'));

  EXPECT_EQ(HeaderOf(Judge(record).telemetry.at(0), "traceparent").size(), 55U);
}

TEST(DeadOutput, NamesWhatDiedAndWhy) {
  const auto record = OutputOf("d9", R"({"assetId":"x1","time":[5],"columns":{"score":[1]}})");

  const messaging::OutRecord dead = DeadOutput(record, Judge(record));

  EXPECT_EQ(dead.topic, "dead.t1");
  EXPECT_EQ(dead.key, "x1");
  EXPECT_EQ(dead.value, record.value);
  EXPECT_EQ(HeaderOf(dead, "dead_cause"), "not-mapped");
  EXPECT_EQ(HeaderOf(dead, "dead_source"), "out.t1:2:17");
  EXPECT_EQ(HeaderOf(dead, "ce_id"), "d9/out.t1:2:17");
  EXPECT_EQ(HeaderOf(dead, "model"), "m");
}

TEST(TablesSink, MakesARowOfEachRowOfAnOutput) {
  messaging::Record record = OutputOf(
      "d1", R"({"assetId":"x1","time":[5,6],"columns":{"score":[0.5,1],"ok":[true,false]}})");
  record.headers.emplace_back("window", "1000-2000");
  record.headers.emplace_back("requestid", "r1");

  const auto rows = OutputRowsOf(record);

  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[1].tenant, "t1");
  EXPECT_EQ(rows[1].model, "m");
  EXPECT_EQ(rows[1].time, 6);
  EXPECT_EQ(rows[1].position, 1);
  EXPECT_EQ(rows[1].values, R"({"ok":false,"score":1})");
  EXPECT_EQ(rows[1].window, std::pair(std::int64_t{1'000}, std::int64_t{2'000}));
  EXPECT_EQ(rows[1].request_id, "r1");
}

TEST(TablesSink, MakesNoRowOfWhatIsNoOutput) {
  EXPECT_TRUE(OutputRowsOf(OutputOf("d1", "nonsense")).empty());
  messaging::Record nameless = OutputOf("d1", R"({"assetId":"x1","time":[],"columns":{}})");
  nameless.headers.clear();
  EXPECT_TRUE(OutputRowsOf(nameless).empty());
}

TEST(TablesSink, KeepsADeadLetterWhateverBytesItHas) {
  messaging::Record record = OutputOf("d1", std::string("\xff\0bad", 5));
  record.topic = "dead.t1";
  record.headers.emplace_back("dead_cause", "bad-record");
  record.headers.emplace_back("dead_tries", "3");
  record.headers.emplace_back("dead_source", "feed.t1.m.d1:0:7");

  const auto row = DeadLetterOf(record);

  ASSERT_TRUE(row.has_value());
  EXPECT_EQ(row->record, "??bad");
  EXPECT_EQ(row->tries, 3);
  EXPECT_EQ(row->cause, "bad-record");
  EXPECT_EQ(row->source, "feed.t1.m.d1:0:7");
  EXPECT_EQ(row->id, "d1/0:1-1/x1");
}

TEST(OutputRecord, ShortensAnIdentityThatNoIndexHolds) {
  messaging::Record record = OutputOf("d1", "");
  record.headers = {
      {"ce_id", std::string(5'000, 'x')}
  };

  EXPECT_LT(IdentityOf(record).size(), 100U);
  record.headers = {
      {"ce_id", "\xff"}
  };
  EXPECT_EQ(IdentityOf(record), "out.t1:2:17");
}

}  // namespace
}  // namespace outrigger::data_pusher
