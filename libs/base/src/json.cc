// SPDX-License-Identifier: Apache-2.0
#include "outrigger/base/json.h"

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

#include "outrigger/base/text.h"

namespace outrigger {
namespace {

using Json = nlohmann::json;

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

// A recursive-descent parser; the depth limit bounds the recursion. Faults leave by exception
// inside this file only.
class Parser {
  static constexpr std::size_t kPointerBytes = 16 << 20;
  static constexpr std::size_t kShownKey = 128;

 public:
  Parser(std::string_view text, const JsonLimits& limits, JsonPositions* positions)
      : text_(text), limits_(limits), positions_(positions) {}

  Json Parse() {
    if (text_.starts_with("\xEF\xBB\xBF")) Fail("syntax", "a byte order mark is not JSON");
    SkipBlanks();
    if (at_ == text_.size()) Fail("syntax", "the document is empty");
    Json value = Value(0);
    SkipBlanks();
    if (at_ < text_.size()) Fail("syntax", "text after the end of the document");
    return value;
  }

  [[noreturn]] void Fail(std::string_view code, std::string_view detail) {
    FailAt("", code, detail, at_);
  }

  [[noreturn]] void FailAt(std::string_view pointer, std::string_view code, std::string_view detail,
                           std::size_t offset) {
    const TextPosition at = PositionOf(offset);
    throw JsonFault{std::string(pointer), std::string(code),
                    std::string(detail) + " (line " + std::to_string(at.line) + ", column " +
                        std::to_string(at.column) + ")",
                    at};
  }

 private:
  // A step from the document to the value that is being read; keys live in the frames of Object().
  struct Step {
    const std::string* key = nullptr;  // null: an element
    std::size_t index = 0;
  };

  std::string Pointer() const {
    std::string pointer;
    for (const Step& step : path_)
      pointer = step.key ? PointerTo(pointer, *step.key) : PointerTo(pointer, step.index);
    return pointer;
  }

  // A long key over many elements would make the pointers many times larger than the document, so
  // their sum is bounded; what is past it has no position.
  void RecordPosition() {
    std::size_t size = 0;
    for (const Step& step : path_) size += step.key ? step.key->size() + 1 : 8;
    if (recorded_ + size > kPointerBytes) return;
    recorded_ += size;
    positions_->emplace(Pointer(), PositionOf(at_));
  }

  // Offsets only grow between calls for positions, so the line count goes on from the last one.
  TextPosition PositionOf(std::size_t offset) {
    if (offset < counted_) counted_ = 0, line_ = 1, line_start_ = 0;
    for (; counted_ < offset; ++counted_) {
      if (text_[counted_] == '\n') ++line_, line_start_ = counted_ + 1;
    }
    return {line_, offset - line_start_ + 1};
  }

  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  void SkipBlanks() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
        ++at_;
      } else if (c == '/' && limits_.comments) {
        SkipComment();
      } else {
        return;
      }
    }
  }

  void SkipComment() {
    const char next = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
    if (next == '/') {
      const std::size_t end = text_.find('\n', at_);
      at_ = end == std::string_view::npos ? text_.size() : end + 1;
    } else if (next == '*') {
      const std::size_t end = text_.find("*/", at_ + 2);
      if (end == std::string_view::npos) Fail("syntax", "a comment without end");
      at_ = end + 2;
    } else {
      Fail("syntax", "'/' begins no value");
    }
  }

  Json Value(int depth) {
    if (positions_) RecordPosition();
    switch (Peek()) {
      case '{':
        return Object(depth + 1);
      case '[':
        return Array(depth + 1);
      case '"':
        return String();
      case 't':
        return Word("true", true);
      case 'f':
        return Word("false", false);
      case 'n':
        return Word("null", nullptr);
      default:
        return Number();
    }
  }

  Json Word(std::string_view word, Json value) {
    if (!text_.substr(at_).starts_with(word)) Fail("syntax", "not a JSON value");
    at_ += word.size();
    return value;
  }

  void CheckDepth(int depth) {
    if (depth > limits_.depth)
      Fail("too-deep", "nested deeper than " + std::to_string(limits_.depth));
  }

  // What was read, behind the character that closes it.
  template <typename Value>
  Value Past(Value value) {
    ++at_;
    return value;
  }

  Json Object(int depth) {
    CheckDepth(depth);
    Json object = Json::object();
    ++at_;
    SkipBlanks();
    if (Peek() == '}') return Past(std::move(object));
    while (true) {
      if (Peek() != '"') Fail("syntax", "a member's name in double quotes is expected");
      const std::size_t key_at = at_;
      std::string key = String();
      path_.push_back({&key});
      if (object.contains(key))
        FailAt(Pointer(), "duplicate-key",
               "the member \"" + key.substr(0, kShownKey) + "\" is there twice", key_at);
      SkipBlanks();
      if (Peek() != ':') Fail("syntax", "':' is expected");
      ++at_;
      SkipBlanks();
      Json value = Value(depth);
      path_.pop_back();
      object.emplace(std::move(key), std::move(value));
      SkipBlanks();
      if (Peek() == '}') return Past(std::move(object));
      if (Peek() != ',')
        Fail("syntax", at_ < text_.size() ? "',' or '}' is expected" : "the document ends early");
      ++at_;
      SkipBlanks();
    }
  }

  Json Array(int depth) {
    CheckDepth(depth);
    Json array = Json::array();
    ++at_;
    SkipBlanks();
    if (Peek() == ']') return Past(std::move(array));
    while (true) {
      path_.push_back({nullptr, array.size()});
      array.push_back(Value(depth));
      path_.pop_back();
      SkipBlanks();
      if (Peek() == ']') return Past(std::move(array));
      if (Peek() != ',')
        Fail("syntax", at_ < text_.size() ? "',' or ']' is expected" : "the document ends early");
      ++at_;
      SkipBlanks();
    }
  }

  std::string String() {
    std::string out;
    ++at_;
    while (true) {
      const std::size_t run = at_;
      while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' &&
             static_cast<unsigned char>(text_[at_]) >= 0x20)
        ++at_;
      out.append(text_.substr(run, at_ - run));
      if (at_ == text_.size()) Fail("syntax", "a string without end");
      const char c = text_[at_];
      if (c == '"') return Past(std::move(out));
      if (c != '\\') Fail("syntax", "a control character in a string must be escaped");
      Escape(out);
    }
  }

  void Escape(std::string& out) {
    const char c = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
    constexpr std::string_view kFrom = "\"\\/bfnrt", kTo = "\"\\/\b\f\n\r\t";
    if (const auto i = kFrom.find(c); i != std::string_view::npos && c != '\0') {
      out += kTo[i];
      at_ += 2;
      return;
    }
    if (c != 'u') Fail("syntax", "an unknown escape");
    char32_t code = Hex4(at_ + 2);
    std::size_t length = 6;
    if (code >= 0xD800 && code < 0xDC00) {
      if (!text_.substr(at_ + 6).starts_with("\\u"))
        FailAt(Pointer(), "encoding", "a lone surrogate", at_);
      const char32_t low = Hex4(at_ + 8);
      if (low < 0xDC00 || low > 0xDFFF) FailAt(Pointer(), "encoding", "a lone surrogate", at_);
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
      length = 12;
    } else if (code >= 0xDC00 && code <= 0xDFFF) {
      FailAt(Pointer(), "encoding", "a lone surrogate", at_);
    }
    if (code == 0) FailAt(Pointer(), "encoding", "NUL is not allowed", at_);
    AppendUtf8(out, code);
    at_ += length;
  }

  char32_t Hex4(std::size_t from) {
    unsigned value = 0;
    const char* begin = text_.data() + from;
    if (from + 4 > text_.size()) Fail("syntax", "an escape without its four digits");
    const auto [end, error] = std::from_chars(begin, begin + 4, value, 16);
    if (error != std::errc() || end != begin + 4)
      Fail("syntax", "an escape without its four digits");
    return value;
  }

  Json Number() {
    const std::size_t start = at_;
    const auto digits = [&] {
      const std::size_t first = at_;
      while (Peek() >= '0' && Peek() <= '9') ++at_;
      if (at_ == first)
        Fail("syntax", at_ < text_.size() ? "not a JSON value" : "the document ends early");
      return at_ - first;
    };
    if (Peek() == '-') ++at_;
    const std::size_t first_digit = at_;
    if (digits() > 1 && text_[first_digit] == '0') Fail("syntax", "a number with a leading zero");
    bool integer = true;
    if (Peek() == '.') ++at_, digits(), integer = false;
    if (Peek() == 'e' || Peek() == 'E') {
      ++at_;
      if (Peek() == '+' || Peek() == '-') ++at_;
      digits();
      integer = false;
    }
    const std::string_view token = text_.substr(start, at_ - start);
    if (integer) {
      std::int64_t value = 0;
      if (std::from_chars(token.data(), token.data() + token.size(), value).ec == std::errc()) {
        if (value == 0 && token[0] == '-') return -0.0;
        return value;
      }
    }
    double value = 0;
    const auto parsed = std::from_chars(token.data(), token.data() + token.size(), value);
    // Out of range is too large, or too small to tell from zero: the latter is read as zero (RFC
    // 8259, section 6).
    if (parsed.ec == std::errc::result_out_of_range && IsHugeNumber(token)) {
      FailAt(Pointer(), "number-range",
             "the number " + std::string(token.substr(0, 32)) + " is too large", start);
    }
    return value;
  }

  std::string_view text_;
  const JsonLimits& limits_;
  JsonPositions* positions_;
  std::vector<Step> path_;
  std::size_t recorded_ = 0;
  std::size_t at_ = 0;
  std::size_t counted_ = 0, line_ = 1, line_start_ = 0;
};

}  // namespace

std::expected<Json, JsonFault> ParseJson(std::string_view text, const JsonLimits& limits,
                                         JsonPositions* positions) {
  if (text.size() > limits.bytes) {
    return std::unexpected(JsonFault{"",
                                     "too-large",
                                     std::to_string(text.size()) + " bytes; at most " +
                                         std::to_string(limits.bytes) + " are allowed",
                                     {}});
  }
  Parser parser(text, limits, positions);
  try {
    if (const auto nul = text.find('\0'); nul != std::string_view::npos)
      parser.FailAt("", "encoding", "a NUL byte", nul);
    if (!IsValidUtf8(text))
      return std::unexpected(JsonFault{"", "encoding", "the document is not valid UTF-8", {}});
    return parser.Parse();
  } catch (JsonFault& fault) {
    return std::unexpected(std::move(fault));
  }
}

Result<Json> ParseJsonOr(std::string_view text, const JsonLimits& limits) {
  auto parsed = ParseJson(text, limits);
  if (!parsed)
    return Error(ErrorCode::kInvalidArgument, parsed.error().detail, parsed.error().pointer);
  return std::move(*parsed);
}

bool IsValidUtf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t k) { return static_cast<unsigned char>(text[i + k]); };
    const unsigned char lead = byte(0);
    if (lead < 0x80) {
      ++i;
      continue;
    }
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || i + length > text.size()) return false;
    for (std::size_t k = 1; k < length; ++k) {
      if ((byte(k) & 0xC0) != 0x80) return false;
    }
    if (lead == 0xE0 && byte(1) < 0xA0) return false;  // overlong
    if (lead == 0xED && byte(1) > 0x9F) return false;  // surrogates
    if (lead == 0xF0 && byte(1) < 0x90) return false;  // overlong
    if (lead == 0xF4 && byte(1) > 0x8F) return false;  // above U+10FFFF
    i += length;
  }
  return true;
}

std::string PointerTo(std::string_view pointer, std::string_view token) {
  std::string out(pointer);
  out += '/';
  for (const char c : token) {
    if (c == '~')
      out += "~0";
    else if (c == '/')
      out += "~1";
    else
      out += c;
  }
  return out;
}

std::string PointerTo(std::string_view pointer, std::size_t index) {
  return std::string(pointer) + "/" + std::to_string(index);
}

std::string NumberText(double value) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  return {buffer, end};
}

std::string Dump(const Json& document) {
  return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace outrigger
