// SPDX-License-Identifier: Apache-2.0
// Log file: a model's output within a bound, so that no model fills the disk. The model writes to
// the file itself; what is too long is copied to FILE.1 and cut off, and a line written in that
// moment may be lost.
//
// Threads: every function may be called concurrently, by several programs too.
#pragma once

#include <cstddef>
#include <string>

#include "outrigger/base/result.h"

namespace outrigger::orchestrator {

// Cuts `path` when it is longer than `bytes`; its last `bytes` are then in FILE.1. Who cuts locks
// FILE.lock; a file that another cuts is left to it.
void CutLog(const std::string& path, std::size_t bytes);

// The last `tail` lines of FILE.1 and the file, at most `bytes` of them.
std::string TailOfLog(const std::string& path, int tail, std::size_t bytes);

}  // namespace outrigger::orchestrator
