// SPDX-License-Identifier: Apache-2.0
// KafkaBroker: a private single-node Kafka for tests, so that they meet the real thing and can
// stop, freeze and kill it.
//
// Use:      add tests/support/kafka_fixture.cc to the test's sources and link outrigger::messaging.
//           The jars are those of OUTRIGGER_KAFKA_JARS or ~/.cache/outrigger/kafka-3.9.1/libs.
// Threads:  one test thread.
// Lifetime: the broker dies with the test program, however that ends.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "outrigger/messaging/kafka.h"

namespace outrigger::testing {

class KafkaBroker {
 public:
  // The broker that all tests of this program share, started at the first call; null where the jars
  // are missing (skip then) or it does not start.
  static KafkaBroker* Shared();

  // A broker of one's own. Errors: kNotFound - no jars; kUnavailable, kTimeout - it does not start.
  static Result<std::unique_ptr<KafkaBroker>> Start();
  ~KafkaBroker();
  KafkaBroker(const KafkaBroker&) = delete;

  const std::string& address() const { return address_; }
  messaging::KafkaOptions Options(const std::string& client_id = "test") const {
    return {address_, client_id};
  }
  // Ends the broker's process (SIGKILL) or starts it again on the same port and data.
  void Kill();
  Result<> Restart();

  // A topic name that no other test uses.
  static std::string UniqueName(const std::string& prefix);

 private:
  KafkaBroker() = default;
  Result<> Launch();

  std::string jars_, directory_, address_;
  pid_t pid_ = -1;
};

// For the first line of a test: skips where there is no Kafka, but fails where CI is set.
#define OUTRIGGER_NEED_KAFKA()                                                        \
  if (!::outrigger::testing::KafkaBroker::Shared()) {                                 \
    if (std::getenv("CI")) FAIL() << "no Kafka jars: run deploy/local/kafka's fetch"; \
    GTEST_SKIP() << "no Kafka jars";                                                  \
  }                                                                                   \
  static_assert(true, "")

}  // namespace outrigger::testing
