// SPDX-License-Identifier: Apache-2.0
// Every suite here runs on both stores.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "lifecycle_bench.h"
#include "postgres_backend.h"

namespace outrigger::testing {

struct BackendChoice {
  const char* name;
  bool postgres;
  std::unique_ptr<LifecycleBackend> (*make)(Clock&);
};

inline const BackendChoice kBackends[] = {
    {"InMemory", false,
     [](Clock& clock) -> std::unique_ptr<LifecycleBackend> {
       return std::make_unique<InMemoryBackend>(clock);
     }},
    {"Postgres", true,
     [](Clock&) -> std::unique_ptr<LifecycleBackend> {
       return std::make_unique<PostgresBackend>();
     }},
};

inline std::string NameOf(const ::testing::TestParamInfo<BackendChoice>& info) {
  return info.param.name;
}

class OnBothStores : public ::testing::TestWithParam<BackendChoice> {
 protected:
  void SetUp() override {
    if (GetParam().postgres) OR_NEEDS_POSTGRES();
    bench_ = std::make_unique<LifecycleBench>(GetParam().make);
    bench_->backend->Submit(tenant_, model_);
  }

  Result<OperationId> Ask(lifecycle::Action action) { return bench_->Ask(tenant_, model_, action); }
  lifecycle::State StateNow() { return bench_->StateOf(tenant_, model_); }
  lifecycle::Operation Read(const OperationId& id) {
    auto read = bench_->lifecycle.Read(tenant_, id);
    EXPECT_TRUE(read.ok());
    return read ? *read : lifecycle::Operation{};
  }

  const TenantId tenant_{"red"};
  const ModelName model_{"detector"};
  std::unique_ptr<LifecycleBench> bench_;
};

}  // namespace outrigger::testing
