// SPDX-License-Identifier: Apache-2.0
// Several host processes: who comes later, or goes on while the other is frozen, runs the models;
// the other one ends and has written nothing twice.
#include <signal.h>
#include <sys/wait.h>

#include <utility>

#include "companion_fixture.h"

namespace outrigger::testing {
namespace {

using nlohmann::json;
using std::chrono::seconds;

class HostsTest : public CompanionTest {
 protected:
  HostsTest()
      : model_([](const json& request) {
          return FakeModel::EachRow(request, [](const std::string&, const json& row) {
            return json{
                {"score", row["x"]},
                {"level", "A"     }
            };
          });
        }) {}

  void FeedUpTo(const Deployment& deployment, int end) {
    for (; fed_ < end; ++fed_)
      Feed(deployment, "a" + std::to_string(fed_ % 5), fed_,
           {
               {"x", fed_}
      },
           fed_);
    FlushFeed();
  }

  bool EachScoredOnce(const Deployment& deployment) {
    if (!Eventually([&] { return Out(deployment).size() >= static_cast<std::size_t>(fed_); },
                    seconds(60)))
      return false;
    std::set<std::int64_t> times;
    for (const auto& row : Out(deployment)) times.insert(row.time);
    return times.size() == static_cast<std::size_t>(fed_) && Out(deployment).size() == times.size();
  }

  int ExitOf(pid_t process) {
    int status = -1;
    const bool ended = Eventually([&] { return waitpid(process, &status, WNOHANG) == process; });
    if (!ended) kill(process, SIGKILL);
    return ended && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  FakeModel model_;
  int fed_ = 0;
};

TEST_F(HostsTest, WhoTakesTheSlotEndsWhoHadIt) {
  const auto deployment = Deploy("m");
  State(deployment, "run", model_.url());
  StartCompanion();
  FeedUpTo(deployment, 200);
  ASSERT_TRUE(EachScoredOnce(deployment));

  const pid_t first = std::exchange(pid_, -1);
  StartCompanion();
  FeedUpTo(deployment, 400);
  EXPECT_EQ(ExitOf(first), 4);
  FeedUpTo(deployment, 600);
  EXPECT_TRUE(EachScoredOnce(deployment));
}

TEST_F(HostsTest, AFrozenHostIsReplacedAndEndsWhenItWakesUp) {
  const auto deployment = Deploy("m");
  State(deployment, "run", model_.url());
  StartCompanion();
  FeedUpTo(deployment, 200);
  ASSERT_TRUE(EachScoredOnce(deployment));

  const pid_t frozen = std::exchange(pid_, -1);
  kill(frozen, SIGSTOP);
  slot_ = "slot-1";
  StartCompanion();
  FeedUpTo(deployment, 400);
  EXPECT_TRUE(EachScoredOnce(deployment));
  kill(frozen, SIGCONT);
  FeedUpTo(deployment, 600);
  EXPECT_EQ(ExitOf(frozen), 4);
  EXPECT_TRUE(EachScoredOnce(deployment));
}

}  // namespace
}  // namespace outrigger::testing
