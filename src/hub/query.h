#pragma once
#include <string>

#include "base/json.h"

namespace sagittal::hub {

/// What models are asked for; an empty text asks for nothing. All must hold.
struct Query {
  static constexpr std::size_t kMaxBytes = 200;

  std::string text = {};       ///< words, as `SearchIndex` finds them
  std::string modality = {};   ///< "CT"; "MRI" is MR, "PET" is PT
  std::string body_part = {};  ///< a part of one, in any case
  std::string structure = {};  ///< id, words of the name, or code
  std::string licence = {};    ///< of the weights: "commercial", "non-commercial", "unknown", or how its SPDX id begins
  std::string engine = {};     ///< as `name_of` says it
  std::string source = {};     ///< "mhub" or "local"
};

/// Error(bad_input) for an engine or source that there is none of, and for too long texts.
void check(const Query& query);

/// Whether an entry (card_json.h) is what the query asks for, its text aside.
bool matches(const Json& entry, const Query& query);

}  // namespace sagittal::hub
