#pragma once
#include <string>

#include "base/json.h"

namespace sagittal::stream {

/// One line, whatever bytes its texts hold: what is no UTF-8 is replaced.
inline std::string json_text(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace sagittal::stream
