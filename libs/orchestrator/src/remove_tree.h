// SPDX-License-Identifier: Apache-2.0
// Removing what a stranger left: any depth, no link followed, no descriptor a level.
#pragma once

#include <string>

#include "outrigger/base/result.h"

namespace outrigger::orchestrator {

// Removes `path` and all below it. Idempotent. Errors: kUnavailable.
Result<> RemoveTree(const std::string& path);

}  // namespace outrigger::orchestrator
