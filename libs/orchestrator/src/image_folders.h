// SPDX-License-Identifier: Apache-2.0
// Image folders: finds the executable that image:tag stands for, so that a reference can never
// name a file outside them.
//
// Threads: pure functions on the file system.
#pragma once

#include <string>
#include <vector>

#include "outrigger/base/result.h"
#include "outrigger/lifecycle/engine.h"

namespace outrigger::orchestrator {

struct FoundImage {
  std::string executable;  // IMAGES/image/tag/run, as configured: never resolved further
  std::string digest;      // "sha256:…" of its content
};

// The first folder that has image/tag/run; with a digest, the first whose content has it.
// Errors: kNotFound - none has it (the hint says where it was looked for), or none with that
// digest; kInvalidArgument - not a reference, or `run` is no executable regular file.
Result<FoundImage> FindImage(const std::vector<std::string>& folders,
                             const lifecycle::ImageReference& reference);

}  // namespace outrigger::orchestrator
