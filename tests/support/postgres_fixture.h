// SPDX-License-Identifier: Apache-2.0
// PostgresServer: a private PostgreSQL for one test program, so that tests meet the real thing and
// nobody else's data.
//
// Threads:  Shared() and FreshDatabase() may be called concurrently; first use from the main
//           thread, because the server dies with the thread that started it.
// Lifetime: stopped and removed when the program exits, however it exits.
#pragma once

#include <sys/types.h>

#include <cstdlib>
#include <mutex>
#include <string>

namespace outrigger::testing {

class PostgresServer {
 public:
  // Started at first use: a few seconds. Check available() before anything else.
  static PostgresServer& Shared();

  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  // False where no PostgreSQL is installed or it does not start; why() says it.
  bool available() const { return why_.empty(); }
  const std::string& why() const { return why_; }

  // The URI of a new, empty database.
  std::string FreshDatabase();
  // The URI of a new database with every migration applied: a copy of one that was migrated once.
  std::string MigratedDatabase();

  // Runs statements as the schema's owner, past row level security.
  void Execute(const std::string& uri, const std::string& sql);

  // An outage: Stop() ends every connection; Start() brings the same data back on the same port.
  void Stop();
  void Start();

 private:
  PostgresServer();
  void Initialise();
  std::string UriOf(const std::string& database) const;
  void Administrate(const std::string& sql);

  std::string folder_;
  std::string why_;
  int port_ = 0;
  pid_t server_ = -1;
  std::mutex mutex_;
  int databases_ = 0;
  bool has_template_ = false;
};

}  // namespace outrigger::testing

// Skips a test where there is no PostgreSQL; fails it where OUTRIGGER_TESTS_MUST_RUN says so (CI).
#define OR_NEEDS_POSTGRES()                                           \
  do {                                                                \
    auto& or_server = ::outrigger::testing::PostgresServer::Shared(); \
    if (!or_server.available()) {                                     \
      if (std::getenv("OUTRIGGER_TESTS_MUST_RUN") != nullptr)         \
        FAIL() << "no PostgreSQL: " << or_server.why();               \
      GTEST_SKIP() << "no PostgreSQL: " << or_server.why();           \
    }                                                                 \
  } while (false)
