// SPDX-License-Identifier: Apache-2.0
// Text: small functions on names and digests, so that hints and hashes look alike everywhere.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "outrigger/base/result.h"

namespace outrigger {

// Whether a JSON number that no double can hold is too large, not too small to tell from zero.
bool IsHugeNumber(std::string_view number);

// The candidate nearest to `name` by edit distance, if one is near enough to be meant; none for a
// name of more than 64 bytes.
std::optional<std::string_view> Nearest(std::string_view name,
                                        std::span<const std::string_view> candidates);

// SHA-256 as 64 lower-case hex digits.
std::string Sha256Hex(std::string_view data);
// The same of a file's content. Errors: kNotFound, kUnavailable.
Result<std::string> Sha256HexOfFile(const std::string& path);

std::string ToHex(std::string_view bytes);
// RFC 4648 base64url without padding.
std::string ToBase64Url(std::string_view bytes);
Result<std::string> FromBase64Url(std::string_view text);

// `count` bytes of the system's random source.
std::string RandomBytes(std::size_t count);

// A whole file. Errors: kNotFound, kUnavailable.
Result<std::string> ReadFile(const std::string& path);
// Replaces a file whole (temporary file, fsync, rename). `mode` as in chmod. Errors: kUnavailable.
Result<> WriteFile(const std::string& path, std::string_view content, unsigned mode = 0644);

std::vector<std::string_view> Split(std::string_view text, char separator);

}  // namespace outrigger
