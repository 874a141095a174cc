// SPDX-License-Identifier: Apache-2.0
// OneModelTest: one model of one tenant on the in-memory store, in a world that the test governs.
//
// Threads: one.
#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "lifecycle_bench.h"

namespace outrigger::testing {

class OneModelTest : public ::testing::Test {
 protected:
  void SetUp() override { bench_.backend->Submit(tenant_, model_); }
  OperationId Ask(lifecycle::Action action) {
    auto asked = bench_.Ask(tenant_, model_, action);
    EXPECT_TRUE(asked.ok()) << asked.error().ToString();
    return asked ? *asked : OperationId();
  }
  lifecycle::Operation Read(const OperationId& id) { return *bench_.lifecycle.Read(tenant_, id); }
  lifecycle::State StateNow() { return bench_.StateOf(tenant_, model_); }
  void Deploy() {
    Ask(lifecycle::Action::kDeploy);
    ASSERT_TRUE(bench_.Work());
    ASSERT_EQ(StateNow(), lifecycle::State::kActive);
    bench_.world.ForgetCalls();
  }

  const TenantId tenant_{"red"};
  const ModelName model_{"detector"};
  LifecycleBench bench_{[](Clock& clock) -> std::unique_ptr<LifecycleBackend> {
    return std::make_unique<InMemoryBackend>(clock);
  }};
  FakeWorld& world_ = bench_.world;
};

}  // namespace outrigger::testing
