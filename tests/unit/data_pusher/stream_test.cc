// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "catalog_records.h"
#include "data_pusher/admission.h"
#include "data_pusher/stream_route.h"
#include "data_pusher/telemetry_stream.h"

namespace outrigger::data_pusher {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::SampleRecord;

constexpr const char* kSample =
    R"({"asset":"x1","time":5,"values":{"Temperature":1e2,"Level":"a\n\"b","On":true}})";

// Keeps what is written, and takes nothing while it is full.
class HeldStream final : public http::BodyStream {
 public:
  bool Write(std::string_view bytes) override {
    if (full) return false;
    written += bytes;
    return true;
  }
  bool WaitForRoom(std::size_t, std::chrono::milliseconds) override { return !full; }
  void End() override { closed = true; }
  void Abort() override { closed = true; }
  bool Closed() const override { return closed; }

  std::string written;
  bool full = false;
  bool closed = false;
};

std::optional<std::string> EventOf(const StreamFilter& filter) {
  SampleParser parser;
  messaging::Record record = SampleRecord("t1/x1", kSample);
  return TelemetryEvent(**parser.Parse(record), filter);
}

TEST(StreamOffsets, AreReadAsTheyWereWritten) {
  const Offsets offsets{
      {0, 17           },
      {1, 0            },
      {3, 9'000'000'000}
  };

  EXPECT_EQ(FormatOffsets(offsets), "0:17,1:0,3:9000000000");
  EXPECT_EQ(*ParseOffsets("0:17,1:0,3:9000000000"), offsets);
}

TEST(StreamOffsets, RefuseWhatNobodyWrote) {
  for (const char* text : {"",
                           ",",
                           "0",
                           "0:",
                           ":1",
                           "0:1,",
                           ",0:1",
                           "0:1,0:2",
                           "1:1,0:1",
                           "0:-1",
                           "-1:0",
                           "0:01",
                           "0:1 ",
                           " 0:1",
                           "0:+1",
                           "0:1;1:2",
                           "0:9223372036854775808",
                           "10000:1",
                           "x:1",
                           "0:1x"}) {
    EXPECT_FALSE(ParseOffsets(text).ok()) << text;
  }
}

TEST(StreamFilter, PassesEverythingWhereNothingIsAsked) {
  EXPECT_EQ(EventOf({}),
            "event: telemetry\ndata: {\"asset\":\"x1\",\"time\":5,\"values\":{\"Temperature\":1e2,"
            "\"Level\":\"a\\n\\\"b\",\"On\":true}}\n");
}

TEST(StreamFilter, ProjectsToTheTelemetriesAndIsSilentWhereNoneIsLeft) {
  EXPECT_EQ(EventOf({
                {"x0", "x1"         },
                {"On", "Temperature"}
  }),
            "event: telemetry\ndata: {\"asset\":\"x1\",\"time\":5,\"values\":{\"Temperature\":1e2,"
            "\"On\":true}}\n");
  EXPECT_EQ(EventOf({{}, {"Score"}}), std::nullopt);
  EXPECT_EQ(EventOf({{"x2"}, {}}), std::nullopt);
}

class TelemetryStreamTest : public ::testing::Test {
 protected:
  TelemetryStreamTest() : sample_(*parser_.Parse(record_)) {}

  SampleParser parser_;
  messaging::Record record_ = SampleRecord("t1/x1", kSample);
  const Sample* sample_;
  std::shared_ptr<HeldStream> out_ = std::make_shared<HeldStream>();
};

TEST_F(TelemetryStreamTest, TakesEachOffsetOnceWhereCatchUpMeetsLive) {
  Offsets live{
      {0, 10},
      {1, 5 }
  };
  TelemetryStream stream(
      {
          "t1", {},
           {},
           Offsets{{0, 8}, {1, 5}}
  },
      live, out_);
  using Sent = TelemetryStream::Sent;

  EXPECT_FALSE(stream.Join(live));
  EXPECT_EQ(stream.OfferLive(0, 10, sample_,
                             live =
                                 {
                                     {0, 11},
                                     {1, 5 }
  }),
            Sent::kNothing);
  std::vector<Sent> sent;
  for (const std::int64_t offset : {7, 8, 9, 10, 10, 11}) {
    sent.push_back(stream.OfferOld(0, offset, sample_, live));
  }
  EXPECT_THAT(sent, ElementsAre(Sent::kNothing, Sent::kYes, Sent::kYes, Sent::kYes, Sent::kNothing,
                                Sent::kYes));
  EXPECT_TRUE(stream.Join(live));  // ahead of the live reader by one
  EXPECT_EQ(stream.OfferLive(0, 11, sample_,
                             live =
                                 {
                                     {0, 12},
                                     {1, 5 }
  }),
            Sent::kNothing);
  EXPECT_EQ(stream.OfferLive(0, 12, sample_,
                             live =
                                 {
                                     {0, 13},
                                     {1, 5 }
  }),
            Sent::kYes);
  EXPECT_EQ(stream.OfferOld(0, 13, sample_, live), Sent::kNothing);

  EXPECT_THAT(out_->written, ::testing::EndsWith("id: 0:13,1:5\n\n"));
}

TEST_F(TelemetryStreamTest, MovesItsIdOnWithRecordsThatAreNotForIt) {
  Offsets live{
      {0, 1},
      {1, 1}
  };
  TelemetryStream stream({"t1", {}, {}, std::nullopt}, live, out_);

  stream.OfferLive(0, 1, nullptr,
                   live = {
                       {0, 2},
                       {1, 1}
  });
  stream.OfferLive(0, 2, sample_,
                   live = {
                       {0, 3},
                       {1, 1}
  });
  live[1] = 40;
  stream.Tell(": still here\n", live);

  EXPECT_THAT(out_->written, HasSubstr("id: 0:3,1:1\n\n: still here\nid: 0:3,1:40\n\n"));
}

TEST_F(TelemetryStreamTest, CountsARecordThatDidNotFitAsNotRead) {
  const Offsets live{
      {0, 10}
  };
  TelemetryStream stream({"t1", {}, {}, Offsets{{0, 8}}}, live, out_);

  out_->full = true;
  EXPECT_EQ(stream.OfferOld(0, 8, sample_, live), TelemetryStream::Sent::kFull);
  EXPECT_EQ(stream.OldPlace(0), 8);
  out_->full = false;

  EXPECT_EQ(stream.OfferOld(0, 8, sample_, live), TelemetryStream::Sent::kYes);
  EXPECT_THAT(out_->written, HasSubstr("id: 0:9\n\n"));
}

TEST(StreamRequestTest, ReadsRepeatedFiltersAndWhereToGoOn) {
  http::Request request;
  request.query = {
      {"asset",     "x1"         },
      {"telemetry", "Temperature"},
      {"asset",     "x2"         }
  };
  request.headers = {
      {"last-event-id", "0:1"}
  };

  const auto wanted = ReadStreamRequest(request, "t1");

  ASSERT_TRUE(wanted);
  EXPECT_THAT(wanted->filter.assets, ElementsAre("x1", "x2"));
  EXPECT_THAT(wanted->filter.telemetries, ElementsAre("Temperature"));
  EXPECT_EQ(wanted->after, (Offsets{
                               {0, 1}
  }));
}

TEST(StreamRequestTest, RefusesWhatCannotBeMeant) {
  http::Request bad_id, bad_asset;
  bad_id.headers = {
      {"last-event-id", "seventeen"}
  };
  bad_asset.query = {
      {"asset", "a b/c"}
  };

  const auto id = ReadStreamRequest(bad_id, "t1");
  const auto asset = ReadStreamRequest(bad_asset, "t1");

  ASSERT_TRUE(!id && !asset);
  EXPECT_EQ(id.error().status, 400);
  EXPECT_THAT(id.error().body, HasSubstr("bad-last-event-id"));
  EXPECT_EQ(asset.error().status, 422);
}

TEST(Admission, LeavesRoomForOtherTenantsAndMakesRoomWhenATicketGoes) {
  Metrics metrics;
  Gauge& inside = metrics.GetGauge("inside", "A test's.");
  Admission admission({3, 2}, inside);
  auto first = admission.Enter("a"), second = admission.Enter("a");

  EXPECT_EQ(admission.Enter("a").error(), Admission::Full::kTenant);
  const auto third = admission.Enter("b");
  EXPECT_EQ(admission.Enter("c").error(), Admission::Full::kAll);
  EXPECT_EQ(inside.Value(), 3);
  first = second;

  EXPECT_EQ(admission.inside(), 2U);
  EXPECT_TRUE(admission.Enter("c"));
}

}  // namespace
}  // namespace outrigger::data_pusher
