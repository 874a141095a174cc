// SPDX-License-Identifier: Apache-2.0
#include "model_api/problems.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "outrigger/base/text.h"

namespace outrigger::model_api {
namespace {

using ::testing::HasSubstr;

std::vector<http::Problem> EveryProblem() {
  const Faults faults = {
      {"/a", "missing", "the field is required"}
  };
  std::vector<http::Problem> problems = {
      Unauthenticated(),   Forbidden("d"),
      Missing(),           StateConflict("d", "h"),
      Taken("d", faults),  InUse("d", "h"),
      WriterConflict("d"), PreconditionFailed("\"x\""),
      TooLarge("d"),       UnsupportedMediaType("d", "h"),
      Malformed(faults),   BadQuery("d", "h"),
      Invalid(faults),     Unsupported(faults),
      NotBuilt("d"),       NotPublished(),
  };
  for (const ErrorCode code :
       {ErrorCode::kInvalidArgument, ErrorCode::kNotFound, ErrorCode::kConflict,
        ErrorCode::kUnavailable, ErrorCode::kTimeout, ErrorCode::kResourceExhausted,
        ErrorCode::kCorrupt, ErrorCode::kUnauthenticated, ErrorCode::kCancelled,
        ErrorCode::kInternal}) {
    problems.push_back(http::ProblemFrom(Error(code, "d")));
  }
  return problems;
}

TEST(ProblemsTest, EveryCodeHasItsParagraphWithTheStatus) {
  const auto page = ReadFile(std::string(OUTRIGGER_SOURCE_DIR) + "/docs/problems.md");
  ASSERT_TRUE(page.ok());

  for (const http::Problem& problem : EveryProblem()) {
    const auto heading = page->find("`" + problem.code + "`");
    ASSERT_NE(heading, std::string::npos) << problem.code;
    EXPECT_THAT(page->substr(heading, 60), HasSubstr("(" + std::to_string(problem.status) + ")"));
  }
}

TEST(ProblemsTest, EveryRefusalOfThisApiSaysWhatToDo) {
  for (const http::Problem& problem : EveryProblem()) {
    // What the library says of its own, and what is the same bytes for every missing thing.
    if (problem.title.empty() && problem.code != "role-too-low") continue;
    EXPECT_FALSE(problem.hint.empty()) << problem.code;
  }
}

TEST(ProblemsTest, FaultsAndDetailBothReachTheAnswer) {
  for (const http::Problem& problem : {
           TooLarge("the body is larger"), Invalid({{"/a", "missing", "the field is required"}}
            )
  }) {
    const auto body = nlohmann::json::parse(http::ToResponse(problem).body);
    EXPECT_NE(body["detail"], "");
    ASSERT_EQ(body["errors"].size(), 1u);
    EXPECT_NE(body["errors"][0]["detail"], "");
  }
}

}  // namespace
}  // namespace outrigger::model_api
