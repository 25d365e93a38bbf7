#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "terms/terminology.h"

namespace sagittal::terms {

/// One entry of the table of segments (terms.tsv).
struct Term {
  std::string id;                             ///< SegDB's, e.g. "LEFT_KIDNEY"
  std::string name;                           ///< for people, e.g. "Left kidney"
  std::vector<std::string> totalsegmentator;  ///< class names of that model, e.g. "kidney_left"
  Terminology codes;
  Rgb colour{};
};

/// The whole table in its order: SegDB's entries, then those that only TotalSegmentator names. Never changes; any
/// thread.
const std::vector<Term>& all_terms();

/// The term of that SegDB id, name or TotalSegmentator class; case does not matter, and '_', '-' and ' ' are the same.
/// "LIVER+NEOPLASM" is SegDB's form for a finding in an organ: its codes are the finding's, with the organ as region.
std::optional<Term> find_term(std::string_view text);

/// The first term with these very codes, meanings aside.
std::optional<Term> find_term(const Terminology& codes);

/// Terms with every word of `text` in their id, names or code values and meanings; case does not matter.
std::vector<Term> search_terms(std::string_view text);

}  // namespace sagittal::terms
