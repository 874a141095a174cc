// SPDX-License-Identifier: Apache-2.0
#include "outrigger/http/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <future>
#include <semaphore>
#include <set>
#include <thread>

#include "outrigger/base/clock.h"
#include "outrigger/http/server.h"

namespace outrigger::http {
namespace {

using ::testing::HasSubstr;

class ClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Router router;
    router.Route("POST", "/echo", [](Request request, const ResponderPtr& respond) {
      Response response{201, request.body, std::string(request.Header("content-type")), {}};
      response.headers.emplace_back("X-Seen", std::string(request.Header("x-sent")));
      respond->Send(std::move(response));
    });
    router.Route("GET", "/large", [](Request, const ResponderPtr& respond) {
      respond->Send({200, std::string(2 << 20, 'x'), "text/plain", {}});
    });
    router.Route("GET", "/away", [](Request, const ResponderPtr& respond) {
      respond->Send({302, "", "text/plain", {{"Location", "/echo"}}});
    });
    router.Route("GET", "/hold", [this](Request, ResponderPtr respond) {
      const std::lock_guard lock(mutex_);
      held_.push_back(std::move(respond));
      arrived_.release();
    });
    server_ = Server::Start({.max_connections = 100}, std::move(router)).value();
  }

  void TearDown() override {
    server_->Stop(Millis{0});
    held_.clear();
  }

  Call To(const std::string& path, const std::string& method = "GET") {
    Call call;
    call.method = method;
    call.url = server_->url() + path;
    return call;
  }

  static Client::Options Local() { return {.egress = {.allow_loopback = true}}; }

  std::mutex mutex_;
  std::vector<ResponderPtr> held_;
  std::counting_semaphore<1000> arrived_{0};
  std::unique_ptr<Server> server_;
};

TEST_F(ClientTest, CarriesBodyAndHeadersThereAndBack) {
  Client client(Local());
  Call call = To("/echo", "POST");
  call.body = std::make_shared<const std::string>("{\"a\": 1}");
  call.headers = {
      {"Content-Type", "application/json"},
      {"X-Sent",       "seen"            }
  };

  const auto reply = client.Do(call);

  ASSERT_TRUE(reply.ok()) << reply.error().ToString();
  EXPECT_EQ(reply->status, 201);
  EXPECT_EQ(reply->body, "{\"a\": 1}");
  EXPECT_EQ(reply->Header("content-type"), "application/json");
  EXPECT_EQ(reply->Header("x-seen"), "seen");
  EXPECT_GT(reply->took.count(), 0);
}

TEST_F(ClientTest, SendsALargeBodyWithoutWaitingForContinue) {
  Client client(Local());
  Call call = To("/echo", "POST");
  call.body = std::make_shared<const std::string>(1 << 20, 'x');

  const auto reply = client.Do(call);

  ASSERT_TRUE(reply.ok()) << reply.error().ToString();
  EXPECT_EQ(reply->body.size(), std::size_t{1} << 20);
  EXPECT_LT(reply->took, std::chrono::milliseconds(900));
}

TEST_F(ClientTest, RefusesLoopbackWhenTheGuardDoes) {
  Client client(Client::Options{});

  for (const std::string host : {"127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]",
                                 "[::ffff:127.0.0.1]", "0.0.0.0"}) {
    Call call;
    call.url = "http://" + host + ":" + std::to_string(server_->port()) + "/large";
    const auto reply = client.Do(call);
    ASSERT_FALSE(reply.ok()) << host;
    EXPECT_EQ(reply.error().code(), ErrorCode::kInvalidArgument) << host;
  }
}

TEST_F(ClientTest, FollowsNoRedirect) {
  Client client(Local());

  const auto reply = client.Do(To("/away"));

  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(reply->status, 302);
  EXPECT_EQ(reply->Header("location"), "/echo");
}

TEST_F(ClientTest, SpeaksHttpOnly) {
  Client client(Local());

  for (const char* url : {"ftp://127.0.0.1/", "file:///etc/passwd", "gopher://127.0.0.1/", "",
                          "http://", "http://a b/", "http://127.0.0.1:99999/"}) {
    Call call;
    call.url = url;
    const auto reply = client.Do(call);
    ASSERT_FALSE(reply.ok()) << url;
    EXPECT_EQ(reply.error().code(), ErrorCode::kInvalidArgument) << url;
  }
}

TEST_F(ClientTest, RefusesHeadersThatWouldSplitTheRequest) {
  Client client(Local());

  for (const auto& header : HeaderList{
           {"X",                 "a\r\nY: b"},
           {"X\r\nY",            "a"        },
           {"Host",              "other"    },
           {"Content-Length",    "5"        },
           {"Transfer-Encoding", "chunked"  }
  }) {
    Call call = To("/echo", "POST");
    call.headers = {header};
    const auto reply = client.Do(call);
    ASSERT_FALSE(reply.ok()) << header.first;
    EXPECT_EQ(reply.error().code(), ErrorCode::kInvalidArgument);
  }
}

TEST_F(ClientTest, CutsOffAReplyThatIsTooLarge) {
  Client client(Local());
  Call call = To("/large");
  call.max_reply_bytes = 1 << 20;

  const auto reply = client.Do(call);

  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.error().code(), ErrorCode::kCorrupt);
}

TEST_F(ClientTest, TimesOutASilentPeer) {
  Client client(Local());
  Call call = To("/hold");
  call.deadline = std::chrono::milliseconds(200);

  const auto reply = client.Do(call);

  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.error().code(), ErrorCode::kTimeout);
}

TEST_F(ClientTest, TimesOutACallThatWaitsForAConnection) {
  auto options = Local();
  options.max_connections_per_host = 1;
  Client client(options);
  std::promise<Result<Reply>> first;
  client.Start(To("/hold"), [&](Result<Reply> reply) { first.set_value(std::move(reply)); });
  arrived_.acquire();
  Call call = To("/large");
  call.deadline = std::chrono::milliseconds(200);

  const auto reply = client.Do(call);

  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.error().code(), ErrorCode::kTimeout);
  held_[0]->Send({204, {}, {}, {}});
  EXPECT_EQ(first.get_future().get()->status, 204);
}

TEST_F(ClientTest, CallsAReplyThatIsNotHttpCorrupt) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(listener, 1), 0);
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  std::jthread peer([listener] {
    const int connection = accept(listener, nullptr, nullptr);
    char request[4'096];
    (void)!read(connection, request, sizeof request);
    (void)!write(connection, "SSH-2.0-nonsense\r\n", 18);
    close(connection);
  });
  Client client(Local());
  Call call;
  call.url = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/";

  const auto reply = client.Do(call);

  close(listener);
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.error().code(), ErrorCode::kCorrupt) << reply.error().ToString();
}

TEST_F(ClientTest, SaysThatNobodyListens) {
  Client client(Local());
  Call call = To("/large");
  server_->Stop(Millis{0});

  const auto reply = client.Do(call);

  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.error().code(), ErrorCode::kUnavailable);
}

TEST_F(ClientTest, BoundsTheCallsInFlight) {
  auto options = Local();
  options.max_calls = 2;
  Client client(options);
  std::atomic<int> pending{2};
  for (int i = 0; i < 2; ++i) client.Start(To("/hold"), [&](const Result<Reply>&) { --pending; });
  arrived_.acquire();
  arrived_.acquire();

  const auto reply = client.Do(To("/large"));

  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.error().code(), ErrorCode::kResourceExhausted);
  EXPECT_EQ(pending, 2);
}

TEST_F(ClientTest, CancelsWhatIsInFlightWhenItGoes) {
  std::vector<ErrorCode> codes;
  {
    Client client(Local());
    for (int i = 0; i < 3; ++i)
      client.Start(To("/hold"), [&](const Result<Reply>& reply) {
        codes.push_back(reply.ok() ? ErrorCode::kInternal : reply.error().code());
      });
    arrived_.acquire();
  }
  EXPECT_EQ(codes, std::vector(3, ErrorCode::kCancelled));
}

TEST_F(ClientTest, UsesNoProxyOfTheEnvironment) {
  setenv("http_proxy", "http://127.0.0.1:9", 1);
  setenv("ALL_PROXY", "http://127.0.0.1:9", 1);
  Client client(Local());

  const auto reply = client.Do(To("/large"));

  unsetenv("http_proxy");
  unsetenv("ALL_PROXY");
  EXPECT_TRUE(reply.ok());
}

TEST_F(ClientTest, KeepsHundredsOfCallsInFlightFromItsCallbacks) {
  Client client(Local());
  constexpr int kCalls = 2'000;
  std::atomic<int> started{50}, ended{0}, good{0};
  std::promise<void> all;
  std::function<void()> next = [&] {
    Call call = To("/echo", "POST");
    call.body = std::make_shared<const std::string>("x");
    client.Start(std::move(call), [&](const Result<Reply>& reply) {
      if (reply.ok() && reply->status == 201) ++good;
      if (started.fetch_add(1) < kCalls) next();
      if (++ended == kCalls) all.set_value();
    });
  };
  for (int i = 0; i < 50; ++i) next();

  ASSERT_EQ(all.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
  EXPECT_EQ(good, kCalls);
}

}  // namespace
}  // namespace outrigger::http
