// SPDX-License-Identifier: Apache-2.0
// The grammar is that of "The Unified Code for Units of Measure", section 2, case-sensitive form.
#include "outrigger/manifest/units.h"

#include <cmath>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "outrigger/base/text.h"
#include "unit_atoms.h"

namespace outrigger::manifest {
namespace {

constexpr std::size_t kLongestCode = 256;
constexpr int kDeepest = 16;          // parentheses
constexpr int kLargestExponent = 99;  // of one component

struct Unit {
  long double scale = 1;
  long double offset = 0;
  Dimensions dimensions{};
  const UnitAtom* isolated = nullptr;

  bool plain() const { return offset == 0 && !isolated; }
};

const UnitAtom* FindAtom(std::string_view code) {
  static const auto* const kIndex = [] {
    auto* index = new std::unordered_map<std::string_view, const UnitAtom*>;
    for (const UnitAtom& atom : UnitAtoms()) index->emplace(atom.code, &atom);
    return index;
  }();
  const auto found = kIndex->find(code);
  return found == kIndex->end() ? nullptr : found->second;
}

std::optional<Unit> SimpleUnit(std::string_view code) {
  if (const UnitAtom* atom = FindAtom(code))
    return Unit{atom->scale, atom->offset, atom->dimensions, atom->isolated ? atom : nullptr};
  for (const UnitPrefix& prefix : UnitPrefixes()) {
    if (!code.starts_with(prefix.code)) continue;
    const UnitAtom* atom = FindAtom(code.substr(prefix.code.size()));
    if (atom && atom->metric)
      return Unit{atom->scale * prefix.scale, atom->offset, atom->dimensions,
                  atom->isolated ? atom : nullptr};
  }
  return std::nullopt;
}

class UnitParser {
 public:
  explicit UnitParser(std::string_view code) : code_(code) {}

  // The unit, or nothing when the code is none; complaint() then says why.
  std::optional<Unit> Parse() {
    if (code_.empty() || code_.size() > kLongestCode)
      return Refuse("a code of 1 to 256 characters");
    for (const char c : code_) {
      if (c <= ' ' || c > '~') return Refuse("printable ASCII without blanks");
    }
    auto unit = Term(0);
    if (unit && at_ < code_.size()) return Refuse("no further text after it");
    if (unit && !(std::isfinite(unit->scale) && unit->scale > 0)) return Refuse("a finite scale");
    return unit;
  }

  const std::string& complaint() const { return complaint_; }

 private:
  char Peek() const { return at_ < code_.size() ? code_[at_] : '\0'; }
  static bool IsDigit(char c) { return c >= '0' && c <= '9'; }

  std::optional<Unit> Refuse(std::string why) {
    if (complaint_.empty()) complaint_ = std::move(why);
    return std::nullopt;
  }

  // ["/"] component { ("." | "/") component }, from left to right.
  std::optional<Unit> Term(int depth) {
    Unit product;
    int sign = 1;
    if (Peek() == '/') sign = -1, ++at_;
    while (true) {
      const auto factor = Component(depth);
      if (!factor) return std::nullopt;
      const auto next = Times(product, *factor, sign);
      if (!next) return std::nullopt;
      product = *next;
      if (Peek() != '.' && Peek() != '/') return product;
      sign = code_[at_++] == '/' ? -1 : 1;
    }
  }

  std::optional<Unit> Times(const Unit& a, const Unit& b, int sign) {
    const auto trivial = [](const Unit& unit) {
      return unit.plain() && unit.scale == 1 && unit.dimensions == Dimensions{};
    };
    if (!a.plain() || !b.plain()) {
      if (trivial(b)) return a;
      if (trivial(a) && sign > 0) return b;
      return Refuse("a temperature scale, logarithm or pH alone; in products use K for Cel");
    }
    Unit product = a;
    product.scale *= sign > 0 ? b.scale : 1 / b.scale;
    for (std::size_t i = 0; i < kBaseCount; ++i) product.dimensions[i] += sign * b.dimensions[i];
    return product;
  }

  std::optional<Unit> Component(int depth) {
    if (Peek() == '(') {
      if (depth >= kDeepest) return Refuse("at most 16 parentheses inside each other");
      ++at_;
      auto unit = Term(depth + 1);
      if (unit && Peek() != ')') return Refuse("a closing parenthesis");
      ++at_;
      return unit;
    }
    if (Peek() == '{') return Annotation() ? std::optional(Unit{}) : std::nullopt;
    auto unit = IsDigit(Peek()) ? Factor() : Annotatable();
    if (unit && Peek() == '{' && !Annotation()) return std::nullopt;
    return unit;
  }

  bool Annotation() {
    const auto end = code_.find('}', at_);
    if (end == std::string_view::npos || code_.substr(at_ + 1, end - at_ - 1).contains('{')) {
      Refuse("an annotation like {x}");
      return false;
    }
    at_ = end + 1;
    return true;
  }

  // An integer, or the atoms "10*" and "10^".
  std::optional<Unit> Factor() {
    if (const auto two = code_.substr(at_, 3); two == "10*" || two == "10^") {
      at_ += 3;
      return Power(Unit{10});
    }
    long double value = 0;
    const std::size_t first = at_;
    for (; IsDigit(Peek()); ++at_) value = value * 10 + (Peek() - '0');
    if (at_ - first > 18 || value == 0) return Refuse("a factor from 1 to 18 digits");
    return Unit{value};
  }

  std::optional<Unit> Annotatable() {
    const std::size_t first = at_;
    while (at_ < code_.size() && !IsDigit(Peek()) &&
           !std::string_view("./(){}+-").contains(Peek())) {
      if (Peek() != '[') {
        ++at_;
        continue;
      }
      const auto end = code_.find(']', at_);
      if (end == std::string_view::npos) return Refuse("a closing bracket");
      at_ = end + 1;
    }
    const std::string_view symbol = code_.substr(first, at_ - first);
    if (symbol.empty()) return Refuse("a unit where an operator or nothing stands");
    const auto unit = SimpleUnit(symbol);
    if (!unit) return Refuse("units that are known; \"" + std::string(symbol) + "\" is not");
    return Power(*unit);
  }

  std::optional<Unit> Power(const Unit& unit) {
    const bool negative = Peek() == '-';
    if (negative || Peek() == '+') {
      ++at_;
      if (!IsDigit(Peek())) return Refuse("digits after the sign of an exponent");
    }
    if (!IsDigit(Peek())) return unit;
    int exponent = 0;
    for (; IsDigit(Peek()) && exponent <= kLargestExponent; ++at_)
      exponent = exponent * 10 + (Peek() - '0');
    if (exponent > kLargestExponent || exponent == 0) return Refuse("exponents from 1 to 99");
    if (!unit.plain()) {
      if (exponent == 1 && !negative) return unit;
      return Refuse("a temperature scale, logarithm or pH alone, without exponent");
    }
    if (negative) exponent = -exponent;
    Unit power;
    power.scale = std::pow(unit.scale, static_cast<long double>(exponent));
    for (std::size_t i = 0; i < kBaseCount; ++i)
      power.dimensions[i] = unit.dimensions[i] * exponent;
    return power;
  }

  std::string_view code_;
  std::size_t at_ = 0;
  std::string complaint_;
};

Result<Unit> ParseUnit(std::string_view code) {
  UnitParser parser(code);
  if (const auto unit = parser.Parse()) return *unit;
  return Error(
      ErrorCode::kInvalidArgument,
      "\"" + std::string(code.substr(0, 64)) + "\" is no UCUM unit: it needs " + parser.complaint(),
      UnitHint(code));
}

}  // namespace

std::string UnitHint(std::string_view code) {
  for (const UnitAlias& alias : UnitAliases()) {
    if (alias.text == code) return "did you mean \"" + std::string(alias.code) + "\"?";
  }
  std::vector<std::string_view> names;
  for (const UnitAtom& atom : UnitAtoms()) names.push_back(atom.code);
  if (code.size() >= 3 && code.size() <= 16) {
    if (const auto nearest = Nearest(code, names))
      return "did you mean \"" + std::string(*nearest) + "\"?";
  }
  return "units are UCUM codes such as Cel, kPa, m/s2, /min, %";
}

bool IsUnit(std::string_view code) { return UnitParser(code).Parse().has_value(); }

Result<Conversion> ConvertUnit(std::string_view from, std::string_view to) {
  OR_ASSIGN(const Unit source, ParseUnit(from));
  OR_ASSIGN(const Unit target, ParseUnit(to));
  Conversion conversion;
  conversion.scale = static_cast<double>(source.scale / target.scale);
  conversion.offset = static_cast<double>((source.offset - target.offset) / target.scale);
  if (source.dimensions != target.dimensions || source.isolated != target.isolated ||
      !std::isnormal(conversion.scale) || !std::isfinite(conversion.offset))
    return Error(ErrorCode::kInvalidArgument,
                 "\"" + std::string(from) + "\" cannot be converted to \"" + std::string(to) +
                     "\": they measure different things",
                 "choose a unit that \"" + std::string(from) + "\" converts to");
  return conversion;
}

}  // namespace outrigger::manifest
