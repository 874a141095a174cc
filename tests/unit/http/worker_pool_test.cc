// SPDX-License-Identifier: Apache-2.0
#include "outrigger/http/worker_pool.h"

#include <gmock/gmock.h>

#include <future>

namespace outrigger::http {
namespace {

TEST(WorkerPoolTest, ShowsHowManyTasksWait) {
  Metrics metrics;
  Gauge& waiting = metrics.GetGauge("waiting", "A test's.");
  WorkerPool pool(1, 2, &waiting);
  std::promise<void> begun, may_end, ended;
  ASSERT_TRUE(pool.Push([&] {
    begun.set_value();
    may_end.get_future().wait();
  }));
  begun.get_future().wait();
  EXPECT_EQ(waiting.Value(), 0);

  EXPECT_TRUE(pool.Push([] {}));
  EXPECT_TRUE(pool.Push([&] { ended.set_value(); }));
  EXPECT_FALSE(pool.Push([] {}));

  EXPECT_EQ(waiting.Value(), 2);
  may_end.set_value();
  ended.get_future().wait();
  EXPECT_EQ(waiting.Value(), 0);
}

}  // namespace
}  // namespace outrigger::http
