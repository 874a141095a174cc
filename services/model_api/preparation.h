// SPDX-License-Identifier: Apache-2.0
// Preparation: what must be there before the first request: schema, topics, the first tenant and
// token; tried again until PostgreSQL and Kafka let it be, so that the order of starting programs
// does not matter.
//
// Threads:  every method may be called concurrently; the work runs on a thread of its own.
// Lifetime: the parts outlive it.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "outrigger/base/result.h"
#include "outrigger/base/secret.h"
#include "outrigger/messaging/kafka.h"
#include "outrigger/store/database.h"

namespace outrigger::model_api {

// Tenant `default` with a platform-admin token named "bootstrap". The file is the operator's word:
// a token of that name with another text is replaced. Idempotent.
Result<> Bootstrap(store::Database& database, const Secret& token);

// Topics of the platform and of every tenant. Idempotent.
Result<> CreateAllTopics(store::Database& database, messaging::Admin& kafka);

class Preparation {
 public:
  struct Parts {
    std::string postgres_uri;
    store::Database& database;  // Access::kApplication
    messaging::Admin& kafka;
    Secret bootstrap_token;             // empty: none
    std::function<void()> when_stored;  // once, when schema and first tenant are there
  };
  explicit Preparation(Parts parts);
  ~Preparation();

  // Whether schema and first tenant are there: requests can be answered.
  bool Stored() const { return stored_; }
  // Whether all is done; else what it waits for.
  Result<> Done() const;

 private:
  void Run(std::stop_token stop);
  Result<> Try(const std::stop_token& stop);
  void Note(Result<> outcome);

  const Parts parts_;
  std::atomic<bool> stored_{false};
  mutable std::mutex mutex_;
  Result<> outcome_ = Error(ErrorCode::kUnavailable, "has not begun");
  std::jthread thread_;
};

}  // namespace outrigger::model_api
