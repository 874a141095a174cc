// SPDX-License-Identifier: Apache-2.0
#include "outrigger/base/result.h"

#include <cstdio>
#include <cstdlib>

namespace outrigger {
namespace {

struct CodeRow {
  std::string_view name;
  RetryClass retry;
};

// In the order of ErrorCode.
constexpr CodeRow kCodes[] = {
    {"invalid_argument",   RetryClass::kNever        },
    {"not_found",          RetryClass::kNever        },
    {"conflict",           RetryClass::kNever        },
    {"unavailable",        RetryClass::kLater        },
    {"timeout",            RetryClass::kReadBackFirst},
    {"resource_exhausted", RetryClass::kLater        },
    {"corrupt",            RetryClass::kNever        },
    {"unauthenticated",    RetryClass::kNever        },
    {"cancelled",          RetryClass::kNever        },
    {"internal",           RetryClass::kNever        },
};

}  // namespace

std::string_view Name(ErrorCode code) { return kCodes[static_cast<std::size_t>(code)].name; }
RetryClass RetryClassOf(ErrorCode code) { return kCodes[static_cast<std::size_t>(code)].retry; }

Error Error::Within(std::string_view context) const {
  return {code_, std::string(context) + ": " + message_, hint_};
}

std::string Error::ToString() const {
  std::string text(Name(code_));
  text += ": " + message_;
  if (!hint_.empty()) text += " (" + hint_ + ")";
  return text;
}

void CheckFailed(const char* condition, std::string_view why, std::source_location where) {
  std::fprintf(stderr, "check failed: %s: %.*s at %s:%u\n", condition, static_cast<int>(why.size()),
               why.data(), where.file_name(), where.line());
  std::abort();
}

}  // namespace outrigger
