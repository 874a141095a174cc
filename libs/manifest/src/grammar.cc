// SPDX-License-Identifier: Apache-2.0
#include "grammar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string>

#include "outrigger/base/ids.h"
#include "outrigger/base/text.h"
#include "outrigger/manifest/units.h"

namespace outrigger::manifest {
namespace {

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kLower = "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view kUpper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

bool IsDigit(char c) { return kDigits.contains(c); }
bool IsLower(char c) { return kLower.contains(c); }
bool IsLetter(char c) { return kLower.contains(c) || kUpper.contains(c); }
bool IsHex(char c) { return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

bool AllOf(std::string_view text, auto... is) {
  return std::ranges::all_of(text, [&](char c) { return (is(c) || ...); });
}

auto OneOf(std::string_view characters) {
  return [characters](char c) { return characters.contains(c); };
}

// U+0000 to U+001F and U+007F to U+009F.
bool HasControl(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7F) return true;
    if (byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0)
      return true;
  }
  return false;
}

Complaint Unless(bool fine, std::string_view allowed) {
  return fine ? Complaint() : Complaint(allowed);
}

// Whether a path's segments are RFC 3986 pchars with nothing that leads elsewhere: no "." or "..",
// however written, and no encoded control characters or slashes.
bool IsPlainPath(std::string_view path) {
  for (const std::string_view segment : Split(path, '/')) {
    std::string decoded;
    for (std::size_t i = 0; i < segment.size(); ++i) {
      if (segment[i] != '%') {
        if (!IsLetter(segment[i]) && !IsDigit(segment[i]) &&
            !std::string_view("-._~!$&'()*+,;=:@").contains(segment[i]))
          return false;
        decoded += segment[i];
        continue;
      }
      unsigned value = 0;
      if (i + 2 >= segment.size() || !IsHex(segment[i + 1]) || !IsHex(segment[i + 2])) return false;
      std::from_chars(segment.data() + i + 1, segment.data() + i + 3, value, 16);
      if (value < 0x20 || value == 0x7F || value == '/' || value == '\\') return false;
      decoded += static_cast<char>(value);
      i += 2;
    }
    if (decoded == "." || decoded == "..") return false;
  }
  return true;
}

bool IsHost(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']')) {
    const std::string_view inside = host.substr(1, host.size() - 2);
    return inside.size() >= 2 && inside.contains(':') && AllOf(inside, IsHex, OneOf(":."));
  }
  if (host.empty() || host.size() > 253) return false;
  return std::ranges::all_of(Split(host, '.'), [](std::string_view label) {
    return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
           AllOf(label, IsLetter, IsDigit, OneOf("-_"));
  });
}

// host[:port]
bool IsAuthority(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || text.ends_with(']')) return IsHost(text);
  const std::string_view digits = text.substr(colon + 1);
  unsigned port = 0;
  const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  return end.ec == std::errc() && end.ptr == digits.data() + digits.size() && port >= 1 &&
         port <= 65535 && IsHost(text.substr(0, colon));
}

// [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*
bool IsImagePart(std::string_view part) {
  if (part.empty() || !AllOf(part, IsLower, IsDigit, OneOf("._-"))) return false;
  if (OneOf("._-")(part.front()) || OneOf("._-")(part.back())) return false;
  for (std::size_t i = 0; i < part.size();) {
    if (!OneOf("._-")(part[i])) {
      ++i;
      continue;
    }
    const auto end = part.find_first_not_of("._-", i);
    const std::string_view separator = part.substr(i, end - i);
    if (separator != "." && separator != "_" && separator != "__" && !AllOf(separator, OneOf("-")))
      return false;
    i = end;
  }
  return true;
}

// The number before a suffix, times its factor, rounded up; nothing when it is none.
std::optional<std::int64_t> Quantity(std::string_view number, double factor) {
  if (number.empty() || !AllOf(number, IsDigit, OneOf(".")) || number.size() > 20 ||
      !IsDigit(number.front()) || !IsDigit(number.back()))
    return std::nullopt;
  double value = 0;
  const auto end = std::from_chars(number.data(), number.data() + number.size(), value);
  if (end.ec != std::errc() || end.ptr != number.data() + number.size()) return std::nullopt;
  value = std::ceil(value * factor);
  if (!(value < 9e18)) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

}  // namespace

Complaint LabelText(std::string_view text) {
  return Unless(IsLabel(text),
                "an RFC 1123 label: 1 to 63 of a-z, 0-9 and '-', neither first nor last a '-'");
}

Complaint StoredName(std::string_view text) {
  return Unless(IsAssetId(text),
                "the name of a stored registry: 1 to 128 of A-Z, a-z, 0-9, '.', '_' and '-', "
                "beginning with a letter or digit");
}

Complaint LineText(std::string_view text) {
  return Unless(!HasControl(text), "text without control characters");
}

Complaint PathText(std::string_view text) {
  return Unless(
      text.starts_with('/') && !text.starts_with("//") && text.size() <= 2048 && IsPlainPath(text),
      "a path like /score or /v1/score: it begins with one '/', has no host, no '.' or "
      "'..' segments, no query and at most 2048 characters");
}

Complaint QueueText(std::string_view text) {
  return Unless(
      !text.empty() && text.size() <= 255 && !HasControl(text) && !text.starts_with("amq."),
      "the name of a queue: 1 to 255 bytes without control characters, not beginning "
      "with \"amq.\"");
}

Complaint InferPathText(std::string_view text) {
  const auto parts = Split(text, '/');
  const bool plain = parts.size() == 5;
  const bool versioned = parts.size() == 7 && parts[4] == "versions" && !parts[5].empty();
  return Unless(!PathText(text) && (plain || versioned) && parts[1] == "v2" &&
                    parts[2] == "models" && !parts[3].empty() && parts.back() == "infer",
                "/v2/models/NAME/infer or /v2/models/NAME/versions/VERSION/infer");
}

Complaint HttpUrlText(std::string_view text) {
  std::string_view rest = text;
  if (rest.starts_with("http://"))
    rest.remove_prefix(7);
  else if (rest.starts_with("https://"))
    rest.remove_prefix(8);
  else
    rest = {};
  const auto slash = rest.find('/');
  const std::string_view path = slash == std::string_view::npos ? "" : rest.substr(slash);
  return Unless(text.size() <= 2048 && IsAuthority(rest.substr(0, slash)) && IsPlainPath(path),
                "a base URL like https://models.example.org/v1: http or https, no user, no query, "
                "no fragment, at most 2048 characters");
}

Complaint UriText(std::string_view text) {
  const auto colon = text.find(':');
  const std::string_view scheme = text.substr(0, colon);
  return Unless(colon != std::string_view::npos && colon > 0 && IsLetter(scheme.front()) &&
                    AllOf(scheme, IsLetter, IsDigit, OneOf("+-.")) && colon + 1 < text.size() &&
                    text.size() <= 2048 &&
                    std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; }),
                "a URI like https://example.org/model.onnx, at most 2048 characters");
}

Complaint ImageText(std::string_view text) {
  auto parts = Split(text, '/');
  // As in the reference grammar of OCI: a first part with '.', ':' or "localhost" is a host.
  const std::string_view first = parts.front();
  if (parts.size() > 1 && (first.contains('.') || first.contains(':') || first == "localhost")) {
    if (!IsAuthority(first)) return "an image name that begins with a good registry host";
    parts.erase(parts.begin());
  }
  return Unless(text.size() <= 255 && std::ranges::all_of(parts, IsImagePart),
                "an image name like models/temperature: parts of a-z, 0-9 and single separators "
                "(. _ __ -), at most 255 characters; tag and digest are fields of their own");
}

Complaint TagText(std::string_view text) {
  return Unless(
      !text.empty() && text.size() <= 128 && text.front() != '.' && text.front() != '-' &&
          AllOf(text, IsLetter, IsDigit, OneOf("._-")),
      "a tag: 1 to 128 of A-Z, a-z, 0-9, '.', '_' and '-', not beginning with '.' or '-'");
}

Complaint DigestText(std::string_view text) {
  const auto lower_hex = [](std::string_view hex) {
    return AllOf(hex, IsDigit, [](char c) { return c >= 'a' && c <= 'f'; });
  };
  const bool fine = (text.starts_with("sha256:") && text.size() == 7 + 64) ||
                    (text.starts_with("sha512:") && text.size() == 7 + 128);
  return Unless(fine && lower_hex(text.substr(7)),
                "a digest: sha256: and 64, or sha512: and 128 lower-case hex digits");
}

Complaint RegistryText(std::string_view text) {
  const auto slash = text.find('/');
  bool fine = text.size() <= 255 && IsAuthority(text.substr(0, slash));
  if (fine && slash != std::string_view::npos)
    fine = std::ranges::all_of(Split(text.substr(slash + 1), '/'), IsImagePart);
  return Unless(fine, "a registry like registry.example.org:5000, without http:// or https://");
}

Complaint EnvironmentName(std::string_view text) {
  static constexpr std::array<std::string_view, 3> kOurs{"PATH", "PORT", "AMQP_URL"};
  if (std::ranges::contains(kOurs, text) || text.starts_with("LD_") ||
      text.starts_with("OUTRIGGER_"))
    return "none of PATH, PORT, AMQP_URL, LD_* and OUTRIGGER_*, which the platform sets itself";
  return Unless(!text.empty() && text.size() <= 256 && !IsDigit(text.front()) &&
                    AllOf(text, IsLetter, IsDigit, OneOf("_.-")),
                "1 to 256 of A-Z, a-z, 0-9, '_', '.' and '-', not beginning with a digit");
}

Complaint UnitText(std::string_view text) {
  if (IsUnit(text)) return std::nullopt;
  return "a UCUM unit such as Cel, [degF], kPa, m/s2, /min or %";
}

std::string UnitSuggestion(std::string_view text) {
  const auto conversion = ConvertUnit(text, "1");
  if (conversion || !conversion.error().hint().starts_with("did")) return "";
  return "D" + conversion.error().hint().substr(1);
}

Complaint Sha256Text(std::string_view text) {
  return Unless(
      text.size() == 64 && AllOf(text, IsDigit, [](char c) { return c >= 'a' && c <= 'f'; }),
      "64 lower-case hex digits");
}

Complaint Base64Text(std::string_view text) {
  const auto end = text.find('=');
  const std::string_view padding = end == std::string_view::npos ? "" : text.substr(end);
  return Unless(!text.empty() && text.size() <= 16384 && text.size() % 4 == 0 &&
                    (padding == "" || padding == "=" || padding == "==") &&
                    AllOf(text.substr(0, end), IsLetter, IsDigit, OneOf("+/")),
                "base64 with padding, at most 16384 characters");
}

Complaint CpuText(std::string_view text) {
  const auto millis = CpuMillis(text);
  return Unless(millis && *millis >= 1 && *millis <= 1024 * 1000,
                "an amount of CPU like \"500m\" or \"2\", from 1m to 1024");
}

Complaint MemoryText(std::string_view text) {
  const auto bytes = MemoryBytes(text);
  return Unless(bytes && *bytes >= 1 << 20 && *bytes <= std::int64_t{16} << 40,
                "an amount of memory like \"256Mi\" or \"1Gi\", from 1Mi to 16Ti");
}

std::optional<std::int64_t> CpuMillis(std::string_view text) {
  if (text.ends_with('m')) return Quantity(text.substr(0, text.size() - 1), 1);
  return Quantity(text, 1000);
}

std::optional<std::int64_t> MemoryBytes(std::string_view text) {
  struct Suffix {
    std::string_view text;
    double factor;
  };
  static constexpr Suffix kSuffixes[] = {
      {"Ki", 1024.0         },
      {"Mi", 1048576.0      },
      {"Gi", 1073741824.0   },
      {"Ti", 1099511627776.0},
      {"k",  1e3            },
      {"M",  1e6            },
      {"G",  1e9            },
      {"T",  1e12           }
  };
  for (const Suffix& suffix : kSuffixes) {
    if (text.ends_with(suffix.text))
      return Quantity(text.substr(0, text.size() - suffix.text.size()), suffix.factor);
  }
  return Quantity(text, 1);
}

}  // namespace outrigger::manifest
