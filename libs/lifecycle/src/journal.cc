// SPDX-License-Identifier: Apache-2.0
#include "outrigger/lifecycle/journal.h"

#include <array>

namespace outrigger::lifecycle {
namespace {

constexpr std::array<std::string_view, 6> kSteps = {"PENDING", "RUNNING", "DONE",
                                                    "FAILED",  "UNDOING", "UNDONE"};
constexpr std::array<std::string_view, 4> kOperations = {"RUNNING", "DONE", "UNDONE", "FAILED"};

template <typename Enum, std::size_t n>
std::optional<Enum> From(const std::array<std::string_view, n>& names, std::string_view name) {
  for (std::size_t i = 0; i < n; ++i)
    if (names[i] == name) return static_cast<Enum>(i);
  return std::nullopt;
}

}  // namespace

std::string_view Name(StepStatus status) { return kSteps[static_cast<std::size_t>(status)]; }
std::string_view Name(OperationStatus status) {
  return kOperations[static_cast<std::size_t>(status)];
}
std::optional<StepStatus> StepStatusFrom(std::string_view name) {
  return From<StepStatus>(kSteps, name);
}
std::optional<OperationStatus> OperationStatusFrom(std::string_view name) {
  return From<OperationStatus>(kOperations, name);
}

}  // namespace outrigger::lifecycle
