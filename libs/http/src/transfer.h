// SPDX-License-Identifier: Apache-2.0
// Transfer: one call on a libcurl easy handle, so that the loop of the client deals with whole
// calls only.
//
// Threads: the client's loop thread.
#pragma once

#include <curl/curl.h>

#include <functional>
#include <list>
#include <memory>
#include <string>

#include "outrigger/base/clock.h"
#include "outrigger/http/client.h"

namespace outrigger::http {

struct PendingCall {
  Call call;
  std::function<void(Result<Reply>)> done;
  SteadyTime deadline;
};

class Transfer {
 public:
  Transfer(PendingCall pending, const EgressPolicy& egress)
      : pending_(std::move(pending)), egress_(egress) {}
  ~Transfer();
  Transfer(const Transfer&) = delete;

  // Sets up `easy` (fresh or reset). Errors: kInvalidArgument - method, URL or a header cannot be
  // sent.
  Result<> Prepare(CURL* easy);
  CURL* easy() const { return easy_; }
  SteadyTime deadline() const { return pending_.deadline; }
  // What came of it. Consumes the reply.
  Result<Reply> Outcome(CURLcode code);
  void Finish(Result<Reply> result) { pending_.done(std::move(result)); }

 private:
  static std::size_t OnBody(char* data, std::size_t, std::size_t size, void* self);
  static std::size_t OnHeader(char* data, std::size_t, std::size_t size, void* self);
  static curl_socket_t OnOpen(void* self, curlsocktype purpose, curl_sockaddr* address);
  Result<> PrepareMethod();
  Result<> PrepareHeaders();
  Error Failure(CURLcode code) const;

  PendingCall pending_;
  const EgressPolicy egress_;
  CURL* easy_ = nullptr;
  curl_slist* headers_ = nullptr;
  char error_[CURL_ERROR_SIZE] = "";
  Reply reply_;
  bool too_large_ = false;
  int refused_ = 0;  // addresses that the guard forbade
  int opened_ = 0;
};

}  // namespace outrigger::http
