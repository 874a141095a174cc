// SPDX-License-Identifier: Apache-2.0
#include "remove_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

#include "descriptor.h"

namespace outrigger::orchestrator {
namespace {

// Names in an open folder but "." and "..".
std::vector<std::string> NamesIn(int folder) {
  std::vector<std::string> names;
  const int copy = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (copy < 0) return names;
  DIR* listing = ::fdopendir(copy);
  if (listing == nullptr) {
    ::close(copy);
    return names;
  }
  while (const dirent* entry = ::readdir(listing)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  ::closedir(listing);
  return names;
}

// A folder to list and empty, whatever its mode says: its owner may take back what its owner gave
// up. -1 with errno: there is none.
int OpenFolder(int at, const char* name) {
  constexpr int kFolder = O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  const int opened = ::openat(at, name, O_RDONLY | kFolder);
  if (opened >= 0 || errno != EACCES) return opened;
  // By its descriptor, so that no link is followed; fchmod() refuses one of O_PATH.
  const Descriptor place(::openat(at, name, O_PATH | kFolder));
  if (!place.ok()) return -1;
  const std::string self = "/proc/self/fd/" + std::to_string(place.get());
  if (::chmod(self.c_str(), 0700) != 0) return -1;
  return ::openat(place.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

}  // namespace

// Folders that are not empty are moved up beside the first, where their turn comes: so depth costs
// neither stack nor descriptors nor long paths.
Result<> RemoveTree(const std::string& path) {
  const auto failed = [&](const std::string& what) {
    return Error(ErrorCode::kUnavailable, "cannot remove " + what + ": " + std::strerror(errno));
  };
  const Descriptor top(OpenFolder(AT_FDCWD, path.c_str()));
  if (!top.ok()) {
    if (errno == ENOENT || ::unlink(path.c_str()) == 0) return {};
    return failed(path);
  }
  ::fchmod(top.get(), 0700);
  std::uint64_t moved = 0;
  for (auto names = NamesIn(top.get()); !names.empty(); names = NamesIn(top.get())) {
    for (const std::string& name : names) {
      if (::unlinkat(top.get(), name.c_str(), 0) == 0 || errno == ENOENT) continue;
      if (::unlinkat(top.get(), name.c_str(), AT_REMOVEDIR) == 0) continue;
      if (errno != ENOTEMPTY && errno != EEXIST) return failed(path + "/" + name);
      ::fchmodat(top.get(), name.c_str(), 0700, 0);
      const Descriptor inner(OpenFolder(top.get(), name.c_str()));
      if (!inner.ok()) return failed(path + "/" + name);
      for (const std::string& below : NamesIn(inner.get())) {
        if (::unlinkat(inner.get(), below.c_str(), 0) == 0) continue;
        if (::unlinkat(inner.get(), below.c_str(), AT_REMOVEDIR) == 0) continue;
        ::fchmodat(inner.get(), below.c_str(), 0700, 0);
        std::string place = ".up-" + std::to_string(moved++);
        // A name that the stranger took already: the next one.
        while (::renameat2(inner.get(), below.c_str(), top.get(), place.c_str(),
                           RENAME_NOREPLACE) != 0) {
          if (errno != EEXIST) return failed(path + "/" + name + "/" + below);
          place = ".up-" + std::to_string(moved++);
        }
      }
    }
  }
  if (::rmdir(path.c_str()) != 0 && errno != ENOENT) return failed(path);
  return {};
}

}  // namespace outrigger::orchestrator
