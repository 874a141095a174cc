// SPDX-License-Identifier: Apache-2.0
#include "outrigger/http/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <future>
#include <thread>

#include "outrigger/http/admin.h"
#include "outrigger/http/problem.h"
#include "raw_peer.h"

namespace outrigger::http {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

Response Text(std::string body) { return {200, std::move(body), "text/plain", {}}; }

class ServerTest : public ::testing::Test {
 protected:
  void Start(ServerOptions options = {}) {
    Router router;
    router.Route("POST", "/echo", [](Request request, const ResponderPtr& respond) {
      if (request.body_too_large)
        return respond->Send(ToResponse({413, "too-large", {}, {}, {}, {}, {}}));
      respond->Send(Text("[" + request.body + "]"));
    });
    router.Route("GET", "/items/{id}/parts/{part}", [](Request request, const ResponderPtr& to) {
      to->Send(Text(std::string(request.Param("id")) + "|" + std::string(request.Param("part")) +
                    "|" + std::string(request.Query("q").value_or("none"))));
    });
    router.Route("GET", "/items/all/parts/{part}",
                 [](Request, const ResponderPtr& respond) { respond->Send(Text("all")); });
    router.Route("GET", "/drop", [](Request, const ResponderPtr&) {});
    router.Route("GET", "/throw", [](Request, const ResponderPtr&) -> void {
      throw std::runtime_error("secret detail");
    });
    router.Route("GET", "/keep",
                 [this](Request, const ResponderPtr& respond) { kept_.set_value(respond); });
    router.BlockingRoute("GET", "/blocking", [this](const Request&) {
      entered_.release();
      release_.wait();
      return Text("done");
    });
    server_ = Server::Start(options, std::move(router), &metrics_).value();
  }

  std::string Exchange(const std::string& request) {
    RawPeer peer(server_->port());
    peer.Send(request);
    peer.CloseWriting();
    return peer.ReadToEnd();
  }
  static std::string Get(const std::string& path) {
    return "GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  }

  Metrics metrics_;
  std::promise<ResponderPtr> kept_;
  std::counting_semaphore<64> entered_{0};
  std::promise<void> opened_;
  std::shared_future<void> release_ = opened_.get_future().share();
  std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, AnswersPipelinedRequestsInOrder) {
  Start();
  std::string requests;
  for (int i = 0; i < 500; ++i) {
    const std::string body = std::to_string(i);
    requests += "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) +
                "\r\n\r\n" + body;
  }
  RawPeer peer(server_->port());

  ASSERT_TRUE(peer.Send(requests));

  for (int i = 0; i < 500; ++i)
    ASSERT_THAT(peer.ReadUntil("]"), EndsWith("\r\n\r\n[" + std::to_string(i) + "]"));
}

TEST_F(ServerTest, ReadsChunkedBodiesWithExtensionsAndTrailers) {
  Start();

  const std::string answer = Exchange(
      "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n"
      "5\r\nhello\r\n6;name=\"value\"\r\n world\r\n0\r\nContent-Length: 99\r\n\r\n"
      "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n!");

  EXPECT_THAT(answer, AllOf(HasSubstr("[hello world]"), HasSubstr("[!]")));
}

TEST_F(ServerTest, SaysContinueBeforeABodyThatWaitsForIt) {
  Start();
  RawPeer peer(server_->port());

  peer.Send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(peer.ReadUntil("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  peer.Send("ok");

  EXPECT_THAT(peer.ReadUntil("[ok]"), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(ServerTest, AnswersALargeBodyThatIsStillBeingSent) {
  Start({.body_bytes = 1'000});
  const std::string body(4 << 20, 'x');

  for (const std::string& request :
       {"Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body,
        "Transfer-Encoding: chunked\r\n\r\n400000\r\n" + body + "\r\n0\r\n\r\n"}) {
    RawPeer peer(server_->port());
    ASSERT_TRUE(peer.Send("POST /echo HTTP/1.1\r\nHost: x\r\n" + request));
    EXPECT_THAT(peer.ReadUntil("}"), StartsWith("HTTP/1.1 413 Content Too Large\r\n"));
  }
}

TEST_F(ServerTest, LeavesAnAnnouncedBodyThatIsTooLargeUnread) {
  Start({.body_bytes = 1'000});
  RawPeer peer(server_->port());

  peer.Send(
      "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n");

  EXPECT_THAT(peer.ReadUntil("}"),
              AllOf(StartsWith("HTTP/1.1 413 "), HasSubstr("Connection: close")));
}

TEST_F(ServerTest, RefusesBodiesBeyondTheBudgetOfAllAndThenGoesOn) {
  Start({.body_bytes = 1 << 20, .total_body_bytes = 500'000});
  const auto post = [](std::size_t size) {
    return "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(size) +
           "\r\n\r\n" + std::string(size, 'x');
  };

  EXPECT_THAT(Exchange(post(1'000'000)),
              AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("Retry-After: 1")));
  EXPECT_THAT(Exchange(post(200'000)), StartsWith("HTTP/1.1 200 "));
}

TEST_F(ServerTest, DecodesPathAndQuery) {
  Start();

  EXPECT_THAT(Exchange(Get("/items/a%2Fb%20c/parts/%C3%A9?x&q=1+2%2B3")),
              EndsWith("\r\n\r\na/b c|\xC3\xA9|1 2+3"));
  EXPECT_THAT(Exchange(Get("http://x/items/a/parts/b?q=")), EndsWith("\r\n\r\na|b|"));
  EXPECT_THAT(Exchange(Get("/items/all/parts/b")), EndsWith("\r\n\r\nall"));
  EXPECT_THAT(Exchange(Get("/%69tems/all/parts/b")), EndsWith("\r\n\r\nall"));
}

TEST_F(ServerTest, RefusesPathsThatDoNotDecode) {
  Start();

  for (const char* path :
       {"/items/%/parts/b", "/items/%zz/parts/b", "/items/%00/parts/b", "/items/%ff/parts/b",
        "/items/%0a/parts/b", "/items/a/parts/b?q=%", "/items/a/parts/b?%00=1", "/%2", "/a#b"})
    EXPECT_THAT(Exchange(Get(path)), StartsWith("HTTP/1.1 400 ")) << path;
}

TEST_F(ServerTest, KnowsWhatIsMissingAndWhatIsNotAllowed) {
  Start();

  EXPECT_THAT(Exchange(Get("/nothing")), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Exchange(Get("/items//parts/b")), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Exchange(Get("/items/a/parts/b/")), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Exchange(Get("/echo")),
              AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("\r\nAllow: OPTIONS, POST\r\n"),
                    HasSubstr("application/problem+json")));
  EXPECT_THAT(Exchange("OPTIONS /items/a/parts/b HTTP/1.1\r\nHost: x\r\n\r\n"),
              AllOf(StartsWith("HTTP/1.1 204 "), HasSubstr("\r\nAllow: GET, HEAD, OPTIONS\r\n")));
  EXPECT_THAT(Exchange("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"), StartsWith("HTTP/1.1 204 "));
}

TEST_F(ServerTest, AnswersHeadWithTheLengthAndWithoutTheBody) {
  Start();

  const std::string answer = Exchange("HEAD /items/a/parts/b HTTP/1.1\r\nHost: x\r\n\r\n");

  EXPECT_THAT(answer, AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), HasSubstr("Content-Length: 8\r\n"),
                            EndsWith("\r\n\r\n")));
}

TEST_F(ServerTest, KeepsASaneRequestIdAndReplacesOthers) {
  Start();
  const auto with_id = [](const std::string& id) {
    return "GET /nothing HTTP/1.1\r\nHost: x\r\nOutrigger-Request-Id: " + id + "\r\n\r\n";
  };

  EXPECT_THAT(Exchange(with_id("abc-1.2:3")), HasSubstr("Outrigger-Request-Id: abc-1.2:3\r\n"));
  EXPECT_THAT(Exchange(with_id("a b")), Not(HasSubstr("a b")));
}

TEST_F(ServerTest, ClosesAfterHttpOneUnlessAskedToKeep) {
  Start();
  RawPeer peer(server_->port());

  peer.Send("GET /nothing HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_THAT(peer.ReadUntil("}"), HasSubstr("Connection: keep-alive\r\n"));
  peer.Send("GET /nothing HTTP/1.0\r\n\r\n");
  EXPECT_THAT(peer.ReadToEnd(), HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(peer.closed());
}

TEST_F(ServerTest, AnswersForHandlersThatDropOrThrow) {
  Start();

  EXPECT_THAT(Exchange(Get("/drop")), StartsWith("HTTP/1.1 500 "));
  EXPECT_THAT(Exchange(Get("/throw")),
              AllOf(StartsWith("HTTP/1.1 500 "), Not(HasSubstr("secret"))));
}

TEST_F(ServerTest, TakesAnAnswerFromAnyThreadAndOnlyTheFirst) {
  Start();
  RawPeer peer(server_->port());
  peer.Send("GET /keep HTTP/1.1\r\nHost: x\r\n\r\n");
  const ResponderPtr responder = kept_.get_future().get();

  std::thread([&] {
    responder->Send(Text("first"));
    responder->Send(Text("second"));
  }).join();

  EXPECT_THAT(peer.ReadUntil("first"), EndsWith("first"));
  peer.Send(Get("/nothing"));
  EXPECT_THAT(peer.ReadToEnd(), AllOf(HasSubstr("404"), Not(HasSubstr("second"))));
}

TEST_F(ServerTest, AnswersForAHandlerThatIsTooSlow) {
  Start({.answer_deadline = Millis{100}});
  RawPeer peer(server_->port());

  peer.Send("GET /keep HTTP/1.1\r\nHost: x\r\n\r\n");
  const ResponderPtr responder = kept_.get_future().get();

  EXPECT_THAT(peer.ReadToEnd(), StartsWith("HTTP/1.1 503 "));
  responder->Send(Text("late"));
}

TEST_F(ServerTest, AnswersLateResponderAfterTheServerIsGoneWithoutHarm) {
  Start();
  RawPeer peer(server_->port());
  peer.Send("GET /keep HTTP/1.1\r\nHost: x\r\n\r\n");
  const ResponderPtr responder = kept_.get_future().get();

  server_->Stop(Millis{50});
  server_.reset();

  responder->Send(Text("late"));
}

TEST_F(ServerTest, RefusesABlockingRequestWhenTheQueueIsFull) {
  Start({.workers = 1, .worker_queue = 1});
  RawPeer running(server_->port()), queued(server_->port());
  running.Send(Get("/blocking"));
  entered_.acquire();
  queued.Send(Get("/blocking"));
  std::string answer;
  for (int i = 0; i < 100 && !answer.starts_with("HTTP/1.1 503 "); ++i) {
    RawPeer third(server_->port());
    third.Send(Get("/blocking"));
    answer = third.ReadToEnd(Millis{100});
  }

  EXPECT_THAT(answer, AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("Retry-After: 1")));
  EXPECT_THAT(Exchange(Get("/nothing")), StartsWith("HTTP/1.1 404 "));
  opened_.set_value();
  EXPECT_THAT(running.ReadToEnd(), EndsWith("done"));
}

TEST_F(ServerTest, TimesOutAHeadThatDrips) {
  Start({.request_deadline = Millis{400}});
  RawPeer peer(server_->port());
  const std::string head = "GET /nothing HTTP/1.1\r\nHost: x\r\nX-Slow: " + std::string(500, 'a');

  // Each byte is in time by itself; the request as a whole is not.
  std::string answer;
  for (std::size_t i = 0; i < head.size() && answer.empty(); ++i) {
    peer.Send(head.substr(i, 1));
    answer = peer.ReadToEnd(Millis{10});
  }

  EXPECT_THAT(answer, StartsWith("HTTP/1.1 408 "));
}

TEST_F(ServerTest, TimesOutABodyThatDrips) {
  Start({.request_deadline = Millis{400}});
  RawPeer peer(server_->port());
  peer.Send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n");

  std::string answer;
  for (int i = 0; i < 500 && answer.empty(); ++i) {
    peer.Send("x");
    answer = peer.ReadToEnd(Millis{10});
  }

  EXPECT_THAT(answer, StartsWith("HTTP/1.1 408 "));
}

TEST_F(ServerTest, ClosesConnectionsThatIdle) {
  Start({.request_deadline = Millis{5'000}, .idle_deadline = Millis{100}});
  RawPeer peer(server_->port());
  peer.Send("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n");
  peer.ReadUntil("}");

  EXPECT_EQ(peer.ReadToEnd(Millis{3'000}), "");
  EXPECT_TRUE(peer.closed());
}

TEST_F(ServerTest, ClosesConnectionsOverTheLimitAndServesTheRest) {
  Start({.max_connections = 2});
  RawPeer first(server_->port()), second(server_->port());
  first.Send("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n");
  second.Send("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(first.ReadUntil("}"), HasSubstr("404"));
  EXPECT_THAT(second.ReadUntil("}"), HasSubstr("404"));

  RawPeer third(server_->port());
  EXPECT_EQ(third.ReadToEnd(), "");
  EXPECT_TRUE(third.closed());

  first.Send("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(first.ReadUntil("}"), HasSubstr("404"));
}

TEST_F(ServerTest, StopsListeningAndLetsARunningRequestEnd) {
  Start();
  RawPeer idle(server_->port()), running(server_->port());
  idle.Send("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n");
  idle.ReadUntil("}");
  running.Send("GET /keep HTTP/1.1\r\nHost: x\r\n\r\n");
  const ResponderPtr responder = kept_.get_future().get();

  std::thread stop([&] { server_->Stop(Millis{5'000}); });
  idle.ReadToEnd();
  EXPECT_TRUE(idle.closed());
  EXPECT_FALSE(RawPeer(server_->port()).connected());
  responder->Send(Text("finished"));

  EXPECT_THAT(running.ReadUntil("finished"), HasSubstr("Connection: close"));
  running.CloseWriting();
  stop.join();
}

TEST_F(ServerTest, CountsRequestsByRouteMethodAndStatus) {
  Start();
  Exchange(Get("/items/a/parts/b"));
  Exchange(Get("/items/c/parts/d"));
  Exchange(Get("/nothing"));

  EXPECT_THAT(
      metrics_.Text(),
      AllOf(HasSubstr("outrigger_http_requests_total{method=\"GET\",route=\"/items/{id}/parts/"
                      "{part}\",status=\"200\"} 2"),
            HasSubstr("route=\"unmatched\",status=\"404\"} 1")));
}

TEST_F(ServerTest, RefusesAnAddressThatIsTaken) {
  Start();

  const auto second = Server::Start({.port = server_->port()}, Router());

  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code(), ErrorCode::kUnavailable);
}

TEST_F(ServerTest, AnswersHealthWhileThousandsDrip) {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  // Each dripping connection is two files of this process.
  const std::size_t drips = std::min<std::size_t>(2'000, (files.rlim_max - 200) / 2);
  Start();
  const auto admin = AdminServer::Start("127.0.0.1", 0, metrics_, {}).value();
  std::vector<std::unique_ptr<RawPeer>> peers;
  for (std::size_t i = 0; i < drips; ++i) {
    peers.push_back(std::make_unique<RawPeer>(server_->port()));
    ASSERT_TRUE(peers.back()->connected()) << i;
    peers.back()->Send("GET /nothing HTTP/1.1\r\nX-A: ");
  }

  for (int round = 0; round < 20; ++round) {
    for (std::size_t i = static_cast<std::size_t>(round); i < drips; i += 20) peers[i]->Send("a");
    for (const std::uint16_t port : {server_->port(), admin->port()}) {
      const SteadyTime began = SystemClock().Now();
      RawPeer peer(port);
      peer.Send(Get("/livez"));
      EXPECT_THAT(peer.ReadToEnd(), StartsWith("HTTP/1.1 "));
      EXPECT_LT(SystemClock().Now() - began, Millis{1'000});
    }
  }
}

TEST(AdminServerTest, SaysWhichPartIsNotReady) {
  Metrics metrics;
  metrics.GetCounter("outrigger_test_total", "A test's.").Add();
  std::atomic<bool> ready{false};
  const auto admin =
      AdminServer::Start("127.0.0.1", 0, metrics,
                         {
                             {"first",  [] { return Result<>(); }},
                             {"second",
                              [&]() -> Result<> {
                                if (ready) return {};
                                return Error(ErrorCode::kUnavailable, "not there yet");
                              }                                  }
  })
          .value();
  const auto get = [&](const std::string& path) {
    RawPeer peer(admin->port());
    peer.Send("GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    return peer.ReadToEnd();
  };

  EXPECT_THAT(get("/readyz?verbose"), AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("[+]first ok\n"),
                                            HasSubstr("[-]second failed: not there yet\n")));
  EXPECT_THAT(get("/metrics"),
              AllOf(HasSubstr("outrigger_service_condition{condition=\"first\"} 1\n"),
                    HasSubstr("outrigger_service_condition{condition=\"second\"} 0\n"),
                    HasSubstr("outrigger_service_start_time_seconds 1")));
  ready = true;
  EXPECT_THAT(get("/readyz"), AllOf(StartsWith("HTTP/1.1 200 "), EndsWith("\r\n\r\nok\n")));
  EXPECT_THAT(get("/livez"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(get("/metrics"),
              AllOf(HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"),
                    HasSubstr("outrigger_test_total 1"),
                    HasSubstr("outrigger_service_condition{condition=\"second\"} 1\n")));
}

}  // namespace
}  // namespace outrigger::http
