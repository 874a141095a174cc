// SPDX-License-Identifier: Apache-2.0
#include "model_api/front.h"

#include <memory>
#include <string>
#include <utility>

#include "model_api/authenticate.h"
#include "model_api/idempotency.h"
#include "model_api/openapi.h"
#include "model_api/problems.h"
#include "outrigger/base/log.h"
#include "outrigger/http/problem.h"

namespace outrigger::model_api {
namespace {

// How long an answer waits for the relay. Longer than Kafka's hiccups, shorter than the server's
// answer deadline.
constexpr Millis kPublishDeadline{5'000};

constexpr const char* kUnavailableDetail =
    "a part of the platform does not answer, or is starting: ask again";
constexpr const char* kTimeoutDetail =
    "the database did not say in time whether it stored the change: read it back";

http::Response ToResponse(const Answer& answer) {
  http::Response response;
  response.status = answer.status;
  response.body = answer.body;
  response.headers = answer.headers;
  return response;
}

// Before the commit the outcome is known, whatever failed: nothing happened. Who asks may ask
// again.
http::Problem NothingHappened(http::Problem problem) {
  if (problem.status != 504 && problem.status != 429) return problem;
  return http::ProblemFrom(
      Error(ErrorCode::kUnavailable, "busy or unreachable; nothing was changed", "try again"));
}

// Runs the route in one transaction with its idempotency record: both are there or neither is.
Judged<Answer> RunInTransaction(Api& api, const ApiRoute& route, const http::Request& request,
                                const Caller& caller) {
  auto begun = api.database.Begin(caller.tenant);
  if (!begun) return NothingHappened(http::ProblemFrom(begun.error()));
  const std::unique_ptr<store::Transaction> transaction = *std::move(begun);
  Context context{api, route, request, caller, *transaction};
  const bool keyed = route.keyed && !request.Header("idempotency-key").empty();
  if (keyed) {
    OR_ASSIGN(auto earlier, FindEarlierAnswer(context));
    if (earlier) return *std::move(earlier);
  }
  auto judged = route.handle(context);
  if (!judged) return NothingHappened(std::move(judged).error());
  Answer answer = *std::move(judged);
  if (answer.rehearsal) {
    answer.outbox_id = 0;
    return answer;  // and the transaction rolls back
  }
  if (keyed) OR_RETURN_IF_ERROR(KeepAnswer(context, answer));
  OR_RETURN_IF_ERROR(transaction->Commit());
  return answer;
}

Judged<Answer> Judge(Api& api, const ApiRoute& route, const http::Request& request) {
  // The one open route: nothing of a tenant is in it.
  if (route.open) return Answer{.body = OpenApiText()};
  if (!api.stored()) {
    return Error(ErrorCode::kUnavailable, "the service is starting", "try again");
  }
  OR_ASSIGN(const Caller caller, Authenticate(api, request));
  if (caller.role < route.role) {
    return Forbidden("this needs the role " + std::string(Name(route.role)) + " or higher");
  }
  OR_ASSIGN(Answer answer, RunInTransaction(api, route, request, caller));
  if (answer.outbox_id != 0) {
    if (auto published = api.wait_published(answer.outbox_id, kPublishDeadline); !published) {
      LogWarning("answer without publication",
                 {
                     {"route",     route.pattern   },
                     {"outbox_id", answer.outbox_id},
                     published.error()
      });
      return NotPublished();
    }
  }
  return answer;
}

}  // namespace

http::Response Handle(Api& api, const ApiRoute& route, const http::Request& request) {
  auto judged = Judge(api, route, request);
  if (judged) return ToResponse(*judged);
  http::Problem& problem = judged.error();
  if (problem.status >= 500 && problem.status != 501) {
    LogWarning("request failed", {
                                     {"route",      route.pattern },
                                     {"method",     route.method  },
                                     {"request_id", request.id    },
                                     {"status",     problem.status},
                                     {"detail",     problem.detail}
    });
  }
  // Which peer is gone, and where it was looked for, is for the log only.
  if (problem.code == "unavailable") problem.detail = kUnavailableDetail;
  if (problem.code == "timeout") problem.detail = kTimeoutDetail;
  // Every missing or foreign object answers with the same bytes.
  if (problem.status == 404) return http::NotFound();
  return http::ToResponse(problem);
}

http::Router MakeRouter(Api& api) {
  http::Router router;
  for (const ApiRoute& route : RouteTable()) {
    router.BlockingRoute(
        std::string(route.method), std::string(route.pattern),
        [&api, &route](const http::Request& request) { return Handle(api, route, request); });
  }
  return router;
}

}  // namespace outrigger::model_api
