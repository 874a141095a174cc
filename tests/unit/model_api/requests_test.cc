// SPDX-License-Identifier: Apache-2.0
// What every request is judged by: body, pages, entity tags.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "model_api/body.h"
#include "model_api/etag.h"
#include "model_api/paging.h"

namespace outrigger::model_api {
namespace {

using Json = nlohmann::json;

http::Request Post(const std::string& body, const std::string& type = "application/json") {
  http::Request request;
  request.method = "POST";
  request.headers = {
      {"content-type", type}
  };
  request.body = body;
  return request;
}

template <typename T>
int StatusOf(const Judged<T>& judged) {
  return judged ? 200 : judged.error().status;
}

TEST(BodyTest, IsReadAsJsonWhateverParametersTheTypeHas) {
  EXPECT_EQ(StatusOf(ReadJsonBody(Post("{}", "Application/JSON; charset=utf-8"))), 200);
}

TEST(BodyTest, OfAnotherTypeOrEncodedIsUnsupportedBeforeItIsTooLarge) {
  http::Request encoded = Post("{}");
  encoded.headers.emplace_back("content-encoding", "gzip");
  encoded.body_too_large = true;

  EXPECT_EQ(StatusOf(ReadJsonBody(Post("{}", "text/plain"))), 415);
  EXPECT_EQ(StatusOf(ReadJsonBody(Post("{}", "application/yaml"))), 415);
  EXPECT_EQ(StatusOf(ReadJsonBody(Post("{}", ""))), 415);
  EXPECT_EQ(StatusOf(ReadJsonBody(encoded)), 415);
}

TEST(BodyTest, TooLargeIsSaidBeforeItIsParsed) {
  http::Request unread = Post("");
  unread.body_too_large = true;

  EXPECT_EQ(StatusOf(ReadJsonBody(unread)), 413);
  EXPECT_EQ(StatusOf(ReadJsonBody(Post("{" + std::string(100, ' '), "application/json"), 50)), 413);
}

TEST(BodyTest, ThatIsNoDocumentIsMalformedAndOneWithARepeatedKeyInvalid) {
  EXPECT_EQ(StatusOf(ReadJsonBody(Post("{\"a\": "))), 400);
  EXPECT_EQ(StatusOf(ReadJsonBody(Post(""))), 400);
  EXPECT_EQ(StatusOf(ReadJsonBody(Post("\"\xff\""))), 400);
  const auto repeated = ReadJsonBody(Post(R"({"a": 1, "a": 2})"));
  ASSERT_EQ(StatusOf(repeated), 422);
  EXPECT_EQ(repeated.error().errors.at(0).pointer, "/a");
}

TEST(BodyTest, OfARequestThatTakesNoneMayBeAnEmptyObject) {
  EXPECT_EQ(StatusOf(ExpectNoBody(Post("", ""))), 200);
  EXPECT_EQ(StatusOf(ExpectNoBody(Post("{}"))), 200);
  EXPECT_EQ(StatusOf(ExpectNoBody(Post(R"({"a": 1})"))), 422);
  EXPECT_EQ(StatusOf(ExpectNoBody(Post("[]"))), 422);
}

http::Request Get(const std::string& limit, const std::string& token) {
  http::Request request;
  if (!limit.empty()) request.query.emplace_back("limit", limit);
  if (!token.empty()) request.query.emplace_back("continue", token);
  return request;
}

TEST(PageTest, LimitIsClampedAndNeverRefusedForItsSize) {
  EXPECT_EQ(PageOf(Get("", ""))->limit, 100);
  EXPECT_EQ(PageOf(Get("0", ""))->limit, 1);
  EXPECT_EQ(PageOf(Get("-5", ""))->limit, 1);
  EXPECT_EQ(PageOf(Get("5000", ""))->limit, 1000);
  EXPECT_EQ(PageOf(Get("99999999999999999999", ""))->limit, 1000);
  EXPECT_EQ(StatusOf(PageOf(Get("ten", ""))), 400);
  EXPECT_EQ(StatusOf(PageOf(Get("1.5", ""))), 400);
}

TEST(PageTest, LeadsFromPageToPageUntilTheEnd) {
  const Page first = *PageOf(Get("2", ""));
  const Json page = Json::parse(ListBody(first, {
                                                    {"a", 1},
                                                    {"b", 2},
                                                    {"c", 3}
  }));

  EXPECT_EQ(page["items"], Json::array({1, 2}));
  const Page second = *PageOf(Get("2", page["continue"].get<std::string>()));
  EXPECT_EQ(second.after, "b");
  const Json last = Json::parse(ListBody(second, {
                                                     {"c", 3}
  }));
  EXPECT_EQ(last, (Json{
                      {"items", Json::array({3})}
  }));
}

TEST(PageTest, RefusesTokensThatAreNoneOfOurs) {
  EXPECT_EQ(StatusOf(PageOf(Get("", "!!!"))), 400);
  EXPECT_EQ(StatusOf(AfterNumber(Page{.limit = 1, .after = "x"})), 400);
  EXPECT_EQ(AfterNumber(Page{.limit = 1, .after = "12"})->value(), 12);
}

TEST(EtagTest, MatchesOneOfAListOrAnythingButNothingElse) {
  const std::string current = EtagOf("one");
  const auto with = [](const std::string& header) {
    http::Request request;
    if (!header.empty()) request.headers.emplace_back("if-match", header);
    return request;
  };

  EXPECT_EQ(StatusOf(CheckIfMatch(with(""), current)), 200);
  EXPECT_EQ(StatusOf(CheckIfMatch(with("*"), current)), 200);
  EXPECT_EQ(StatusOf(CheckIfMatch(with(current), current)), 200);
  EXPECT_EQ(StatusOf(CheckIfMatch(with("\"x\", " + current), current)), 200);
  EXPECT_EQ(StatusOf(CheckIfMatch(with("\"x\""), current)), 412);
  EXPECT_EQ(StatusOf(CheckIfMatch(with("W/" + current), current)), 412);
}

}  // namespace
}  // namespace outrigger::model_api
