#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace sagittal {

/// The keys of the object `member` inside the object that `text` is, in the order in which they stand there, which
/// `Json` forgets. Empty where there is none. Throws Error(bad_input), naming `what`, where it is not JSON and where
/// `member` or one of its keys stands there twice: `Json` would keep one of them.
std::vector<std::string> json_key_order(std::string_view text, std::string_view member, std::string_view what);

}  // namespace sagittal
