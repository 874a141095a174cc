// SPDX-License-Identifier: Apache-2.0
// Requests that no client library would send: each is refused as a problem and the connection is
// closed; nothing behind it runs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "outrigger/http/server.h"
#include "raw_peer.h"

namespace outrigger::http {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

struct Case {
  std::string name;
  std::string bytes;
  std::string status;
  friend void PrintTo(const Case& each, std::ostream* out) { *out << each.name; }
};

constexpr std::string_view kSmuggled =
    "POST /effect HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}";

std::string Post(std::string_view fields, std::string_view body) {
  return "POST /take HTTP/1.1\r\nHost: x\r\n" + std::string(fields) + "\r\n" + std::string(body);
}

std::vector<Case> Cases() {
  const std::string inner(kSmuggled);
  const std::string n = std::to_string(inner.size());
  std::vector<Case> cases = {
      {"LengthAndChunked",
       Post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n" + inner), "400"},
      {"ChunkedAndLength",
       Post("Transfer-Encoding: chunked\r\nContent-Length: 99\r\n", "0\r\n\r\n" + inner), "400"},
      {"TwoLengths", Post("Content-Length: 0\r\nContent-Length: " + n + "\r\n", inner), "400"},
      {"TwoEqualLengths", Post("Content-Length: 0\r\nContent-Length: 0\r\n", inner), "400"},
      {"AListOfLengths", Post("Content-Length: 0, " + n + "\r\n", inner), "400"},
      {"AListOfEqualLengths", Post("Content-Length: 0, 0\r\n", inner), "400"},
      {"EmptyLength", Post("Content-Length:\r\n", inner), "400"},
      {"UnknownCoding", Post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n" + inner), "501"},
      {"CodingsAfterChunked", Post("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n" + inner),
       "501"},
      {"CodingsBeforeChunked", Post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n" + inner),
       "501"},
      {"ChunkedTwiceInAList", Post("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n" + inner),
       "501"},
      {"ChunkedWithAParameter", Post("Transfer-Encoding: chunked;q=1\r\n", "0\r\n\r\n" + inner),
       "501"},
      {"EmptyCoding", Post("Transfer-Encoding:\r\n", "0\r\n\r\n" + inner), "501"},
      {"NoHost", "GET /take HTTP/1.1\r\n\r\n" + inner, "400"},
      {"TwoHosts", Post("Host: y\r\nContent-Length: 0\r\n", inner), "400"},
      {"HostWithAPath", "GET /take HTTP/1.1\r\nHost: x/y\r\n\r\n" + inner, "400"},
      {"FoldedLine", Post("X-A: a\r\n b\r\nContent-Length: 0\r\n", inner), "400"},
      {"FoldedFirstLine", "GET /take HTTP/1.1\r\n Host: x\r\n\r\n" + inner, "400"},
      {"BlankBeforeTheColon", Post("Content-Length : " + n + "\r\n", inner), "400"},
      {"NulInAHeader", Post(std::string("X-A: a\0b\r\n", 10), inner), "400"},
      {"ControlInAHeader", Post("X-A: a\x01z\r\n", inner), "400"},
      {"BareLineFeeds", "GET /take HTTP/1.1\nHost: x\n\n" + inner, "400"},
      {"BareCarriageReturn", Post("X-A: a\rX-B: b\r\n", inner), "400"},
      {"EmptyHeaderName", Post(": a\r\n", inner), "400"},
      {"NoColon", Post("nothing\r\n", inner), "400"},
      {"TwoAuthorizations", Post("Authorization: a\r\nAuthorization: b\r\n", inner), "400"},
      {"Tls", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11), "400"},
      {"HighVersion", "GET / HTTP/9.9\r\n\r\n" + inner, "505"},
      {"HttpTwoPreface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505"},
      {"NoVersion", "GET /take\r\n\r\n" + inner, "400"},
      {"LowerCaseVersion", "GET /take http/1.1\r\nHost: x\r\n\r\n" + inner, "400"},
      {"NoPath", "GET  HTTP/1.1\r\nHost: x\r\n\r\n" + inner, "400"},
      {"BlankInThePath", "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n" + inner, "400"},
      {"RawUtf8InThePath", "GET /\xC3\xA9 HTTP/1.1\r\nHost: x\r\n\r\n" + inner, "400"},
      {"Connect", "CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n" + inner, "501"},
      {"ChunkedInHttpOne", "POST /take HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       "400"},
      {"UnknownExpectation", Post("Expect: a-miracle\r\nContent-Length: 2\r\n", "{}"), "417"},
      {"LongHeader", Post("X-A: " + std::string(1 << 20, 'a') + "\r\n", ""), "431"},
      {"LongPath", "GET /" + std::string(1 << 20, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n", "431"},
  };
  std::string many;
  for (int i = 0; i < 101; ++i) many += "X-" + std::to_string(i) + ": a\r\n";
  cases.push_back({"ManyHeaders", Post(many, ""), "431"});
  for (const auto& [name, length] : std::map<std::string, std::string>{
           {"Negative",   "-1"                  },
           {"Plus",       "+5"                  },
           {"Hex",        "0x5"                 },
           {"TwoNumbers", "5 5"                 },
           {"Overflow",   "99999999999999999999"},
           {"Float",      "5.0"                 },
           {"Word",       "five"                }
  })
    cases.push_back({"Length" + name, Post("Content-Length: " + length + "\r\n", inner), "400"});
  for (const auto& [name, size] : std::map<std::string, std::string>{
           {"Negative", "-1\r\n"},
           {"Overflow", "FFFFFFFFFFFFFFFFF\r\n"},
           {"Hex", "0x5\r\n"},
           {"Word", "zz\r\n"},
           {"Plus", "+5\r\n"},
           {"Empty", "\r\n"},
           {"Blank", " 5\r\n"},
           {"BareLineFeed", "5\n"},
           {"TwoNumbers", "5 5\r\n"},
           {"Nul", std::string("5;\0\r\n", 5)}
  })
    cases.push_back({"Chunk" + name,
                     Post("Transfer-Encoding: chunked\r\n", size + "hello\r\n0\r\n\r\n" + inner),
                     "400"});
  cases.push_back({"ChunkLongerThanSaid",
                   Post("Transfer-Encoding: chunked\r\n", "5\r\nhellohello\r\n0\r\n\r\n" + inner),
                   "400"});
  return cases;
}

class FramingTest : public ::testing::TestWithParam<Case> {
 protected:
  FramingTest() {
    Router router;
    router.Route("POST", "/take", [](Request, const ResponderPtr& respond) {
      respond->Send({202, "taken", "text/plain", {}});
    });
    router.Route("POST", "/effect", [this](Request, const ResponderPtr& respond) {
      ++effects_;
      respond->Send({202, "effect", "text/plain", {}});
    });
    server_ = Server::Start({}, std::move(router)).value();
  }

  std::atomic<int> effects_{0};
  std::unique_ptr<Server> server_;
};

TEST_P(FramingTest, RefusesAndClosesWithoutRunningWhatIsBehind) {
  RawPeer peer(server_->port());

  peer.Send(GetParam().bytes);

  const std::string answer = peer.ReadToEnd();
  EXPECT_TRUE(peer.closed()) << answer;
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 " + GetParam().status + " "));
  EXPECT_THAT(answer, HasSubstr("Content-Type: application/problem+json\r\n"));
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(answer, HasSubstr("Outrigger-Request-Id: "));
  EXPECT_THAT(answer, Not(HasSubstr("HTTP/1.1 202")));
  EXPECT_EQ(effects_, 0);
}

// The end of a head may come in any slices.
TEST_P(FramingTest, RefusesTheSameInSlices) {
  RawPeer peer(server_->port());
  const std::string& bytes = GetParam().bytes;

  const std::size_t slices = std::min<std::size_t>(bytes.size(), 2'000);
  bool open = true;
  for (std::size_t i = 0; i < slices && open; ++i) open = peer.Send(bytes.substr(i, 1));
  if (open) peer.Send(bytes.substr(slices));

  EXPECT_THAT(peer.ReadToEnd(), StartsWith("HTTP/1.1 " + GetParam().status + " "));
  EXPECT_EQ(effects_, 0);
}

INSTANTIATE_TEST_SUITE_P(EveryRule, FramingTest, ::testing::ValuesIn(Cases()),
                         [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace outrigger::http
