#pragma once
#include <string_view>

namespace sagittal {

/// Whether a person is there to answer.
bool can_ask();

/// Shows a licence on the terminal; true where the answer is yes.
bool accepts_licence(std::string_view what, std::string_view licence, std::string_view licence_url);

}  // namespace sagittal
