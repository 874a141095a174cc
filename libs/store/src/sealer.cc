// SPDX-License-Identifier: Apache-2.0
#include <openssl/evp.h>

#include <memory>

#include "outrigger/base/text.h"
#include "outrigger/store/database.h"

namespace outrigger::store {
namespace {

constexpr std::size_t kKeyBytes = 32, kNonceBytes = 12, kTagBytes = 16;
constexpr std::string_view kVersion = "v1.";

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

unsigned char* Bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

Result<Sealer> Sealer::FromHexKey(std::string_view hex) {
  while (!hex.empty() && (hex.back() == '\n' || hex.back() == '\r' || hex.back() == ' '))
    hex.remove_suffix(1);
  const Error wrong(ErrorCode::kInvalidArgument, "the sealing key is not 64 hex digits",
                    "make one: openssl rand -hex 32");
  if (hex.size() != 2 * kKeyBytes) return wrong;
  std::string key;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const int high = HexDigit(hex[i]), low = HexDigit(hex[i + 1]);
    if (high < 0 || low < 0) return wrong;
    key += static_cast<char>(high * 16 + low);
  }
  return Sealer(std::move(key));
}

// "v1." and base64url of nonce, ciphertext, tag.
std::string Sealer::Seal(std::string_view secret, std::string_view context) const {
  const std::string nonce = RandomBytes(kNonceBytes);
  std::string sealed(secret.size(), '\0'), tag(kTagBytes, '\0');
  const Context cipher(EVP_CIPHER_CTX_new());
  int length = 0;
  const bool ok = cipher &&
                  EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, Bytes(key_),
                                     Bytes(nonce)) == 1 &&
                  EVP_EncryptUpdate(cipher.get(), nullptr, &length, Bytes(context),
                                    static_cast<int>(context.size())) == 1 &&
                  EVP_EncryptUpdate(cipher.get(), Bytes(sealed), &length, Bytes(secret),
                                    static_cast<int>(secret.size())) == 1 &&
                  EVP_EncryptFinal_ex(cipher.get(), Bytes(sealed) + length, &length) == 1 &&
                  EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG,
                                      static_cast<int>(kTagBytes), Bytes(tag)) == 1;
  OR_CHECK(ok, "AES-256-GCM failed to seal");
  return std::string(kVersion) + ToBase64Url(nonce + sealed + tag);
}

Result<std::string> Sealer::Open(std::string_view sealed, std::string_view context) const {
  const Error wrong(ErrorCode::kCorrupt, "a sealed secret cannot be opened",
                    "the key file is another one than when it was sealed");
  if (!sealed.starts_with(kVersion)) return wrong;
  auto raw = FromBase64Url(sealed.substr(kVersion.size()));
  if (!raw || raw->size() < kNonceBytes + kTagBytes) return wrong;
  const std::string_view all = *raw;
  const std::string_view nonce = all.substr(0, kNonceBytes);
  const std::string_view body = all.substr(kNonceBytes, all.size() - kNonceBytes - kTagBytes);
  std::string tag(all.substr(all.size() - kTagBytes)), secret(body.size(), '\0');
  const Context cipher(EVP_CIPHER_CTX_new());
  int length = 0;
  const bool ok = cipher &&
                  EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, Bytes(key_),
                                     Bytes(nonce)) == 1 &&
                  EVP_DecryptUpdate(cipher.get(), nullptr, &length, Bytes(context),
                                    static_cast<int>(context.size())) == 1 &&
                  EVP_DecryptUpdate(cipher.get(), Bytes(secret), &length, Bytes(body),
                                    static_cast<int>(body.size())) == 1 &&
                  EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG,
                                      static_cast<int>(kTagBytes), Bytes(tag)) == 1 &&
                  EVP_DecryptFinal_ex(cipher.get(), Bytes(secret) + length, &length) == 1;
  if (!ok) return wrong;
  return secret;
}

}  // namespace outrigger::store
