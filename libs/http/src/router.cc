// SPDX-License-Identifier: Apache-2.0
#include "router.h"

#include <algorithm>
#include <set>

#include "outrigger/base/result.h"
#include "outrigger/base/text.h"
#include "target.h"

namespace outrigger::http {
namespace {

bool IsParam(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

// "{path...}", at the end of a pattern: whatever is left of the path.
bool HasRest(const RouteEntry& entry) { return entry.segments.back().ends_with("...}"); }

std::vector<std::string> Segments(std::string_view path) {
  std::vector<std::string> out;
  for (const std::string_view part : Split(path.substr(1), '/')) out.emplace_back(part);
  return out;
}

bool Matches(const RouteEntry& entry, const std::vector<std::string>& segments) {
  const bool rest = HasRest(entry);
  const std::size_t fixed = entry.segments.size() - (rest ? 1 : 0);
  if (rest ? segments.size() < fixed : segments.size() != fixed) return false;
  for (std::size_t i = 0; i < fixed; ++i) {
    if (IsParam(entry.segments[i]) ? segments[i].empty() : entry.segments[i] != segments[i])
      return false;
  }
  return true;
}

// Whether `a` is the more particular pattern: the first difference is a literal in it.
bool MoreParticular(const RouteEntry& a, const RouteEntry& b) {
  if (HasRest(a) != HasRest(b)) return HasRest(b);
  for (std::size_t i = 0; i < std::min(a.segments.size(), b.segments.size()); ++i) {
    if (IsParam(a.segments[i]) != IsParam(b.segments[i])) return IsParam(b.segments[i]);
  }
  return false;
}

std::string AllowOf(const std::vector<RouteEntry>& entries, const std::vector<std::size_t>& found) {
  std::set<std::string> methods{"OPTIONS"};
  for (const std::size_t i : found) {
    methods.insert(entries[i].method);
    if (entries[i].method == "GET") methods.insert("HEAD");
  }
  std::string out;
  for (const std::string& method : methods) out += (out.empty() ? "" : ", ") + method;
  return out;
}

}  // namespace

void RouteTable::Add(RouteEntry entry) {
  OR_CHECK(entry.pattern.starts_with('/'), "a pattern begins with '/'");
  entry.segments = Segments(entry.pattern);
  const std::size_t index = entries.size();
  if (HasRest(entry)) {
    with_rest_.push_back(index);
  } else if (std::ranges::any_of(entry.segments, IsParam)) {
    with_params_[entry.segments.size()].push_back(index);
  } else {
    plain_[entry.pattern].push_back(index);
  }
  entries.push_back(std::move(entry));
}

std::expected<RouteMatch, Refusal> RouteTable::Find(std::string_view method,
                                                    std::string_view path) const {
  std::vector<std::string> segments;
  std::vector<std::size_t> found;
  const bool encoded = path.find('%') != std::string_view::npos;
  if (!encoded) {
    if (const auto at = plain_.find(path); at != plain_.end()) found = at->second;
    // The usual case of a busy path: one literal route, no parameters to look for.
    if (found.size() == 1 && entries[found[0]].method == method)
      return RouteMatch{&entries[found[0]], found[0], {}, {}};
  }
  for (const std::string& raw : Segments(path)) {
    auto decoded = PercentDecoded(raw);
    if (!decoded) {
      return std::unexpected(Refusal{
          400, "bad-path", "the path holds a broken escape, a control character or invalid UTF-8"});
    }
    segments.push_back(std::move(*decoded));
  }
  if (encoded) {
    for (const auto& [literal, indexes] : plain_) {
      if (Matches(entries[indexes[0]], segments))
        found.insert(found.end(), indexes.begin(), indexes.end());
    }
  }
  if (const auto at = with_params_.find(segments.size()); at != with_params_.end()) {
    for (const std::size_t i : at->second) {
      if (Matches(entries[i], segments)) found.push_back(i);
    }
  }
  for (const std::size_t i : with_rest_) {
    if (Matches(entries[i], segments)) found.push_back(i);
  }
  RouteMatch match;
  for (const std::string_view wanted : {method, std::string_view(method == "HEAD" ? "GET" : "")}) {
    for (const std::size_t i : found) {
      if (entries[i].method != wanted) continue;
      if (!match.entry || MoreParticular(entries[i], *match.entry))
        match.entry = &entries[i], match.index = i;
    }
    if (match.entry) break;
  }
  if (!found.empty()) match.allow = AllowOf(entries, found);
  if (!match.entry) return match;
  for (std::size_t i = 0; i < std::min(segments.size(), match.entry->segments.size()); ++i) {
    const std::string& name = match.entry->segments[i];
    if (IsParam(name) && !name.ends_with("...}"))
      match.params.emplace_back(name.substr(1, name.size() - 2), segments[i]);
  }
  return match;
}

Router::Router() : state_(std::make_unique<State>()) {}
Router::~Router() = default;
Router::Router(Router&&) noexcept = default;
Router& Router::operator=(Router&&) noexcept = default;

void Router::Route(std::string method, std::string pattern, AsyncHandler handler) {
  state_->Add({std::move(method), std::move(pattern), {}, std::move(handler), nullptr});
}

void Router::BlockingRoute(std::string method, std::string pattern, Handler handler) {
  state_->Add({std::move(method), std::move(pattern), {}, nullptr, std::move(handler)});
}

std::vector<std::pair<std::string, std::string>> Router::routes() const {
  std::vector<std::pair<std::string, std::string>> out;
  for (const RouteEntry& entry : state_->entries) out.emplace_back(entry.method, entry.pattern);
  return out;
}

}  // namespace outrigger::http
