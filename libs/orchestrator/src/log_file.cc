// SPDX-License-Identifier: Apache-2.0
#include "log_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "descriptor.h"
#include "outrigger/base/log.h"
#include "outrigger/base/text.h"

namespace outrigger::orchestrator {
namespace {

// The last `bytes` of a file.
std::string LastBytes(int file, std::size_t bytes) {
  struct stat status{};
  if (::fstat(file, &status) != 0) return {};
  const auto size = static_cast<std::size_t>(status.st_size);
  std::string text(std::min(size, bytes), '\0');
  const ssize_t got =
      ::pread(file, text.data(), text.size(), static_cast<off_t>(size - text.size()));
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return text;
}

std::string LastBytesOf(const std::string& path, std::size_t bytes) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  return file.ok() ? LastBytes(file.get(), bytes) : std::string();
}

}  // namespace

void CutLog(const std::string& path, std::size_t bytes) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0 || static_cast<std::size_t>(status.st_size) <= bytes)
    return;
  // Two engines cut one log in turn: the second finds it short. The lock is on a file of ours: the
  // model holds its log open and could lock it for ever.
  const Descriptor turn(
      ::open((path + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!turn.ok() || ::flock(turn.get(), LOCK_EX | LOCK_NB) != 0) return;
  const Descriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (!file.ok() || ::fstat(file.get(), &status) != 0 ||
      static_cast<std::size_t>(status.st_size) <= bytes)
    return;
  const auto kept = WriteFile(path + ".1", LastBytes(file.get(), bytes), 0600);
  if (!kept) LogWarning("a model's log could not be kept", {kept.error()});
  // Cut all the same: a full disk is when it matters most.
  if (::ftruncate(file.get(), 0) != 0)
    LogWarning("a model's log could not be cut", {
                                                     {"path", path}
    });
}

std::string TailOfLog(const std::string& path, int tail, std::size_t bytes) {
  if (tail <= 0) return {};
  std::string text = LastBytesOf(path, bytes);
  if (text.size() < bytes) text.insert(0, LastBytesOf(path + ".1", bytes - text.size()));
  std::size_t begin = text.size();
  if (begin > 0 && text.back() == '\n') --begin;
  for (; tail > 0; --tail) {
    const auto line = begin == 0 ? std::string::npos : text.rfind('\n', begin - 1);
    if (line == std::string::npos) return text;
    begin = line;
  }
  return text.substr(begin + 1);
}

}  // namespace outrigger::orchestrator
