// SPDX-License-Identifier: Apache-2.0
#include "users.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>

#include "outrigger/base/ids.h"
#include "outrigger/base/text.h"
#include "process_table.h"

namespace outrigger::orchestrator {
namespace {

constexpr int kMaxProbes = 1'000;
// Where the wished range is not mapped (a rootless user namespace): above Debian's system users
// and people, below nobody.
constexpr std::uint32_t kNarrowFirst = 20'000;
constexpr std::uint32_t kNarrowCount = 40'000;

struct Range {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
};

// The part of `wished` that one line of this user namespace's map covers.
Range Mapped(Range wished) {
  std::ifstream map("/proc/self/uid_map");
  std::uint64_t inside = 0;
  std::uint64_t outside = 0;
  std::uint64_t length = 0;
  while (map >> inside >> outside >> length) {
    const std::uint64_t begin = std::max(wished.first, inside);
    const std::uint64_t end = std::min(wished.first + wished.count, inside + length);
    if (begin < end) return {.first = begin, .count = end - begin};
  }
  return {};
}

std::uint64_t HashOf(const std::string& text) {
  std::uint64_t hash = 0;
  const std::string hex = Sha256Hex(text).substr(0, 16);
  std::from_chars(hex.data(), hex.data() + hex.size(), hash, 16);
  return hash;
}

std::set<uid_t> UsersThatRun() {
  std::set<uid_t> users;
  for (const pid_t pid : AllPids()) {
    const auto process = ReadProcess(pid);
    const auto user = UserOf(pid);
    if (process && !process->dead() && user) users.insert(*user);
  }
  return users;
}

}  // namespace

Users::Users(std::string models_dir, std::uint32_t first, std::uint32_t count)
    : models_dir_(std::move(models_dir)), first_(first), count_(0) {
  if (::geteuid() != 0) return;
  Range range = Mapped({.first = first, .count = count});
  if (range.count == 0) range = Mapped({.first = kNarrowFirst, .count = kNarrowCount});
  first_ = static_cast<std::uint32_t>(range.first);
  count_ = static_cast<std::uint32_t>(range.count);
}

Result<uid_t> Users::Take(const std::string& deployment) {
  std::error_code failed;
  std::filesystem::create_directories(folder(), failed);
  const std::uint64_t start = HashOf(models_dir_ + "/" + deployment);
  // A claim appears with its content in one step (link), so that nobody reads half of it.
  const std::string draft = folder() + "/.draft-" + RandomId(12);
  OR_RETURN_IF_ERROR(WriteFile(draft, deployment, 0600));
  const std::set<uid_t> running = UsersThatRun();
  Result<uid_t> taken = Error(ErrorCode::kResourceExhausted, "every user id for models is taken",
                              "remove models, or widen the range of user ids");
  for (int probe = 0; probe < kMaxProbes; ++probe) {
    const auto id = static_cast<uid_t>(first_ + (start + static_cast<unsigned>(probe)) % count_);
    const std::string claim = folder() + "/" + std::to_string(id);
    const auto owner = ReadFile(claim);
    if (owner && *owner != deployment) continue;
    if (!owner && running.contains(id)) continue;
    if (owner || ::link(draft.c_str(), claim.c_str()) == 0) {
      taken = id;
      break;
    }
    if (errno == EEXIST) continue;
    taken = Error(ErrorCode::kUnavailable, "cannot make " + claim + ": " + std::strerror(errno));
    break;
  }
  ::unlink(draft.c_str());
  return taken;
}

bool Users::Owns(const std::string& deployment, uid_t id) const {
  const auto owner = ReadFile(folder() + "/" + std::to_string(id));
  return owner && *owner == deployment;
}

void Users::Release(const std::string& deployment, uid_t id) {
  if (Owns(deployment, id)) ::unlink((folder() + "/" + std::to_string(id)).c_str());
}

void Users::Sweep() {
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(folder(), failed)) {
    const auto owner = ReadFile(entry.path());
    struct stat status{};
    if (owner && !entry.path().filename().string().starts_with('.') &&
        ::stat((models_dir_ + "/" + *owner).c_str(), &status) != 0 && errno == ENOENT)
      ::unlink(entry.path().c_str());
  }
}

}  // namespace outrigger::orchestrator
