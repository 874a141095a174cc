// SPDX-License-Identifier: Apache-2.0
#include "outrigger/base/text.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <memory>
#include <numeric>

namespace outrigger {
namespace {

std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (std::tolower(static_cast<unsigned char>(a[i])) !=
                                               std::tolower(static_cast<unsigned char>(b[j])));
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    OR_CHECK(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1, "SHA-256 is there");
  }
  void Update(std::string_view data) { EVP_DigestUpdate(context_.get(), data.data(), data.size()); }
  std::string Hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
    unsigned length = 0;
    EVP_DigestFinal_ex(context_.get(), digest.data(), &length);
    return ToHex({reinterpret_cast<const char*>(digest.data()), length});
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

class File {
 public:
  File(const std::string& path, int flags, unsigned mode = 0)
      : fd_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

Error FileError(const std::string& path, std::string_view what) {
  const int number = errno;
  return {number == ENOENT ? ErrorCode::kNotFound : ErrorCode::kUnavailable,
          std::string(what) + " " + path + ": " + std::strerror(number)};
}

// Hands each block of a file to `take`.
template <typename Take>
Result<> EachBlock(const std::string& path, Take take) {
  const File file(path, O_RDONLY);
  if (file.fd() < 0) return FileError(path, "cannot open");
  std::array<char, 65536> block;
  while (true) {
    const ssize_t got = ::read(file.fd(), block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FileError(path, "cannot read");
    if (got == 0) return {};
    take(std::string_view(block.data(), static_cast<std::size_t>(got)));
  }
}

constexpr std::string_view kBase64Url =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

}  // namespace

std::optional<std::string_view> Nearest(std::string_view name,
                                        std::span<const std::string_view> candidates) {
  constexpr std::size_t kLongest = 64;  // comparing costs the product of both lengths
  std::optional<std::string_view> best;
  if (name.size() > kLongest) return best;
  std::size_t least = std::max<std::size_t>(2, name.size() / 3) + 1;
  for (const std::string_view candidate : candidates) {
    if (candidate.size() > name.size() + least || name.size() > candidate.size() + least) continue;
    if (const std::size_t distance = EditDistance(name, candidate); distance < least)
      best = candidate, least = distance;
  }
  return best;
}

std::string Sha256Hex(std::string_view data) {
  Sha256 hash;
  hash.Update(data);
  return hash.Hex();
}

Result<std::string> Sha256HexOfFile(const std::string& path) {
  Sha256 hash;
  OR_RETURN_IF_ERROR(EachBlock(path, [&](std::string_view block) { hash.Update(block); }));
  return hash.Hex();
}

std::string ToHex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  hex.reserve(bytes.size() * 2);
  for (const char byte : bytes) {
    hex += kDigits[static_cast<unsigned char>(byte) >> 4];
    hex += kDigits[static_cast<unsigned char>(byte) & 15];
  }
  return hex;
}

std::string ToBase64Url(std::string_view bytes) {
  std::string text;
  unsigned buffer = 0;
  int bits = 0;
  for (const char byte : bytes) {
    buffer = (buffer << 8 | static_cast<unsigned char>(byte)) & 0xFFFFFF;
    for (bits += 8; bits >= 6; bits -= 6) text += kBase64Url[(buffer >> (bits - 6)) & 63];
  }
  if (bits > 0) text += kBase64Url[(buffer << (6 - bits)) & 63];
  return text;
}

Result<std::string> FromBase64Url(std::string_view text) {
  std::string bytes;
  unsigned buffer = 0;
  int bits = 0;
  for (const char c : text) {
    const auto value = kBase64Url.find(c);
    if (value == std::string_view::npos) return Error(ErrorCode::kInvalidArgument, "not base64url");
    buffer = (buffer << 6 | static_cast<unsigned>(value)) & 0xFFFFFF;
    bits += 6;
    if (bits >= 8) bits -= 8, bytes += static_cast<char>((buffer >> bits) & 255);
  }
  if (text.size() % 4 == 1 || (buffer & ((1u << bits) - 1)) != 0)
    return Error(ErrorCode::kInvalidArgument, "not base64url");
  return bytes;
}

std::string RandomBytes(std::size_t count) {
  std::string bytes(count, '\0');
  OR_CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) == 1,
           "the system gives random bytes");
  return bytes;
}

Result<std::string> ReadFile(const std::string& path) {
  std::string content;
  OR_RETURN_IF_ERROR(EachBlock(path, [&](std::string_view block) { content += block; }));
  return content;
}

Result<> WriteFile(const std::string& path, std::string_view content, unsigned mode) {
  const std::string temporary = path + ".tmp." + std::to_string(::getpid());
  {
    const File file(temporary, O_WRONLY | O_CREAT | O_TRUNC, mode);
    if (file.fd() < 0) return FileError(temporary, "cannot make");
    while (!content.empty()) {
      const ssize_t put = ::write(file.fd(), content.data(), content.size());
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return FileError(temporary, "cannot write");
      content.remove_prefix(static_cast<std::size_t>(put));
    }
    if (::fchmod(file.fd(), mode) != 0 || ::fsync(file.fd()) != 0)
      return FileError(temporary, "cannot keep");
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) return FileError(path, "cannot replace");
  return {};
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

bool IsHugeNumber(std::string_view number) {
  const auto e = std::min(number.find_first_of("eE"), number.size());
  const auto first = number.find_first_of("123456789");
  if (first >= e) return false;
  const auto point = std::min(number.find('.'), e);
  const auto place = static_cast<std::int64_t>(point) - static_cast<std::int64_t>(first);
  if (e == number.size()) return place > 0;
  const bool down = number.substr(e + 1, 1) == "-";
  const std::string_view digits = number.substr(number.find_first_of("0123456789", e));
  std::int64_t exponent = 0;
  if (std::from_chars(digits.data(), digits.data() + digits.size(), exponent).ec != std::errc())
    return !down;  // longer than any mantissa may be
  return down ? place > exponent : place > -exponent;
}

}  // namespace outrigger
