// SPDX-License-Identifier: Apache-2.0
// JsonCursor: reads JSON values one after the other without building a document, so that a sample
// costs no allocation that it does not keep.
//
// Every Read returns false at the first byte that breaks the grammar; fault() then says what and
// where. NaN, Infinity and -Infinity, which some encoders write, are read as not finite. Threads:
// one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "data_collector/raw_record.h"

namespace outrigger::data_collector {

class JsonCursor {
 public:
  // Requires: `text` is valid UTF-8 without NUL and outlives the cursor.
  explicit JsonCursor(std::string_view text) : text_(text) {}

  // The first byte of the next token, NUL at the end. Skips blanks.
  char Peek();
  bool AtEnd() { return Peek() == '\0'; }
  // Skips `expected`, which must come next.
  bool Take(char expected, std::string_view otherwise);
  // After a member or element: a ',' (`more` is true) or `close`.
  bool TakeCommaOr(char close, bool& more);
  // A string; `sound` is false when it holds NUL or a lone surrogate.
  bool ReadString(std::string& out, bool& sound);
  // Any value. Of arrays and objects only the kind is kept; `depth` levels are already open.
  bool ReadValue(RawValue& out, int depth);

  const std::string& fault() const { return fault_; }
  bool Fail(std::string_view detail);

 private:
  bool ReadWord(std::string_view word);
  bool ReadNumber(RawValue& out);
  bool SkipDigits();
  bool ReadEscape(std::string& out, bool& sound);
  bool ReadHex4(std::size_t from, char32_t& out);
  bool SkipNested(int depth);

  std::string_view text_;
  std::size_t at_ = 0;
  std::string fault_;
};

}  // namespace outrigger::data_collector
