#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace sagittal::hub {

/// A licence as a card names it and as SPDX does.
struct Licence {
  std::string text;                         ///< the card's words
  std::string id;                           ///< SPDX, "LicenseRef-…" for what SPDX does not know, empty: none stated
  std::optional<bool> commercial_use = {};  ///< nothing: the words do not tell

  /// False for "N/A": there is nothing to license, e.g. no weights.
  bool applies() const;
};

/// Reads "Apache 2.0", "CC BY-NC 4.0", "MIT license", "AGPL v3.0", … Words that are no known licence keep their text.
Licence parse_licence(std::string_view text);

}  // namespace sagittal::hub
