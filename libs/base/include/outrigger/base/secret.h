// SPDX-License-Identifier: Apache-2.0
// Secret: text that cannot be printed by accident, so that passwords stay out of logs and answers.
//
// Threads:  a plain value.
#pragma once

#include <string>
#include <utility>

namespace outrigger {

// Has no operator<< and no conversion: whoever needs the text says so with Reveal().
class Secret {
 public:
  explicit Secret(std::string text) : text_(std::move(text)) {}
  const std::string& Reveal() const { return text_; }
  friend bool operator==(const Secret&, const Secret&) = default;

 private:
  std::string text_;
};

}  // namespace outrigger
