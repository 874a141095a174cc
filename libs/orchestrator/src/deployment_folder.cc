// SPDX-License-Identifier: Apache-2.0
#include "deployment_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "outrigger/base/clock.h"
#include "outrigger/base/json.h"
#include "outrigger/base/text.h"
#include "remove_tree.h"

namespace outrigger::orchestrator {
namespace {

namespace fs = std::filesystem;

constexpr Millis kTurnPoll{10};
constexpr int kMakeTries = 10;

Error FolderError(const std::string& path, const char* what) {
  return Error(ErrorCode::kUnavailable,
               std::string(what) + " " + path + ": " + std::strerror(errno));
}

// mkdir -p for folders that everybody may pass but only we may list and write.
bool MakeFolders(const std::string& path) {
  if (::mkdir(path.c_str(), 0711) == 0) return ::chmod(path.c_str(), 0711) == 0;
  if (errno == EEXIST) return true;
  if (errno != ENOENT) return false;
  return MakeFolders(path.substr(0, path.rfind('/'))) &&
         (::mkdir(path.c_str(), 0711) == 0 ? ::chmod(path.c_str(), 0711) == 0 : errno == EEXIST);
}

template <typename T>
T Member(const nlohmann::json& document, const char* key) {
  const auto found = document.find(key);
  if (found == document.end()) return {};
  if constexpr (std::is_same_v<T, std::string>)
    return found->is_string() ? found->template get<T>() : T{};
  else
    return found->is_number_integer() ? found->template get<T>() : T{};
}

}  // namespace

Result<DeploymentFolder> DeploymentFolder::Of(const std::string& models_dir,
                                              const lifecycle::Workload& workload) {
  std::string name;
  for (const std::string* part :
       {&workload.tenant.str(), &workload.model.str(), &workload.deployment.str()}) {
    if (!IsLabel(*part))
      return Error(ErrorCode::kInvalidArgument, "\"" + *part + "\" is no RFC 1123 label");
    name += (name.empty() ? "" : "/") + *part;
  }
  return DeploymentFolder(models_dir + "/" + name, name);
}

Result<> MakePassableFolder(const std::string& path) {
  if (!MakeFolders(path)) return FolderError(path, "cannot make");
  return {};
}

bool DeploymentFolder::Exists() const { return ::access(path_.c_str(), F_OK) == 0; }

Result<> DeploymentFolder::Make(std::optional<uid_t> owner) const {
  // Tried again: somebody may remove an empty parent between our steps.
  for (int tries = 1; !MakeFolders(path_); ++tries)
    if (errno != ENOENT || tries == kMakeTries) return FolderError(path_, "cannot make");
  const mode_t wanted = 0700;
  if (::mkdir(work().c_str(), wanted) != 0 && errno != EEXIST)
    return FolderError(work(), "cannot make");
  if (owner && ::lchown(work().c_str(), *owner, *owner) != 0)
    return FolderError(work(), "cannot give away");
  return {};
}

Result<> DeploymentFolder::Remove(const std::string& models_dir) const {
  OR_RETURN_IF_ERROR(RemoveTree(work()));
  for (const char* file : {"log", "log.1", "log.lock", "lock", "user", "record", "turn"})
    ::unlink((path_ + "/" + file).c_str());
  OR_RETURN_IF_ERROR(RemoveTree(path_));
  for (fs::path parent = fs::path(path_).parent_path(); parent != models_dir;
       parent = parent.parent_path())
    if (::rmdir(parent.c_str()) != 0) break;  // other deployments are in it
  return {};
}

Result<std::optional<Record>> DeploymentFolder::ReadRecord() const {
  const auto text = ReadFile(path_ + "/record");
  if (!text && text.error().code() == ErrorCode::kNotFound) return std::optional<Record>();
  if (!text) return text.error();
  const auto document = ParseJsonOr(*text);
  if (!document || !document->is_object())
    return Error(ErrorCode::kCorrupt, path_ + "/record is no JSON object",
                 "withdraw the model; its processes are found by their user and lock");
  Record record;
  record.instance = Member<std::int64_t>(*document, "instance");
  record.boot = Member<std::string>(*document, "boot");
  record.pid = Member<pid_t>(*document, "pid");
  record.start = Member<std::uint64_t>(*document, "start");
  record.port = Member<int>(*document, "port");
  record.executable = Member<std::string>(*document, "executable");
  record.digest = Member<std::string>(*document, "digest");
  record.memory_bytes = Member<std::int64_t>(*document, "memoryBytes");
  record.memory_kills = Member<std::int64_t>(*document, "memoryKills");
  record.confirmed = document->value("confirmed", nlohmann::json()) == true;
  record.ended = Member<std::string>(*document, "ended");
  return std::optional(std::move(record));
}

Result<> DeploymentFolder::WriteRecord(const Record& record) const {
  const nlohmann::json document = {
      {"instance",    record.instance    },
      {"boot",        record.boot        },
      {"pid",         record.pid         },
      {"start",       record.start       },
      {"port",        record.port        },
      {"executable",  record.executable  },
      {"digest",      record.digest      },
      {"memoryBytes", record.memory_bytes},
      {"memoryKills", record.memory_kills},
      {"confirmed",   record.confirmed   },
      {"ended",       record.ended       },
  };
  return WriteFile(path_ + "/record", Dump(document), 0600);
}

std::optional<uid_t> DeploymentFolder::ReadUser() const {
  const auto text = ReadFile(path_ + "/user");
  uid_t user = 0;
  if (!text || std::from_chars(text->data(), text->data() + text->size(), user).ec != std::errc() ||
      user == 0)
    return std::nullopt;
  return user;
}

Result<> DeploymentFolder::WriteUser(uid_t user) const {
  return WriteFile(path_ + "/user", std::to_string(user), 0600);
}

Result<Descriptor> DeploymentFolder::TakeTurn(std::chrono::milliseconds limit) const {
  const SteadyTime deadline = SystemClock().Now() + limit;
  const std::string path = path_ + "/turn";
  while (true) {
    Descriptor turn(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!turn.ok() && errno == ENOENT)
      return Error(ErrorCode::kNotFound, "deployment " + name_ + " has no namespace",
                   "CreateNamespace comes before Start");
    if (!turn.ok()) return FolderError(path, "cannot open");
    struct stat ours{};
    struct stat theirs{};
    if (::flock(turn.get(), LOCK_EX | LOCK_NB) == 0) {
      // Removed while we waited: our lock is on a file that nobody will see again.
      if (::fstat(turn.get(), &ours) == 0 && ::stat(path.c_str(), &theirs) == 0 &&
          ours.st_ino == theirs.st_ino)
        return turn;
      continue;
    }
    if (errno != EWOULDBLOCK && errno != EINTR) return FolderError(path, "cannot lock");
    if (SystemClock().Now() >= deadline)
      return Error(ErrorCode::kConflict, "another engine is at work on " + name_, "try again");
    SleepFor(kTurnPoll);
  }
}

Result<Descriptor> DeploymentFolder::OpenLog(std::optional<uid_t> owner) const {
  Descriptor file(
      ::open(log().c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.ok() || (owner && ::fchown(file.get(), *owner, *owner) != 0))
    return FolderError(log(), "cannot open");
  return file;
}

Result<Descriptor> DeploymentFolder::TakeLock() const {
  Descriptor file(::open(lock().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file.ok()) return FolderError(lock(), "cannot open");
  if (::flock(file.get(), LOCK_EX | LOCK_NB) == 0) return file;
  if (errno != EWOULDBLOCK) return FolderError(lock(), "cannot lock");
  return Error(ErrorCode::kConflict, "a process of " + name_ + " still lives");
}

std::vector<lifecycle::Workload> FindDeployments(const std::string& models_dir) {
  std::vector<lifecycle::Workload> found;
  std::error_code failed;
  for (const auto& tenant : fs::directory_iterator(models_dir, failed)) {
    if (!IsLabel(tenant.path().filename().string())) continue;
    for (const auto& model : fs::directory_iterator(tenant, failed)) {
      for (const auto& deployment : fs::directory_iterator(model, failed)) {
        lifecycle::Workload workload{
            .tenant = TenantId(tenant.path().filename().string()),
            .model = ModelName(model.path().filename().string()),
            .deployment = DeploymentId(deployment.path().filename().string())};
        if (IsLabel(workload.model.str()) && IsLabel(workload.deployment.str()))
          found.push_back(std::move(workload));
      }
    }
  }
  return found;
}

}  // namespace outrigger::orchestrator
