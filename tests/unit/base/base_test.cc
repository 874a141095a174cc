// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "outrigger/base/clock.h"
#include "outrigger/base/config.h"
#include "outrigger/base/ids.h"
#include "outrigger/base/metrics.h"
#include "outrigger/base/result.h"
#include "outrigger/base/retry.h"
#include "outrigger/base/text.h"

namespace outrigger {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Labels, FollowRfc1123) {
  for (const char* good : {"a", "0", "a-b", "robot-arm-1"}) EXPECT_TRUE(IsLabel(good)) << good;
  for (const std::string& bad :
       {std::string(), std::string("-a"), std::string("a-"), std::string("A"), std::string("a.b"),
        std::string(64, 'a'), std::string("../etc")}) {
    EXPECT_FALSE(IsLabel(bad)) << bad;
  }
}

TEST(TelemetryNames, AreAnyPrintableTextButThreeCharacters) {
  for (const char* good : {"Temperature", "Anomaly Score", "Größe", "温度"})
    EXPECT_TRUE(IsTelemetryName(good)) << good;
  for (const std::string& bad :
       {std::string("a/b"), std::string("a+"), std::string("#"), std::string("a\nb"), std::string(),
        std::string(129, 'x'), std::string("\xff"), std::string("\xc2\x85")}) {
    EXPECT_FALSE(IsTelemetryName(bad)) << bad;
  }
}

TEST(RandomIds, AreLabelsAndDiffer) {
  std::set<std::string> seen;
  for (int i = 0; i < 500; ++i) {
    const std::string id = RandomId(8);
    EXPECT_TRUE(IsLabel(id)) << id;
    EXPECT_TRUE(id[0] >= 'a' && id[0] <= 'z') << id;
    seen.insert(id);
  }
  EXPECT_EQ(seen.size(), 500u);
}

TEST(Times, ReadBackAsWritten) {
  EXPECT_EQ(FormatTime(1'700'000'000'123), "2023-11-14T22:13:20.123Z");
  EXPECT_EQ(*ParseTime("2023-11-14T22:13:20.123Z"), 1'700'000'000'123);
  EXPECT_EQ(*ParseTime("2023-11-15T00:13:20.1239+02:00"), 1'700'000'000'123);
  EXPECT_EQ(*ParseTime("2023-11-14T22:13:20Z"), 1'700'000'000'000);
}

TEST(Times, RefuseWhatIsNone) {
  for (const char* bad : {"", "yesterday", "2023-13-01T00:00:00Z", "2023-02-30T00:00:00Z",
                          "2023-01-01T24:00:00Z", "2023-01-01T00:00:00", "2023-01-01T00:00:00.Z",
                          "1969-01-01T00:00:00Z", "2023-01-01T00:00:00+2:00"}) {
    EXPECT_FALSE(ParseTime(bad).ok()) << bad;
  }
}

TEST(RetrySchedules, DoubleUpToTheirMaximumWithAtLeastHalf) {
  const RetrySchedule schedule{.first = Millis{100}, .max = Millis{1000}, .tries = 5};

  EXPECT_EQ(schedule.Delay(2, 0.0), Millis{50});
  EXPECT_EQ(schedule.Delay(3, 0.999999), Millis{199});
  EXPECT_EQ(schedule.Delay(30, 0.0), Millis{500});
  EXPECT_TRUE(schedule.Exhausted(5));
  EXPECT_FALSE(schedule.Exhausted(4));
}

TEST(NearestNames, AreFoundWhenNear) {
  constexpr std::string_view kNames[] = {"inputs", "outputs", "model"};

  EXPECT_EQ(Nearest("inptus", kNames), "inputs");
  EXPECT_EQ(Nearest("Model", kNames), "model");
  EXPECT_EQ(Nearest("completely-else", kNames), std::nullopt);
}

TEST(Base64Url, ReadsBackEveryLength) {
  for (std::size_t n = 0; n < 20; ++n) {
    const std::string bytes = RandomBytes(n);
    EXPECT_EQ(*FromBase64Url(ToBase64Url(bytes)), bytes);
  }
  EXPECT_FALSE(FromBase64Url("a").ok());
  EXPECT_FALSE(FromBase64Url("ab=").ok());
}

TEST(Files, AreReplacedWholeWithTheirMode) {
  const auto folder = std::filesystem::temp_directory_path() / ("outrigger-base-" + RandomId(8));
  std::filesystem::create_directory(folder);
  const std::string path = folder / "file";

  ASSERT_TRUE(WriteFile(path, "first", 0600).ok());
  ASSERT_TRUE(WriteFile(path, "second", 0600).ok());

  EXPECT_EQ(*ReadFile(path), "second");
  struct stat status{};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_EQ(ReadFile(folder / "none").error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(*Sha256HexOfFile(path), Sha256Hex("second"));
  std::filesystem::remove_all(folder);
}

constexpr Setting kTable[] = {
    {"port", SettingKind::kInteger, "0", "where to listen", false, 0, 65535},
    {"kafka_brokers", SettingKind::kText, "", "Kafka's addresses", true},
    {"patience_ms", SettingKind::kMillis, "500", "how long to wait", false, 1, 10000},
    {"key_file", SettingKind::kSecretFile, "", "a key"},
};

Result<Config> Load(std::vector<const char*> arguments, std::vector<const char*> environment = {}) {
  arguments.insert(arguments.begin(), "demo");
  environment.push_back(nullptr);
  return LoadConfig("demo", kTable, static_cast<int>(arguments.size()), arguments.data(),
                    environment.data());
}

TEST(Configuration, TakesTheCommandLineBeforeTheEnvironmentBeforeTheDefault) {
  const auto config =
      Load({"--port", "81"}, {"OUTRIGGER_DEMO_PORT=80", "OUTRIGGER_DEMO_KAFKA_BROKERS=k:1"});

  ASSERT_TRUE(config.ok()) << config.error().ToString();
  EXPECT_EQ(config->Integer("port"), 81);
  EXPECT_EQ(config->Text("kafka_brokers"), "k:1");
  EXPECT_EQ(config->Duration("patience_ms"), Millis{500});
}

TEST(Configuration, NamesTheNearestSettingForAnUnknownOne) {
  const auto config = Load({"--kafka-broker=x"});

  ASSERT_FALSE(config.ok());
  EXPECT_THAT(config.error().hint(), HasSubstr("--kafka-brokers"));
}

TEST(Configuration, RefusesMissingAndBadValues) {
  EXPECT_FALSE(Load({}).ok());
  EXPECT_FALSE(Load({"--kafka-brokers=x", "--port=70000"}).ok());
  EXPECT_FALSE(Load({"--kafka-brokers=x", "--port=1x"}).ok());
  EXPECT_FALSE(Load({"--kafka-brokers=x", "--key-file=/no/such/file"}).ok());
  EXPECT_FALSE(Load({"--kafka-brokers"}).ok());
}

TEST(Configuration, NeverPrintsASecret) {
  const std::string path =
      std::filesystem::temp_directory_path() / ("outrigger-key-" + RandomId(8));
  ASSERT_TRUE(WriteFile(path, "s3cret-content\n", 0600).ok());

  const std::string flag = "--key-file=" + path;
  const auto config = Load({"--kafka-brokers=x", flag.c_str()});
  std::filesystem::remove(path);

  ASSERT_TRUE(config.ok()) << config.error().ToString();
  EXPECT_EQ(config->Secret("key_file"), "s3cret-content");
  EXPECT_THAT(config->Print(), Not(HasSubstr("s3cret-content")));
}

TEST(Configuration, NeverPrintsThePasswordInAnAddress) {
  for (const std::string address :
       {"postgresql://me:s3cret@127.0.0.1:5432/db", "postgresql://h/db?user=a&password=s3cret&x=y",
        "postgresql://h/db?password=s3cret", "host=h password=s3cret user=a",
        "host=h password='s3cret too' user=a", "postgresql://me:s3cret@h/db?password=s3cret"}) {
    const auto config = Load({("--kafka-brokers=" + address).c_str()});

    ASSERT_TRUE(config.ok()) << config.error().ToString();
    EXPECT_THAT(config->Print(), HasSubstr("********"));
    EXPECT_THAT(config->Print(), Not(HasSubstr("s3cret"))) << address;
  }
}

TEST(MetricSeries, AreDroppedWithTheirModel) {
  Metrics metrics;
  metrics
      .GetCounter("rows_total", "Rows.",
                  {
                      {"model", "a"}
  })
      .Add(2);
  metrics
      .GetCounter("rows_total", "Rows.",
                  {
                      {"model", "b"}
  })
      .Add();

  metrics.DropSeries("model", "a");

  EXPECT_THAT(metrics.Text(), HasSubstr("rows_total{model=\"b\"} 1"));
  EXPECT_THAT(metrics.Text(), Not(HasSubstr("model=\"a\"")));
}

TEST(Results, CarryTheirErrorOutward) {
  const auto inner = []() -> Result<int> { return Error(ErrorCode::kTimeout, "slow", "wait"); };
  const auto outer = [&]() -> Result<std::string> {
    OR_ASSIGN(const int value, inner());
    return std::to_string(value);
  };

  const auto result = outer();

  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().Within("asking").ToString(), "timeout: asking: slow (wait)");
}

}  // namespace
}  // namespace outrigger
