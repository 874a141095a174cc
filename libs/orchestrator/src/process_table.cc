// SPDX-License-Identifier: Apache-2.0
#include "process_table.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <charconv>
#include <string_view>

#include "descriptor.h"
#include "outrigger/base/text.h"

namespace outrigger::orchestrator {
namespace {

// /proc files have no size: one read of a page holds all that is asked here.
std::string ReadPage(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.ok()) return {};
  std::string page(4096, '\0');
  const ssize_t got = ::read(file.get(), page.data(), page.size());
  page.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return page;
}

template <typename T>
T Number(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  T value{};
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// The rest of the line that begins with `key`.
std::string_view LineOf(std::string_view page, std::string_view key) {
  const auto at = page.find(key);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = page.substr(at + key.size());
  return rest.substr(0, rest.find('\n'));
}

}  // namespace

std::optional<ProcessInfo> ReadProcess(pid_t pid) {
  if (pid <= 0) return std::nullopt;
  const std::string page = ReadPage("/proc/" + std::to_string(pid) + "/stat");
  const auto name_end = page.rfind(')');  // the name may hold anything, ')' and blanks too
  if (name_end == std::string::npos || name_end + 2 >= page.size()) return std::nullopt;
  const auto fields = Split(std::string_view(page).substr(name_end + 2), ' ');
  if (fields.size() < 20) return std::nullopt;
  return ProcessInfo{.pid = pid,
                     .state = fields[0].empty() ? '?' : fields[0].front(),
                     .group = Number<pid_t>(fields[2]),
                     .session = Number<pid_t>(fields[3]),
                     .start = Number<std::uint64_t>(fields[19]),
                     .threads = Number<int>(fields[17])};
}

std::vector<pid_t> AllPids() {
  std::vector<pid_t> pids;
  DIR* folder = ::opendir("/proc");
  if (folder == nullptr) return pids;
  while (const dirent* entry = ::readdir(folder)) {
    const std::string_view name = entry->d_name;
    if (name.front() >= '1' && name.front() <= '9') pids.push_back(Number<pid_t>(name));
  }
  ::closedir(folder);
  return pids;
}

std::optional<uid_t> UserOf(pid_t pid) {
  const std::string page = ReadPage("/proc/" + std::to_string(pid) + "/status");
  const std::string_view line = LineOf(page, "\nUid:");
  if (line.empty()) return std::nullopt;
  return Number<uid_t>(line);
}

const std::string& BootId() {
  static const std::string id = [] {
    std::string page = ReadPage("/proc/sys/kernel/random/boot_id");
    while (!page.empty() && page.back() == '\n') page.pop_back();
    return page;
  }();
  return id;
}

std::optional<FileId> IdOf(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  return FileId{.device = status.st_dev, .inode = status.st_ino};
}

std::uint64_t MemoryOf(pid_t pid) {
  const std::string page = ReadPage("/proc/" + std::to_string(pid) + "/status");
  std::uint64_t kilobytes = 0;
  for (const std::string_view key : {"\nRssAnon:", "\nRssShmem:", "\nVmSwap:"})
    kilobytes += Number<std::uint64_t>(LineOf(page, key));
  return kilobytes << 10;
}

}  // namespace outrigger::orchestrator
