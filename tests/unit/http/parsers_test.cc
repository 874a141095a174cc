// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "chunks.h"
#include "head.h"
#include "outrigger/http/problem.h"
#include "router.h"
#include "target.h"

namespace outrigger::http {
namespace {

using ::testing::HasSubstr;

TEST(HeadTest, ReadsFieldsInLowerCaseAndInOrder) {
  const auto head = ParseHead(
      "POST /a?b HTTP/1.1\r\nHost: x\r\nX-Two:  b \r\nX-One:\r\nContent-Length: 12\r\n\r\n");

  ASSERT_TRUE(head);
  EXPECT_EQ(head->method, "POST");
  EXPECT_EQ(head->target, "/a?b");
  EXPECT_EQ(head->headers,
            (HeaderList{
                {"host",           "x" },
                {"x-two",          "b" },
                {"x-one",          ""  },
                {"content-length", "12"}
  }));
  EXPECT_EQ(head->content_length, 12u);
  EXPECT_TRUE(head->keep_alive);
}

TEST(HeadTest, FindsTheEndOfAHeadInAnySlices) {
  const std::string head = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

  for (std::size_t cut = 0; cut < head.size(); ++cut) {
    HeadScan scan;
    ASSERT_EQ(scan.Feed(head.substr(0, cut)), HeadScan::State::kMore) << cut;
    ASSERT_EQ(scan.Feed(head + "rest"), HeadScan::State::kWhole) << cut;
    EXPECT_EQ(scan.size(), head.size());
  }
}

TEST(ChunksTest, DecodesByteByByteAsAtOnce) {
  const std::string bytes = "5\r\nhello\r\n0006;x=y\r\n world\r\n000\r\nTrailer: a\r\n\r\n";
  for (const std::size_t step : {std::size_t{1}, std::size_t{3}, bytes.size()}) {
    ChunkReader reader;
    std::string body;
    for (std::size_t i = 0; i < bytes.size(); i += step)
      reader.Feed(std::string_view(bytes).substr(i, step), body, 100);
    EXPECT_EQ(reader.state(), ChunkReader::State::kDone);
    EXPECT_EQ(body, "hello world");
  }
}

TEST(ChunksTest, LeavesWhatComesBehindTheBody) {
  ChunkReader reader;
  std::string body;

  EXPECT_EQ(reader.Feed("0\r\n\r\nGET /", body, 100), 5u);
}

TEST(ChunksTest, StopsAtTheLimitBeforeReadingTheChunk) {
  ChunkReader reader;
  std::string body;

  reader.Feed("5\r\nhello\r\n6\r\n", body, 10);

  EXPECT_EQ(reader.state(), ChunkReader::State::kTooLarge);
}

TEST(ChunksTest, BoundsExtensionsAndTrailers) {
  std::string body;
  ChunkReader extension, trailers;
  extension.Feed("5;" + std::string(10'000, 'a'), body, 100);
  trailers.Feed("0\r\n" + std::string(10'000, 'a'), body, 100);

  EXPECT_EQ(extension.state(), ChunkReader::State::kBad);
  EXPECT_EQ(trailers.state(), ChunkReader::State::kBad);
}

TEST(TargetTest, SplitsEveryLegalForm) {
  EXPECT_EQ(SplitTarget("/a?b?c")->path, "/a");
  EXPECT_EQ(SplitTarget("/a?b?c")->query, "b?c");
  EXPECT_EQ(SplitTarget("http://h:1/a?b")->path, "/a");
  EXPECT_EQ(SplitTarget("http://h")->path, "/");
  EXPECT_EQ(SplitTarget("http://h?q")->query, "q");
  for (const char* bad : {"a", "http:///a", "http://", "/a#b", "ftp://h/", "*a", "h:443"})
    EXPECT_FALSE(SplitTarget(bad)) << bad;
}

TEST(RouterTest, PrefersTheMethodThenTheMoreParticularPattern) {
  RouteTable table;
  const auto add = [&](const char* method, const char* pattern) {
    table.Add({method, pattern, {}, [](Request, const ResponderPtr&) {}, nullptr});
  };
  add("GET", "/a/{x}");
  add("POST", "/a/all");
  add("GET", "/a/one");
  add("GET", "/{y}/b/{z}");
  add("GET", "/a/{x}/{z}");

  EXPECT_EQ(table.Find("GET", "/a/all")->entry->pattern, "/a/{x}");
  EXPECT_EQ(table.Find("POST", "/a/all")->entry->pattern, "/a/all");
  EXPECT_EQ(table.Find("GET", "/a/one")->entry->pattern, "/a/one");
  EXPECT_EQ(table.Find("GET", "/a/b/c")->entry->pattern, "/a/{x}/{z}");
  EXPECT_EQ(table.Find("PUT", "/a/all")->allow, "GET, HEAD, OPTIONS, POST");
  EXPECT_EQ(table.Find("GET", "/none")->allow, "");
}

TEST(RouterTest, GivesTheRestOfAPathToWhoAsksForIt) {
  RouteTable table;
  for (const char* pattern : {"/{path...}", "/a/{x}", "/metrics", "/b/{path...}"})
    table.Add({"GET", pattern, {}, [](Request, const ResponderPtr&) {}, nullptr});

  EXPECT_EQ(table.Find("GET", "/")->entry->pattern, "/{path...}");
  EXPECT_EQ(table.Find("GET", "/a/")->entry->pattern, "/{path...}");
  EXPECT_EQ(table.Find("GET", "/1/2/3/4/5/6/7/8/9/10")->entry->pattern, "/{path...}");
  EXPECT_EQ(table.Find("GET", "/a/1")->entry->pattern, "/a/{x}");
  EXPECT_EQ(table.Find("GET", "/metrics")->entry->pattern, "/metrics");
  EXPECT_EQ(table.Find("GET", "/b/1/2")->entry->pattern, "/b/{path...}");
  EXPECT_TRUE(table.Find("GET", "/b/1/2")->params.empty());
  EXPECT_EQ(table.Find("PUT", "/b")->allow, "GET, HEAD, OPTIONS");
}

TEST(ProblemTest, WritesFaultsWithPointers) {
  const Response response = ToResponse(
      {422, "bad", {}, "one fault", "mend it", {{"/a", "wrong", "is wrong"}}, {{"Allow", "GET"}}});

  EXPECT_EQ(response.status, 422);
  EXPECT_EQ(response.body,
            R"({"type":"https://outrigger.dev/problems/bad","title":"Unprocessable Content",)"
            R"("status":422,"detail":"one fault","hint":"mend it",)"
            R"("errors":[{"pointer":"/a","code":"wrong","detail":"is wrong"}]})");
}

TEST(ProblemTest, TellsStrangersNothingOfDefects) {
  const Problem problem = ProblemFrom(Error(ErrorCode::kInternal, "password is x"));

  EXPECT_EQ(problem.status, 500);
  EXPECT_THAT(ToResponse(problem).body, ::testing::Not(HasSubstr("password")));
}

}  // namespace
}  // namespace outrigger::http
