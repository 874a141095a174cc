// SPDX-License-Identifier: Apache-2.0
// YAML by yaml-cpp's events, not by its nodes: depth, anchors, tags and duplicates are judged as
// they come, before anything is built of them.
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <charconv>
#include <istream>
#include <optional>
#include <spanstream>
#include <string>
#include <vector>

#include "text_document.h"

namespace outrigger::manifest {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kPointerBytes = 16 << 20;  // as ParseJson: positions stay within bounds

TextPosition PositionOf(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return {static_cast<std::size_t>(mark.line) + 1, static_cast<std::size_t>(mark.column) + 1};
}

JsonFault FaultAt(std::string pointer, std::string code, std::string detail, TextPosition at) {
  if (at.line > 0)
    detail += " (line " + std::to_string(at.line) + ", column " + std::to_string(at.column) + ")";
  return {std::move(pointer), std::move(code), std::move(detail), at};
}

bool IsOneOf(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, text) != words.end();
}

// [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?
bool IsFloat(std::string_view text) {
  std::size_t at = 0;
  const auto digits = [&] {
    const std::size_t first = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    return at - first;
  };
  const auto is = [&](std::string_view any) { return at < text.size() && any.contains(text[at]); };
  if (is("+-")) ++at;
  const std::size_t whole = digits();
  std::size_t fraction = 0;
  if (is(".")) ++at, fraction = digits();
  if (whole + fraction == 0) return false;
  if (is("eE")) {
    ++at;
    if (is("+-")) ++at;
    if (digits() == 0) return false;
  }
  return at == text.size();
}

std::optional<std::int64_t> Integer(std::string_view text) {
  int base = 10;
  if (text.starts_with("0o"))
    base = 8, text.remove_prefix(2);
  else if (text.starts_with("0x"))
    base = 16, text.remove_prefix(2);
  else if (text.starts_with('+') && text.size() > 1 && text[1] != '-')
    text.remove_prefix(1);
  if (base != 10 && text.starts_with('-')) return std::nullopt;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

class Builder final : public YAML::EventHandler {
 public:
  Builder(TextDocument& document, int depth) : document_(document), limit_(depth) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    RefuseAnchor(mark, anchor);
    if (AtKey()) Fail("syntax", "a member without a name", mark);
    Put(nullptr, mark);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { RefuseAnchor(mark, 1); }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    RefuseAnchor(mark, anchor);
    if (tag != "?" && tag != "!") RefuseTag(tag, mark);
    const bool sound = !value.contains('\0') && IsValidUtf8(value);
    if (!sound && AtKey()) Fail("encoding", "a name has NUL or invalid UTF-8", mark);
    if (!sound) Fail("encoding", "a text has NUL or invalid UTF-8", mark, Pointer());
    if (AtKey())
      TakeKey(value, mark);
    else if (tag == "!")
      Put(value, mark);
    else
      Put(Plain(value, mark), mark);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(Json::array(), mark, tag, anchor);
  }
  void OnSequenceEnd() override { Close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(Json::object(), mark, tag, anchor);
  }
  void OnMapEnd() override { Close(); }

 private:
  struct Level {
    Json value;
    std::optional<std::string> key;  // of the member that comes next
  };

  bool AtKey() const {
    return !levels_.empty() && levels_.back().value.is_object() && !levels_.back().key;
  }

  std::string Pointer() const {
    std::string pointer;
    for (const Level& level : levels_)
      pointer = level.value.is_array() ? PointerTo(pointer, level.value.size())
                                       : PointerTo(pointer, level.key.value_or(""));
    return pointer;
  }

  [[noreturn]] void Fail(std::string code, std::string detail, const YAML::Mark& mark,
                         std::string pointer = {}) {
    throw FaultAt(std::move(pointer), std::move(code), std::move(detail), PositionOf(mark));
  }

  void RefuseAnchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != 0)
      Fail("syntax", "anchors and aliases are not allowed; write the value out", mark);
  }

  void RefuseTag(const std::string& tag, const YAML::Mark& mark) {
    Fail("syntax", "tags are not allowed: " + tag.substr(0, 64), mark);
  }

  void TakeKey(const std::string& key, const YAML::Mark& mark) {
    Level& level = levels_.back();
    level.key = key;
    if (level.value.contains(key))
      Fail("duplicate-key", "the member \"" + key.substr(0, 128) + "\" is there twice", mark,
           Pointer());
  }

  void Record(const YAML::Mark& mark) {
    std::size_t size = 0;
    for (const Level& level : levels_) size += level.key ? level.key->size() + 1 : 8;
    if (recorded_ + size > kPointerBytes) return;
    recorded_ += size;
    document_.positions.emplace(Pointer(), PositionOf(mark));
  }

  void Open(Json empty, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    RefuseAnchor(mark, anchor);
    if (!tag.empty() && tag != "?" && tag != "!") RefuseTag(tag, mark);
    if (AtKey()) Fail("syntax", "a member's name must be text, not a list or an object", mark);
    if (std::ssize(levels_) >= limit_)
      Fail("too-deep", "nested deeper than " + std::to_string(limit_), mark);
    Record(mark);
    levels_.push_back({std::move(empty), std::nullopt});
  }

  void Close() {
    Json value = std::move(levels_.back().value);
    levels_.pop_back();
    Attach(std::move(value));
  }

  void Put(Json value, const YAML::Mark& mark) {
    Record(mark);
    Attach(std::move(value));
  }

  void Attach(Json value) {
    if (levels_.empty()) {
      document_.root = std::move(value);
    } else if (Level& level = levels_.back(); level.value.is_array()) {
      level.value.push_back(std::move(value));
    } else {
      level.value.emplace(std::move(*level.key), std::move(value));
      level.key.reset();
    }
  }

  // YAML 1.2.2, section 10.3.2; what JSON has no word for is refused.
  Json Plain(const std::string& text, const YAML::Mark& mark) {
    if (IsOneOf(text, {"", "~", "null", "Null", "NULL"})) return nullptr;
    if (IsOneOf(text, {"true", "True", "TRUE"})) return true;
    if (IsOneOf(text, {"false", "False", "FALSE"})) return false;
    if (const auto integer = Integer(text)) return *integer;
    const std::string_view unsigned_text =
        std::string_view(text).substr(text.starts_with('-') || text.starts_with('+') ? 1 : 0);
    if (IsOneOf(unsigned_text, {".inf", ".Inf", ".INF"}) || IsOneOf(text, {".nan", ".NaN", ".NAN"}))
      Fail("number-range", "the number " + text + " is not finite", mark, Pointer());
    if (!IsFloat(text)) return text;
    double value = 0;
    const char* begin = text.data() + (text.starts_with('+') ? 1 : 0);
    const auto parsed = std::from_chars(begin, text.data() + text.size(), value);
    const auto exponent = text.find_first_of("eE");
    const bool tiny = exponent != std::string::npos && text.substr(exponent + 1, 1) == "-";
    if (parsed.ec == std::errc::result_out_of_range && !tiny)
      Fail("number-range", "the number " + text.substr(0, 32) + " is too large", mark, Pointer());
    return value;
  }

  TextDocument& document_;
  int limit_;
  std::vector<Level> levels_;
  std::size_t recorded_ = 0;
};

std::optional<JsonFault> RefuseText(std::string_view text) {
  if (text.size() > kLargestDocument)
    return JsonFault{"",
                     "too-large",
                     std::to_string(text.size()) + " bytes; at most " +
                         std::to_string(kLargestDocument) + " are allowed",
                     {}};
  if (!IsValidUtf8(text)) return JsonFault{"", "encoding", "the document is not valid UTF-8", {}};
  TextPosition at{1, 1};
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == 0) return FaultAt("", "encoding", "a NUL byte", at);
    if ((byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7F)
      return FaultAt("", "syntax", "a control character is not allowed in YAML", at);
    ++at.column;
    if (c == '\n') ++at.line, at.column = 1;
  }
  return std::nullopt;
}

}  // namespace

std::expected<TextDocument, JsonFault> ReadYaml(std::string_view text, int depth) {
  if (auto fault = RefuseText(text)) return std::unexpected(std::move(*fault));
  TextDocument document;
  try {
    std::ispanstream stream(text);
    YAML::Parser parser(stream);
    Builder builder(document, depth);
    if (!parser.HandleNextDocument(builder))
      return std::unexpected(JsonFault{"", "syntax", "the document is empty", {}});
    TextDocument second;
    Builder more(second, depth);
    if (parser.HandleNextDocument(more))
      return std::unexpected(
          JsonFault{"", "syntax", "more than one YAML document; one is allowed", {}});
  } catch (JsonFault& fault) {
    return std::unexpected(std::move(fault));
  } catch (const YAML::Exception& error) {
    return std::unexpected(FaultAt("", "syntax", "not YAML: " + error.msg, PositionOf(error.mark)));
  }
  return document;
}

}  // namespace outrigger::manifest
