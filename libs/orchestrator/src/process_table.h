// SPDX-License-Identifier: Apache-2.0
// Process table: what /proc says, so that a process is known by more than a number that is reused.
//
// Threads: pure functions on /proc.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace outrigger::orchestrator {

struct ProcessInfo {
  pid_t pid = 0;
  char state = '?';
  pid_t group = 0;
  pid_t session = 0;
  std::uint64_t start = 0;  // clock ticks since boot: with pid and boot, unique
  int threads = 0;
  // A first thread that has ended shows as a zombie while the other threads live on.
  bool dead() const { return (state == 'Z' && threads <= 1) || state == 'X' || state == 'x'; }
};

// nullopt: there is none.
std::optional<ProcessInfo> ReadProcess(pid_t pid);
// Every process but threads.
std::vector<pid_t> AllPids();
// The real user; nullopt: gone.
std::optional<uid_t> UserOf(pid_t pid);
// Changes with each boot.
const std::string& BootId();

// Which file an open descriptor or a folder is.
struct FileId {
  dev_t device = 0;
  ino_t inode = 0;
  friend bool operator==(const FileId&, const FileId&) = default;
};
std::optional<FileId> IdOf(const std::string& path);  // follows links, /proc's own too

// The anonymous and shared memory it holds, in bytes; 0: gone.
std::uint64_t MemoryOf(pid_t pid);

}  // namespace outrigger::orchestrator
