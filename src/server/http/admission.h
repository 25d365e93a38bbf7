#pragma once
#include <functional>
#include <optional>
#include <vector>

#include "server/http/router.h"

namespace sagittal::server::http {

/// What was decided on a request.
struct Admission {
  std::optional<Response> refusal = {};     ///< the answer instead of the route's
  bool denied = false;                      ///< whether `refusal` is one, and not merely an answer given early
  std::vector<Header> answer_headers = {};  ///< for the answer, whoever gives it
};

/// Asked once for each request when its header has come, before its body is read; may set the request's `owner`.
/// `route`: null where none was found. Called from network threads; must not throw.
using Admit = std::function<Admission(Request& head, const Route* route)>;

}  // namespace sagittal::server::http
