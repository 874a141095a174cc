// SPDX-License-Identifier: Apache-2.0
#include "image_folders.h"

#include <sys/stat.h>

#include <algorithm>
#include <string_view>

#include "outrigger/base/text.h"

namespace outrigger::orchestrator {
namespace {

constexpr std::size_t kMaxReference = 255;

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

// A part begins with a letter or digit, hence is never "." or "..". Only a registry in front
// (host:port) may have a colon.
bool IsPart(std::string_view part, bool colon_allowed) {
  return !part.empty() && part.front() != '.' && part.front() != '-' &&
         std::ranges::all_of(
             part, [&](char c) { return IsNameCharacter(c) || (colon_allowed && c == ':'); });
}

bool IsReference(const lifecycle::ImageReference& reference) {
  if (reference.image.size() > kMaxReference || reference.tag.size() > kMaxReference) return false;
  bool first = true;
  for (const std::string_view part : Split(reference.image, '/')) {
    if (!IsPart(part, first)) return false;
    first = false;
  }
  return IsPart(reference.tag, false);
}

std::string Joined(const std::vector<std::string>& folders) {
  std::string text;
  for (const std::string& folder : folders) text += (text.empty() ? "" : ", ") + folder;
  return text;
}

}  // namespace

Result<FoundImage> FindImage(const std::vector<std::string>& folders,
                             const lifecycle::ImageReference& reference) {
  const std::string name = reference.image + ":" + reference.tag;
  if (!IsReference(reference))
    return Error(ErrorCode::kInvalidArgument, "\"" + name + "\" is no image reference",
                 "model.container.image: path parts of letters, digits, '.', '_' and '-'");
  std::string refused;
  std::string other_digest;
  for (const std::string& folder : folders) {
    const std::string path = folder + "/" + reference.image + "/" + reference.tag + "/run";
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) continue;
    if (!S_ISREG(status.st_mode) || (status.st_mode & 0111) == 0) {
      refused = path;
      continue;
    }
    OR_ASSIGN(const std::string hash, Sha256HexOfFile(path));
    std::string digest = "sha256:" + hash;
    if (reference.digest.empty() || reference.digest == digest)
      return FoundImage{.executable = path, .digest = std::move(digest)};
    other_digest = std::move(digest);
  }
  if (!other_digest.empty())
    return Error(ErrorCode::kNotFound,
                 name + " is now " + other_digest + ", not " + reference.digest,
                 "put the image with that digest back, or deploy anew");
  if (!refused.empty())
    return Error(ErrorCode::kInvalidArgument, refused + " is not an executable regular file",
                 "chmod 755 " + refused);
  return Error(ErrorCode::kNotFound, "there is no image " + name,
               "looked for " + reference.image + "/" + reference.tag + "/run in " +
                   (folders.empty() ? "no folder at all" : Joined(folders)));
}

}  // namespace outrigger::orchestrator
