#pragma once
#include <string>
#include <vector>

#include "hub/card.h"
#include "hub/loose.h"
#include "hub/structures.h"

namespace sagittal::hub {

CardInput read_input(const Loose& input);

/// Its structures have ids only, until `complete_structures`.
CardOutput read_output(const Loose& output);

/// Names, colours and codes for the ids; what is outside all segments is none and goes.
void complete_structures(const OwnSegments& own, std::vector<CardOutput>& outputs);

/// A warning for each id that is in no table.
void warn_of_unknown(ModelCard& card);

/// Objects with "uri" (or "url") and a title under `title_key` (or "label").
std::vector<Link> read_links(const Loose& owner, const char* key, const char* title_key);

/// `info[key]`, an object with title, text, tables and references, or its text alone.
Section read_section(const Loose& info, const std::string& key);

/// "MRI|CT" as DICOM writes them: MR, CT. Words that can be no modality are left out.
std::vector<std::string> parse_modalities(std::string_view text);

}  // namespace sagittal::hub
