// SPDX-License-Identifier: Apache-2.0
// Idempotency-Key: a request that is sent again gets the answer it got, so that a client that heard
// nothing can repeat without fear.
//
// The record is written in the transaction of the effect: either both are there or neither is.
// While a request runs it holds a lock of its key; refusals are not kept, for they changed nothing.
#pragma once

#include <optional>

#include "model_api/context.h"

namespace outrigger::model_api {

inline constexpr Millis kAnswersKept{24LL * 60 * 60 * 1000};

// The answer given before to this key and body; nullopt when the request is to be run.
// 400: no key that can be kept; 422: the key was used for another request; 409: that one still
// runs.
Judged<std::optional<Answer>> FindEarlierAnswer(Context& context);
Judged<> KeepAnswer(Context& context, const Answer& answer);

// Deletes what is older than kAnswersKept. Requires: kWorker.
Result<> ForgetOldAnswers(store::Database& worker);

}  // namespace outrigger::model_api
