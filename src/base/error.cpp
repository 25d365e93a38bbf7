#include "base/error.h"

#include <array>
#include <utility>

namespace sagittal {

const ErrorKind& describe(ErrorCode code) {
  static constexpr std::array kinds{
      ErrorKind{ErrorCode::bad_input, "bad_input", 400, 1},
      ErrorKind{ErrorCode::wrong_usage, "wrong_usage", 400, 2},
      ErrorKind{ErrorCode::unauthorized, "unauthorized", 401, 1},
      ErrorKind{ErrorCode::not_found, "not_found", 404, 1},
      ErrorKind{ErrorCode::conflict, "conflict", 409, 1},
      ErrorKind{ErrorCode::too_large, "too_large", 413, 1},
      ErrorKind{ErrorCode::unsupported, "unsupported", 422, 1},
      ErrorKind{ErrorCode::gone, "gone", 410, 1},
      ErrorKind{ErrorCode::unavailable, "unavailable", 503, 1},
      ErrorKind{ErrorCode::cancelled, "cancelled", 409, 1},
      ErrorKind{ErrorCode::io, "io", 500, 1},
      ErrorKind{ErrorCode::internal, "internal", 500, 1},
  };
  return kinds[static_cast<std::size_t>(code)];
}

Error::Error(ErrorCode code, std::string sentence)
    : code_(code), sentences_{std::move(sentence)}, text_(sentences_[0]) {}

Error& Error::within(std::string_view sentence) {
  sentences_.emplace_back(sentence);
  text_.insert(0, std::string(sentence) + ": ");
  return *this;
}

}  // namespace sagittal
