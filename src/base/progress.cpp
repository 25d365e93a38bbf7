#include "base/progress.h"

#include <algorithm>

#include "base/error.h"

namespace sagittal {

CancelToken::CancelToken(std::initializer_list<CancelToken> others) : state_(std::make_shared<State>()) {
  state_->others = others;
}

bool CancelToken::cancelled() const {
  if (state_->flag.load(std::memory_order_relaxed)) return true;
  return std::any_of(state_->others.begin(), state_->others.end(), [](const auto& other) { return other.cancelled(); });
}

void RunControl::check() const {
  if (cancel.cancelled()) throw Error(ErrorCode::cancelled, "cancelled");
}

}  // namespace sagittal
