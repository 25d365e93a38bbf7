#pragma once
#include <string_view>

namespace sagittal::terms {

/// The text of terms.tsv.
extern const std::string_view kTermsTable;

}  // namespace sagittal::terms
