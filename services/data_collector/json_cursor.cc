// SPDX-License-Identifier: Apache-2.0
#include "data_collector/json_cursor.h"

#include <charconv>

#include "outrigger/base/text.h"

namespace outrigger::data_collector {
namespace {

constexpr int kMaxDepth = 32;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

void AppendUtf8(std::string& out, char32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | (code >> 6));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | (code >> 12));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | (code >> 18));
    out += static_cast<char>(0x80 | ((code >> 12) & 0x3F));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

}  // namespace

bool JsonCursor::Fail(std::string_view detail) {
  if (!fault_.empty()) return false;
  std::size_t line = 1, start = 0;
  for (std::size_t i = 0; i < at_ && i < text_.size(); ++i) {
    if (text_[i] == '\n') ++line, start = i + 1;
  }
  fault_ = std::string(detail) + " (line " + std::to_string(line) + ", column " +
           std::to_string(at_ - start + 1) + ")";
  return false;
}

char JsonCursor::Peek() {
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c != ' ' && c != '\t' && c != '\n' && c != '\r') return c;
    ++at_;
  }
  return '\0';
}

bool JsonCursor::Take(char expected, std::string_view otherwise) {
  if (Peek() != expected) return Fail(AtEnd() ? "the text ends early" : otherwise);
  ++at_;
  return true;
}

bool JsonCursor::TakeCommaOr(char close, bool& more) {
  const char c = Peek();
  if (c != ',' && c != close) return Fail(AtEnd() ? "the text ends early" : "',' is expected");
  ++at_;
  more = c == ',';
  return true;
}

bool JsonCursor::ReadString(std::string& out, bool& sound) {
  if (!Take('"', "a string in double quotes is expected")) return false;
  out.clear();
  while (true) {
    const std::size_t run = at_;
    while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' &&
           static_cast<unsigned char>(text_[at_]) >= 0x20)
      ++at_;
    out.append(text_.substr(run, at_ - run));
    if (at_ == text_.size()) return Fail("a string without end");
    if (text_[at_] == '"') return ++at_, true;
    if (text_[at_] != '\\') return Fail("a control character in a string must be escaped");
    if (!ReadEscape(out, sound)) return false;
  }
}

bool JsonCursor::ReadHex4(std::size_t from, char32_t& out) {
  if (from + 4 > text_.size()) return Fail("an escape without its four digits");
  unsigned value = 0;
  const char* begin = text_.data() + from;
  const auto [end, error] = std::from_chars(begin, begin + 4, value, 16);
  if (error != std::errc() || end != begin + 4) return Fail("an escape without its four digits");
  out = value;
  return true;
}

bool JsonCursor::ReadEscape(std::string& out, bool& sound) {
  const char c = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
  constexpr std::string_view kFrom = "\"\\/bfnrt", kTo = "\"\\/\b\f\n\r\t";
  if (const auto i = kFrom.find(c); i != std::string_view::npos && c != '\0') {
    out += kTo[i];
    at_ += 2;
    return true;
  }
  if (c != 'u') return Fail("an unknown escape");
  char32_t code = 0;
  if (!ReadHex4(at_ + 2, code)) return false;
  at_ += 6;
  if (code >= 0xD800 && code <= 0xDFFF) {
    char32_t low = 0;
    if (code >= 0xDC00 || !text_.substr(at_).starts_with("\\u")) return sound = false, true;
    if (!ReadHex4(at_ + 2, low)) return false;
    if (low < 0xDC00 || low > 0xDFFF) return sound = false, true;
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    at_ += 6;
  }
  if (code == 0) return sound = false, true;
  AppendUtf8(out, code);
  return true;
}

bool JsonCursor::ReadWord(std::string_view word) {
  if (!text_.substr(at_).starts_with(word)) return Fail("not a JSON value");
  at_ += word.size();
  return true;
}

bool JsonCursor::SkipDigits() {
  const std::size_t first = at_;
  while (at_ < text_.size() && IsDigit(text_[at_])) ++at_;
  return at_ > first || Fail(at_ < text_.size() ? "not a JSON value" : "the text ends early");
}

bool JsonCursor::ReadNumber(RawValue& out) {
  const std::size_t start = at_;
  const auto next = [&](char c) { return at_ < text_.size() && text_[at_] == c; };
  bool whole = true;
  if (next('-')) ++at_;
  if (next('I')) return out.kind = RawValue::Kind::kNotFinite, ReadWord("Infinity");
  const std::size_t first = at_;
  if (!SkipDigits()) return false;
  if (at_ - first > 1 && text_[first] == '0') return Fail("a number with a leading zero");
  if (next('.')) {
    ++at_, whole = false;
    if (!SkipDigits()) return false;
  }
  if (next('e') || next('E')) {
    ++at_, whole = false;
    if (next('+') || next('-')) ++at_;
    if (!SkipDigits()) return false;
  }
  const char* begin = text_.data() + start;
  const char* end = text_.data() + at_;
  out.kind = RawValue::Kind::kNumber;
  std::int64_t integer = 0;
  if (whole && std::from_chars(begin, end, integer).ec == std::errc()) out.integer = integer;
  if (std::from_chars(begin, end, out.number).ec == std::errc::result_out_of_range) {
    out.number = 0;
    const std::string_view token(begin, static_cast<std::size_t>(end - begin));
    if (IsHugeNumber(token)) out.kind = RawValue::Kind::kNotFinite;  // else as good as zero
  }
  return true;
}

bool JsonCursor::ReadValue(RawValue& out, int depth) {
  using Kind = RawValue::Kind;
  switch (Peek()) {
    case '"': {
      bool sound = true;
      if (!ReadString(out.text, sound)) return false;
      out.kind = sound ? Kind::kText : Kind::kBadText;
      return true;
    }
    case '{':
    case '[':
      out.kind = Kind::kOther;
      return SkipNested(depth + 1);
    case 't':
      out.kind = Kind::kBoolean;
      out.flag = true;
      return ReadWord("true");
    case 'f':
      out.kind = Kind::kBoolean;
      out.flag = false;
      return ReadWord("false");
    case 'n':
      out.kind = Kind::kNull;
      return ReadWord("null");
    case 'N':
      out.kind = Kind::kNotFinite;
      return ReadWord("NaN");
    case 'I':
      out.kind = Kind::kNotFinite;
      return ReadWord("Infinity");
    case '\0':
      return Fail("the text ends early");
    default:
      return ReadNumber(out);
  }
}

bool JsonCursor::SkipNested(int depth) {
  if (depth > kMaxDepth) return Fail("nested deeper than " + std::to_string(kMaxDepth));
  const bool object = text_[at_++] == '{';
  const char close = object ? '}' : ']';
  if (Peek() == close) return ++at_, true;
  RawValue ignored;
  bool sound = true, more = true;
  while (more) {
    if (object) {
      if (!ReadString(ignored.text, sound)) return false;
      if (!Take(':', "':' is expected")) return false;
    }
    if (!ReadValue(ignored, depth) || !TakeCommaOr(close, more)) return false;
  }
  return true;
}

}  // namespace outrigger::data_collector
