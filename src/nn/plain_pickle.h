#pragma once
#include <string_view>

#include "base/json.h"
#include "nn/pickle.h"

namespace sagittal::nn {

/// A pickle's plain data as JSON: numbers, texts, tuples and lists, dicts with texts or whole numbers as keys, and the
/// scalars and arrays of NumPy (little-endian). Anything else is null, entries with other keys are left out. Throws
/// Error(bad_input) for arrays that contradict themselves, Error(too_large) beyond 64 levels or 4 Mi values.
Json json_of(const PickleValue& value, std::string_view what);

}  // namespace sagittal::nn
