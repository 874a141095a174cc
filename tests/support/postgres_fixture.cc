// SPDX-License-Identifier: Apache-2.0
#include "postgres_fixture.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <pqxx/pqxx>
#include <stdexcept>
#include <vector>

#include "outrigger/base/clock.h"
#include "outrigger/store/database.h"

namespace outrigger::testing {
namespace {

namespace fs = std::filesystem;

std::string Binaries() {
  for (const int version : {17, 18, 16}) {
    const std::string folder = "/usr/lib/postgresql/" + std::to_string(version) + "/bin";
    if (fs::exists(folder + "/initdb")) return folder;
  }
  throw std::runtime_error("PostgreSQL is not installed");
}

int FreePort() {
  const int handle = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (bind(handle, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      getsockname(handle, reinterpret_cast<sockaddr*>(&address), &length) != 0)
    throw std::runtime_error("no free port");
  close(handle);
  return ntohs(address.sin_port);
}

// Starts a program as user postgres where we are root; it gets a fast-shutdown signal if we die.
pid_t Spawn(std::vector<std::string> command, const std::string& log) {
  std::vector<std::string> words = {"setpriv", "--pdeathsig", "INT"};
  if (geteuid() == 0)
    words.insert(words.end(), {"--reuid", "postgres", "--regid", "postgres", "--init-groups"});
  words.insert(words.end(), command.begin(), command.end());
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);

  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  posix_spawn_file_actions_adddup2(&files, 1, 2);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);  // Ctrl-C is for us alone
  pid_t pid = -1;
  const int failed = posix_spawnp(&pid, "setpriv", &files, &attributes, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  if (failed != 0) throw std::runtime_error("cannot start setpriv");
  return pid;
}

void Run(std::vector<std::string> command, const std::string& log) {
  const std::string name = command[0];
  const pid_t pid = Spawn(std::move(command), log);
  int status = 0;
  waitpid(pid, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw std::runtime_error(name + " failed, see " + log);
}

}  // namespace

PostgresServer& PostgresServer::Shared() {
  static PostgresServer server;
  return server;
}

PostgresServer::PostgresServer() {
  try {
    Initialise();
    Start();
  } catch (const std::exception& error) {
    why_ = error.what();
  }
}

PostgresServer::~PostgresServer() {
  Stop();
  if (!folder_.empty() && why_.empty()) {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
}

void PostgresServer::Initialise() {
  const std::string binaries = Binaries();
  char pattern[] = "/tmp/outrigger-pg-XXXXXX";
  if (mkdtemp(pattern) == nullptr) throw std::runtime_error("cannot make a folder in /tmp");
  folder_ = pattern;
  chmod(pattern, 0755);
  if (geteuid() == 0) {
    const passwd* user = getpwnam("postgres");
    if (user == nullptr) throw std::runtime_error("there is no user postgres");
    if (chown(pattern, user->pw_uid, user->pw_gid) != 0) throw std::runtime_error("chown failed");
  }
  Run({binaries + "/initdb", "-D", folder_ + "/data", "-U", "postgres", "-A", "trust", "--no-sync",
       "--no-instructions", "-E", "UTF8", "--locale", "C.UTF-8"},
      folder_ + "/log");
  port_ = FreePort();
}

void PostgresServer::Start() {
  if (server_ > 0) return;
  server_ =
      Spawn({Binaries() + "/postgres", "-D", folder_ + "/data", "-p", std::to_string(port_), "-c",
             "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=" + folder_, "-c",
             "max_connections=200", "-c", "shared_buffers=64MB", "-c", "logging_collector=off"},
            folder_ + "/log");
  const SteadyTime end = SystemClock().Now() + Millis{120'000};
  while (true) {
    try {
      pqxx::connection connection(UriOf("postgres") + "?connect_timeout=2");
      return;
    } catch (const std::exception& error) {
      if (SystemClock().Now() > end) throw;
      SleepFor(Millis{20});
    }
  }
}

void PostgresServer::Stop() {
  if (server_ <= 0) return;
  kill(server_, SIGINT);
  const SteadyTime end = SystemClock().Now() + Millis{10'000};
  while (waitpid(server_, nullptr, WNOHANG) == 0) {
    if (SystemClock().Now() > end) {
      kill(server_, SIGQUIT);
      waitpid(server_, nullptr, 0);
      break;
    }
    SleepFor(Millis{5});
  }
  server_ = -1;
}

std::string PostgresServer::UriOf(const std::string& database) const {
  return "postgresql://postgres@127.0.0.1:" + std::to_string(port_) + "/" + database;
}

void PostgresServer::Execute(const std::string& uri, const std::string& sql) {
  pqxx::connection connection(uri);
  pqxx::nontransaction session(connection);
  session.exec(sql);
}

void PostgresServer::Administrate(const std::string& sql) { Execute(UriOf("postgres"), sql); }

std::string PostgresServer::FreshDatabase() {
  const std::lock_guard lock(mutex_);
  const std::string name = "test" + std::to_string(++databases_);
  Administrate("CREATE DATABASE " + name);
  return UriOf(name);
}

std::string PostgresServer::MigratedDatabase() {
  const std::lock_guard lock(mutex_);
  if (!has_template_) {
    Administrate("CREATE DATABASE migrated");
    if (auto done = store::Migrate(UriOf("migrated"), Millis{30'000}); !done)
      throw std::runtime_error(done.error().ToString());
    has_template_ = true;
  }
  const std::string name = "test" + std::to_string(++databases_);
  Administrate("CREATE DATABASE " + name + " TEMPLATE migrated");
  return UriOf(name);
}

}  // namespace outrigger::testing
