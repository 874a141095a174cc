// SPDX-License-Identifier: Apache-2.0
#include "shape.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "outrigger/base/text.h"

namespace outrigger::manifest {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kShown = 64;
constexpr std::size_t kLongestMember = 32768;  // of a text map: an environment takes no more
constexpr double kLargestWhole =
    9007199254740992.0;  // 2^53: whole numbers beyond it are no longer exact

std::string_view LastToken(std::string_view pointer) {
  const auto slash = pointer.rfind('/');
  return slash == std::string_view::npos ? pointer : pointer.substr(slash + 1);
}

// "the document", "inputs", "inputs/0": an index says nothing without its list.
std::string Called(std::string_view pointer) {
  if (pointer.empty()) return "The document";
  std::string_view last = LastToken(pointer);
  if (last.find_first_not_of("0123456789") == std::string_view::npos) {
    const std::string_view list = LastToken(pointer.substr(0, pointer.size() - last.size() - 1));
    last = pointer.substr(pointer.size() - last.size() - 1 - list.size());
  }
  std::string name;
  for (std::size_t i = 0; i < last.size(); ++i) {
    if (last[i] == '~' && i + 1 < last.size())
      name += last[++i] == '1' ? '/' : '~';
    else
      name += last[i];
  }
  return Quoted(name);
}

std::string At(TextPosition at) {
  if (at.line == 0) return "";
  return "line " + std::to_string(at.line) + ", column " + std::to_string(at.column);
}

void CheckText(const Field& field, const std::string& text, const std::string& pointer,
               FaultList& faults) {
  const auto length = static_cast<std::int64_t>(CountCharacters(text));
  if (field.max > 0 && (length < field.min || length > field.max)) {
    const std::string found = std::to_string(length) + " characters";
    faults.MustBe(pointer, "length", Allowed(field), length == 0 ? "an empty text" : found);
  } else if (field.grammar) {
    if (const auto allowed = field.grammar(text))
      faults.MustBe(pointer, "format", *allowed,
                    field.secret ? "a text that is not shown" : Quoted(text),
                    field.suggest ? field.suggest(text) : "");
  }
}

void CheckChoice(const Field& field, const std::string& text, const std::string& pointer,
                 FaultList& faults) {
  if (std::ranges::contains(field.choices, std::string_view(text))) return;
  const auto nearest = Nearest(text, field.choices);
  faults.MustBe(pointer, "value", Allowed(field), Quoted(text),
                nearest ? "Did you mean " + Quoted(*nearest) + "?" : "");
}

void CheckWhole(const Field& field, Json& value, const std::string& pointer, FaultList& faults) {
  if (!value.is_number()) {
    const bool digits =
        value.is_string() && !value.get_ref<const std::string&>().empty() &&
        value.get_ref<const std::string&>().find_first_not_of("0123456789") == std::string::npos;
    faults.MustBe(pointer, "type", Allowed(field), Found(value),
                  digits ? "Write the number without quotes." : "");
    return;
  }
  if (value.is_number_float()) {
    const double number = value.get<double>();
    if (std::trunc(number) != number) {
      faults.MustBe(pointer, "type", Allowed(field), Found(value));
      return;
    }
    if (std::abs(number) <= kLargestWhole) value = static_cast<std::int64_t>(number);
  }
  const bool fits = !value.is_number_float() && value.get<std::int64_t>() >= field.min &&
                    value.get<std::int64_t>() <= field.max;
  if (!fits) faults.MustBe(pointer, "range", Allowed(field), Found(value));
}

void CheckTextMap(const Field& field, const Json& map, const std::string& pointer,
                  FaultList& faults) {
  if (map.size() > static_cast<std::size_t>(field.max))
    faults.MustBe(pointer, "count", Allowed(field), std::to_string(map.size()) + " members");
  for (const auto& [name, value] : map.items()) {
    const std::string member = PointerTo(pointer, name);
    if (const auto allowed = field.grammar(name))
      faults.Add(member, "format",
                 "The name " + Quoted(name) + " must be " + std::string(*allowed));
    if (!value.is_string())
      faults.MustBe(member, "type", "text", FoundKind(value),
                    value.is_number() || value.is_boolean() ? "Put the value in quotes." : "");
    else if (const auto size = value.get_ref<const std::string&>().size(); size > kLongestMember)
      faults.MustBe(member, "length", "text of at most 32768 bytes",
                    std::to_string(size) + " bytes");
  }
}

void CheckField(const Field& field, Json& value, const std::string& pointer, FaultList& faults) {
  const auto is = [&](bool right, std::string_view hint = {}) {
    if (value.is_null() && !field.required()) hint = "Leave it out if it is not wanted.";
    if (!right)
      faults.MustBe(pointer, "type", Allowed(field), field.secret ? FoundKind(value) : Found(value),
                    hint);
    return right;
  };
  const std::string_view quote =
      value.is_number() || value.is_boolean() ? "Put the value in quotes." : "";
  switch (field.kind) {
    case Kind::kText:
      if (is(value.is_string(), quote))
        CheckText(field, value.get_ref<const std::string&>(), pointer, faults);
      return;
    case Kind::kChoice:
      if (is(value.is_string()))
        CheckChoice(field, value.get_ref<const std::string&>(), pointer, faults);
      return;
    case Kind::kMillis:
    case Kind::kCount:
      CheckWhole(field, value, pointer, faults);
      return;
    case Kind::kFlag:
      is(value.is_boolean());
      return;
    case Kind::kObject:
      if (is(value.is_object())) Walk(value, *field.shape, pointer, faults);
      return;
    case Kind::kList:
      if (!is(value.is_array())) return;
      if (const auto size = static_cast<std::int64_t>(value.size());
          size < field.min || size > field.max)
        faults.MustBe(pointer, "count", Allowed(field), std::to_string(size) + " elements");
      for (std::size_t i = 0; i < value.size(); ++i) {
        const std::string element = PointerTo(pointer, i);
        if (value[i].is_object())
          Walk(value[i], *field.shape, element, faults);
        else
          faults.MustBe(element, "type", "an object", Found(value[i]));
      }
      return;
    case Kind::kTextMap:
      if (is(value.is_object())) CheckTextMap(field, value, pointer, faults);
      return;
    case Kind::kAnyObject:
      is(value.is_object());
      return;
  }
}

}  // namespace

const Field* Shape::Find(std::string_view name) const {
  const auto found = std::ranges::find(fields, name, &Field::name);
  return found == fields.end() ? nullptr : &*found;
}

TextPosition FaultList::Find(std::string_view pointer) const {
  const auto found = positions_.find(pointer);
  return found == positions_.end() ? TextPosition{} : found->second;
}

void FaultList::Put(Fault fault, std::string_view hint) {
  if (faults_.size() >= kMost) {
    ++cut_;
    return;
  }
  if (const std::string at = At(fault.at); !at.empty()) fault.detail += " (" + at + ")";
  fault.detail += '.';
  if (!hint.empty()) fault.detail += " " + std::string(hint);
  faults_.push_back(std::move(fault));
}

void FaultList::MustBe(std::string_view pointer, std::string_view code, std::string_view allowed,
                       std::string_view found, std::string_view hint) {
  Put({std::string(pointer), std::string(code),
       Called(pointer) + " must be " + std::string(allowed) + "; found " + std::string(found),
       std::string(found), std::string(allowed), Find(pointer)},
      hint);
}

void FaultList::Missing(std::string_view pointer, std::string_view allowed, std::string_view hint) {
  const auto parent = pointer.substr(0, pointer.rfind('/'));
  Put({std::string(pointer), "missing",
       Called(pointer) + " is missing; it must be " + std::string(allowed), "",
       std::string(allowed), Find(parent)},
      hint);
}

void FaultList::Add(std::string_view pointer, std::string_view code, std::string_view sentence,
                    std::string_view hint) {
  Put({std::string(pointer), std::string(code), std::string(sentence), "", "", Find(pointer)},
      hint);
}

void FaultList::Unknown(std::string_view pointer, std::string_view name, std::string_view title,
                        std::span<const std::string_view> known) {
  if (faults_.size() >= kMost) {
    ++cut_;
    return;
  }
  const auto nearest =
      name.size() <= kShown ? Nearest(name, known) : std::optional<std::string_view>();
  std::string allowed;
  for (const std::string_view each : known) {
    if (allowed.size() > 1000) {
      allowed += " …";
      break;
    }
    if (!allowed.empty()) allowed += ", ";
    allowed += each;
  }
  Put({std::string(pointer), "unknown-field",
       "There is no field " + Quoted(name) + " in " + std::string(title) +
           "; known are: " + allowed,
       Quoted(name), allowed, Find(pointer)},
      nearest ? "Did you mean " + Quoted(*nearest) + "?" : "");
}

std::vector<Fault> FaultList::Take() && {
  std::ranges::stable_sort(faults_, [](const Fault& a, const Fault& b) {
    return std::pair(a.at.line, a.at.column) < std::pair(b.at.line, b.at.column);
  });
  if (cut_ > 0)
    faults_.push_back({"",
                       "too-many-faults",
                       std::to_string(cut_) + " more faults are not listed; mend these first.",
                       "",
                       "",
                       {}});
  return std::move(faults_);
}

void Walk(Json& value, const Shape& shape, const std::string& pointer, FaultList& faults) {
  for (const Field& field : shape.fields) {
    const std::string member = PointerTo(pointer, field.name);
    if (const auto found = value.find(field.name); found != value.end())
      CheckField(field, *found, member, faults);
    else if (field.required())
      faults.Missing(member, Allowed(field));
  }
  if (value.empty()) return;
  std::vector<std::string_view> known;
  for (const Field& field : shape.fields) known.push_back(field.name);
  for (const auto& [name, member] : value.items()) {
    if (!shape.Find(name)) faults.Unknown(PointerTo(pointer, name), name, shape.title, known);
  }
}

std::string Allowed(const Field& field) {
  const std::string range = std::to_string(field.min) + " to " + std::to_string(field.max);
  switch (field.kind) {
    case Kind::kText:
      if (field.max > 0) return "text of " + range + " characters";
      // A control character is in no grammar, so the answer is what the grammar wants.
      return std::string(field.grammar ? field.grammar("\x01").value_or("text") : "text");
    case Kind::kChoice: {
      std::string words = field.choices.size() > 1 ? "one of " : "";
      for (const std::string_view choice : field.choices)
        words += (choice == field.choices.front() ? "" : ", ") + Quoted(choice);
      return words;
    }
    case Kind::kMillis:
      return "a whole number of milliseconds from " + range;
    case Kind::kCount:
      return "a whole number from " + range;
    case Kind::kFlag:
      return "true or false";
    case Kind::kObject:
    case Kind::kAnyObject:
      return "an object";
    case Kind::kList:
      return "a list of " + range + " objects";
    case Kind::kTextMap:
      return "an object of at most " + std::to_string(field.max) + " texts";
  }
  return "";
}

std::string Found(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null:
      return "null";
    case Json::value_t::boolean:
      return value.get<bool>() ? "true" : "false";
    case Json::value_t::string:
      return "the text " + Quoted(value.get_ref<const std::string&>());
    case Json::value_t::array:
      return "a list";
    case Json::value_t::object:
      return "an object";
    case Json::value_t::number_float:
      return "the number " + NumberText(value.get<double>());
    default:
      return "the number " + value.dump();
  }
}

std::string FoundKind(const Json& value) {
  if (value.is_number()) return "a number";
  if (value.is_string()) return "a text";
  return value.is_boolean() ? "true or false" : Found(value);
}

std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  std::size_t characters = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xC0) != 0x80 && ++characters > kShown) return quoted + "…\"";
    if (byte < 0x20 || byte == 0x7F) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      quoted += "\\u00";
      quoted += kDigits[byte >> 4];
      quoted += kDigits[byte & 15];
    } else {
      if (byte == '"' || byte == '\\') quoted += '\\';
      quoted += text[i];
    }
  }
  return quoted + "\"";
}

std::size_t CountCharacters(std::string_view utf8) {
  return static_cast<std::size_t>(
      std::ranges::count_if(utf8, [](char c) { return (c & 0xC0) != 0x80; }));
}

}  // namespace outrigger::manifest
