// SPDX-License-Identifier: Apache-2.0
#include "control_groups.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string_view>

#include "outrigger/base/text.h"

namespace outrigger::orchestrator {
namespace {

constexpr std::int64_t kPeriodMicros = 100'000;
constexpr std::int64_t kMinQuotaMicros = 1'000;  // the kernel's own

bool Write(const std::string& path, const std::string& text) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return file.ok() && ::write(file.get(), text.data(), text.size()) == std::ssize(text);
}

std::string Read(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

bool MakeFolder(const std::string& path) {
  return ::mkdir(path.c_str(), 0755) == 0 || errno == EEXIST;
}

// A folder of ours below `mount`, proven by making and removing a group in it.
std::string OwnFolder(const std::string& mount, const std::string& needs) {
  const std::string own = mount + "/outrigger";
  if (!MakeFolder(own)) return {};
  const std::string probe = own + "/probe-" + std::to_string(::getpid());
  if (!MakeFolder(probe)) return {};
  const bool there = ::access((probe + "/" + needs).c_str(), W_OK) == 0;
  ::rmdir(probe.c_str());
  return there ? own : std::string();
}

// Mount points of cgroup file systems: {type, mount, options}.
struct Mount {
  std::string type;
  std::string path;
  std::string options;
};
std::vector<Mount> Mounts() {
  std::vector<Mount> found;
  std::ifstream mounts("/proc/self/mounts");
  std::string line;
  while (std::getline(mounts, line)) {
    const auto fields = Split(line, ' ');
    if (fields.size() >= 4 && fields[2].starts_with("cgroup"))
      found.push_back({std::string(fields[2]), std::string(fields[1]), std::string(fields[3])});
  }
  return found;
}

bool HasOption(const Mount& mount, std::string_view option) {
  return std::ranges::contains(Split(mount.options, ','), option);
}

std::int64_t CountAfter(const std::string& text, std::string_view key) {
  const auto at = text.find(key);
  if (at == std::string::npos) return 0;
  std::int64_t count = 0;
  const char* begin = text.data() + at + key.size();
  std::from_chars(begin, text.data() + text.size(), count);
  return count;
}

Error Refused(const std::string& path) {
  return Error(ErrorCode::kUnavailable,
               "cannot set the limit " + path + ": " + std::strerror(errno));
}

}  // namespace

ControlGroups::ControlGroups(bool usable) {
  if (!usable) return;
  for (const Mount& mount : Mounts()) {
    if (mount.type == "cgroup2") {
      const std::string available = Read(mount.path + "/cgroup.controllers");
      if (available.find("memory") == std::string::npos) continue;  // hybrid: version 1 has it
      // One by one: a kernel without one of them still gives the others.
      for (const char* controller : {"+memory", "+cpu", "+pids"}) {
        Write(mount.path + "/cgroup.subtree_control", controller);
        MakeFolder(mount.path + "/outrigger");
        Write(mount.path + "/outrigger/cgroup.subtree_control", controller);
      }
      memory_ = OwnFolder(mount.path, "memory.max");
      cpu_ = OwnFolder(mount.path, "cpu.max");
      pids_ = OwnFolder(mount.path, "pids.max");
      version2_ = !memory_.empty() || !cpu_.empty() || !pids_.empty();
      if (version2_) return;
    } else if (HasOption(mount, "memory")) {
      memory_ = OwnFolder(mount.path, "memory.limit_in_bytes");
    } else if (HasOption(mount, "cpu")) {
      cpu_ = OwnFolder(mount.path, "cpu.cfs_quota_us");
    } else if (HasOption(mount, "pids")) {
      pids_ = OwnFolder(mount.path, "pids.max");
    }
  }
}

std::vector<std::string> ControlGroups::Folders(const std::string& name) const {
  std::vector<std::string> folders;
  for (const std::string& parent : {memory_, cpu_, pids_})
    if (!parent.empty() && !std::ranges::contains(folders, parent + "/" + name))
      folders.push_back(parent + "/" + name);
  return folders;
}

Result<std::vector<Descriptor>> ControlGroups::Prepare(const std::string& name,
                                                       const GroupLimits& limits) const {
  for (const std::string& folder : Folders(name)) {
    MakeFolder(folder.substr(0, folder.rfind('/')));  // another engine may have removed it
    if (!MakeFolder(folder)) return Refused(folder);
  }
  const std::string quota =
      std::to_string(std::max(kMinQuotaMicros, limits.cpu_millis * kPeriodMicros / 1000));
  const std::string memory = std::to_string(limits.memory_bytes);
  if (!memory_.empty()) {
    const std::string at = memory_ + "/" + name;
    if (!Write(at + (version2_ ? "/memory.max" : "/memory.limit_in_bytes"), memory))
      return Refused(at);
    // Without swap accounting these are missing, and there is nothing to limit.
    Write(at + (version2_ ? "/memory.swap.max" : "/memory.memsw.limit_in_bytes"),
          version2_ ? "0" : memory);
    if (version2_) Write(at + "/memory.oom.group", "1");
  }
  if (!cpu_.empty()) {
    const std::string at = cpu_ + "/" + name;
    if (!(version2_ ? Write(at + "/cpu.max", quota + " " + std::to_string(kPeriodMicros))
                    : Write(at + "/cpu.cfs_quota_us", quota)))
      return Refused(at);
  }
  if (!pids_.empty() && !Write(pids_ + "/" + name + "/pids.max", std::to_string(limits.processes)))
    return Refused(pids_ + "/" + name);
  std::vector<Descriptor> entries;
  for (const std::string& folder : Folders(name)) {
    Descriptor entry(::open((folder + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
    if (!entry.ok()) return Refused(folder);
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::int64_t ControlGroups::MemoryKills(const std::string& name) const {
  if (memory_.empty()) return 0;
  return CountAfter(
      Read(memory_ + "/" + name + (version2_ ? "/memory.events" : "/memory.oom_control")),
      "oom_kill ");
}

std::vector<pid_t> ControlGroups::Members(const std::string& name) const {
  std::vector<pid_t> members;
  for (const std::string& folder : Folders(name)) {
    std::ifstream file(folder + "/cgroup.procs");
    pid_t pid = 0;
    while (file >> pid) members.push_back(pid);
  }
  return members;
}

void ControlGroups::Remove(const std::string& name) const {
  for (const std::string& folder : Folders(name)) {
    ::rmdir(folder.c_str());
    ::rmdir(folder.substr(0, folder.rfind('/')).c_str());  // fails while others are in it
  }
}

}  // namespace outrigger::orchestrator
