// SPDX-License-Identifier: Apache-2.0
// Responses that are sent while they are made.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "outrigger/http/server.h"
#include "raw_peer.h"

namespace outrigger::http {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::string_view kGet = "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n";

class StreamTest : public ::testing::Test {
 protected:
  void Start(ServerOptions options = {}, std::size_t queue_bytes = 1 << 20) {
    Router router;
    router.BlockingRoute("GET", "/stream", [this, queue_bytes](const Request&) {
      Response response{200, {}, "text/plain", {}};
      response.stream = {[this](BodyStreamPtr stream) { begun_.set_value(std::move(stream)); },
                         queue_bytes};
      return response;
    });
    server_ = Server::Start(options, std::move(router), &metrics_).value();
  }
  BodyStreamPtr Begun() {
    auto begun = begun_.get_future();
    return begun.wait_for(Millis{5'000}) == std::future_status::ready ? begun.get() : nullptr;
  }
  static bool ClosedSoon(const BodyStreamPtr& stream) {
    stream->WaitForRoom(0, Millis{5'000});  // returns when it is closed, or nothing is queued
    for (int i = 0; i < 500 && !stream->Closed(); ++i) SleepFor(Millis{10});
    return stream->Closed();
  }
  // Writes until no more fits; how many bytes did.
  static std::size_t Fill(BodyStream& stream) {
    const std::string block(64 << 10, 'x');
    std::size_t written = 0;
    // What the kernel's buffers take is not queued here, so fullness counts when it lasts.
    while (stream.Write(block) || stream.WaitForRoom((1 << 20) - block.size(), Millis{300})) {
      written += block.size();
    }
    return written;
  }

  Metrics metrics_;
  std::promise<BodyStreamPtr> begun_;
  std::unique_ptr<Server> server_;
};

TEST_F(StreamTest, SendsWhatIsWrittenAtOnceInChunksAndSaysWhereItEnds) {
  Start();
  RawPeer peer(server_->port());
  peer.Send(kGet);
  const BodyStreamPtr stream = Begun();
  ASSERT_TRUE(stream);

  EXPECT_THAT(peer.ReadUntil("\r\n\r\n"),
              AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), HasSubstr("Transfer-Encoding: chunked\r\n"),
                    HasSubstr("Connection: close\r\n"), HasSubstr("Content-Type: text/plain\r\n"),
                    Not(HasSubstr("Content-Length"))));
  EXPECT_TRUE(stream->Write("hello"));
  EXPECT_EQ(peer.ReadUntil("\r\nhello\r\n"), "5\r\nhello\r\n");
  EXPECT_TRUE(stream->Write("world!"));
  stream->End();

  EXPECT_EQ(peer.ReadToEnd(), "6\r\nworld!\r\n0\r\n\r\n");
  EXPECT_TRUE(peer.closed());
  EXPECT_FALSE(stream->Write("late"));
}

TEST_F(StreamTest, SendsPlainBytesToAnOldPeerAndNothingForHead) {
  Start();
  RawPeer head(server_->port());
  head.Send("HEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(head.ReadToEnd(), EndsWith("\r\n\r\n"));
  RawPeer old(server_->port());
  old.Send("GET /stream HTTP/1.0\r\n\r\n");
  BodyStreamPtr stream = Begun();
  ASSERT_TRUE(stream);

  stream->Write("hello");
  stream.reset();

  EXPECT_THAT(old.ReadToEnd(), AllOf(EndsWith("\r\n\r\nhello"), Not(HasSubstr("chunked"))));
}

TEST_F(StreamTest, HoldsABoundedNumberOfBytesForAPeerThatDoesNotReadAndGoesOnWhenItDoes) {
  Start({}, 1 << 20);
  RawPeer peer(server_->port());
  peer.Send(kGet);
  const BodyStreamPtr stream = Begun();
  ASSERT_TRUE(stream);

  Fill(*stream);
  EXPECT_FALSE(stream->Write(std::string(1 << 20, 'y')));
  EXPECT_FALSE(stream->Closed());
  std::thread reader([&] { peer.ReadUntil("the end"); });
  EXPECT_TRUE(stream->WaitForRoom(0, Millis{5'000}));
  EXPECT_TRUE(stream->Write("the end"));
  reader.join();

  stream->End();
  EXPECT_THAT(peer.ReadToEnd(), EndsWith("0\r\n\r\n"));
}

TEST_F(StreamTest, TakesOneWriteLargerThanTheQueueWhereNothingIsQueued) {
  Start({}, 1'000);
  RawPeer peer(server_->port());
  peer.Send(kGet);
  const BodyStreamPtr stream = Begun();
  ASSERT_TRUE(stream);

  EXPECT_TRUE(stream->Write(std::string(100'000, 'x')));
  stream->End();

  EXPECT_GT(peer.ReadToEnd().size(), 100'000U);
}

TEST_F(StreamTest, CutsAPeerOffWhileItsBytesAreQueued) {
  Start();
  RawPeer peer(server_->port());
  peer.Send(kGet);
  const BodyStreamPtr stream = Begun();
  ASSERT_TRUE(stream);
  Fill(*stream);

  stream->Abort();

  EXPECT_THAT(peer.ReadToEnd(), Not(EndsWith("0\r\n\r\n")));
  EXPECT_TRUE(peer.closed());
}

TEST_F(StreamTest, ClosesAPeerThatTakesNothingForTooLong) {
  Start({.request_deadline = Millis{200}});
  RawPeer peer(server_->port());
  peer.Send(kGet);
  const BodyStreamPtr stream = Begun();
  ASSERT_TRUE(stream);

  Fill(*stream);

  EXPECT_TRUE(ClosedSoon(stream));
}

TEST_F(StreamTest, OutlivesDeadlinesWhileNothingIsToBeSent) {
  Start({.request_deadline = Millis{100},
         .idle_deadline = Millis{100},
         .answer_deadline = Millis{100}});
  RawPeer peer(server_->port());
  peer.Send(kGet);
  const BodyStreamPtr stream = Begun();
  ASSERT_TRUE(stream);
  peer.ReadUntil("\r\n\r\n");

  EXPECT_EQ(peer.ReadToEnd(Millis{600}), "");
  EXPECT_FALSE(peer.closed());
  stream->Write("hello");

  EXPECT_THAT(peer.ReadUntil("hello"), EndsWith("hello"));
}

TEST_F(StreamTest, KnowsWhenThePeerIsGone) {
  Start();
  auto peer = std::make_unique<RawPeer>(server_->port());
  peer->Send(kGet);
  const BodyStreamPtr stream = Begun();
  ASSERT_TRUE(stream);

  peer.reset();

  EXPECT_TRUE(ClosedSoon(stream));
  EXPECT_FALSE(stream->Write("late"));
}

TEST_F(StreamTest, IsClosedByAServerThatStopsAndDoesNoHarmLater) {
  Start();
  RawPeer peer(server_->port());
  peer.Send(kGet);
  const BodyStreamPtr stream = Begun();
  ASSERT_TRUE(stream);

  server_->Stop(Millis{50});
  server_.reset();

  EXPECT_TRUE(stream->Closed());
  EXPECT_FALSE(stream->Write("late"));
  stream->Abort();
}

}  // namespace
}  // namespace outrigger::http
