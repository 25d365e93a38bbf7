#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "hub/card.h"
#include "hub/loose.h"

namespace sagittal::hub {

/// Segments that a model defines beside the table of terms, by their ids (the section `segdb` of a workflow).
using OwnSegments = std::map<std::string, Structure, std::less<>>;

/// Reads the section `segdb`: triplets (codes) and segments (names with three of them and a colour).
OwnSegments read_own_segments(const Loose& segdb);

/// The structure of that id; one that is in no table keeps the id as its name, without codes.
Structure structure_of(std::string_view id, const OwnSegments& own = {});

/// Whether that id stands for what is outside all segments.
bool is_background(std::string_view id);

/// "#rrggbb".
std::string colour_text(const Rgb& colour);

/// Whether a structure is what `wanted` asks for: a code ("64033007", "SCT:64033007"), or words that all begin a word
/// of its id or name.
bool answers(std::string_view id, std::string_view name, std::string_view wanted);

}  // namespace sagittal::hub
