#pragma once
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace sagittal::igtl {

/// Names of the messages whose contents this folder reads, without GET_, STT_, STP_ and RTS_.
const std::vector<std::string_view>& known_types();

/// The known type that a question is about: "GET_TRANS" and "GET_TRANSFOR" ask for TRANSFORM, for a type may be cut.
/// Empty: none. `question` is without its first four letters.
std::string_view type_asked_for(std::string_view question);

/// Reads a content of that type to its end: Error(bad_input) where it is not what its type says. False: a type that is
/// not known, and was not looked at.
bool check_content(std::string_view type, ByteView content);

}  // namespace sagittal::igtl
