// SPDX-License-Identifier: Apache-2.0
// Users: a user id for each deployment, so that models can touch neither us nor each other, and so
// that whatever a model has started can be found by its user.
//
// Durable:  an id is a file MODELS/.uids/ID that holds the deployment's path; it stays until
//           Release().
// Threads:  every method may be called concurrently, from several programs too.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "outrigger/base/result.h"

namespace outrigger::orchestrator {

class Users {
 public:
  // `first` and `count` are cut to what this user namespace maps; nothing left: no own users.
  Users(std::string models_dir, std::uint32_t first, std::uint32_t count);

  // Whether models get users of their own.
  bool available() const { return count_ > 0; }

  // The deployment's id, taken when it has none. No two deployments have one, nor does anything
  // that runs. Idempotent. Errors: kUnavailable - the folder cannot be written;
  // kResourceExhausted - all taken.
  Result<uid_t> Take(const std::string& deployment);
  // Whether the id is this deployment's.
  bool Owns(const std::string& deployment, uid_t id) const;
  // Idempotent.
  void Release(const std::string& deployment, uid_t id);
  // Frees ids of deployments whose directory is gone (a crash between the two).
  void Sweep();

 private:
  std::string folder() const { return models_dir_ + "/.uids"; }
  std::string models_dir_;
  std::uint32_t first_;
  std::uint32_t count_;
};

}  // namespace outrigger::orchestrator
