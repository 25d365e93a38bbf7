#include "base/progress.h"

#include "base/error.h"

namespace sagittal {

void RunControl::check() const {
  if (cancel.cancelled()) throw Error(ErrorCode::cancelled, "cancelled");
}

}  // namespace sagittal
