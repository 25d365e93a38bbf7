#include "hub/query.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "base/text.h"
#include "hub/card.h"
#include "hub/card_parts.h"
#include "hub/structures.h"

namespace sagittal::hub {
namespace {

template <std::size_t N>
void check_word(const std::string& word, const char* what, const std::array<std::string_view, N>& known) {
  if (word.empty() || std::find(known.begin(), known.end(), word) != known.end()) return;
  throw Error(ErrorCode::bad_input,
              fmt::format("there is no {} '{}', expected one of: {}", what, word, fmt::join(known, ", ")));
}

bool has_text(const Json& list, std::string_view text) {
  return std::any_of(list.begin(), list.end(), [&](const Json& one) { return one == text; });
}

bool fits_modality(const Json& entry, const std::string& asked) {
  const auto modalities = parse_modalities(asked);
  return std::any_of(modalities.begin(), modalities.end(),
                     [&](const std::string& modality) { return has_text(entry.at("modalities"), modality); });
}

bool fits_body_part(const Json& entry, const std::string& asked) {
  const std::string part = lower_case(asked);
  const Json& parts = entry.at("body_parts");
  return std::any_of(parts.begin(), parts.end(), [&](const Json& one) {
    return lower_case(one.get<std::string>()).find(part) != std::string::npos;
  });
}

bool fits_structure(const Json& entry, const std::string& asked) {
  const Json& structures = entry.at("structures");
  return std::any_of(structures.begin(), structures.end(), [&](const Json& s) {
    return answers(s.at("id").get<std::string>(), s.at("name").get<std::string>(), asked);
  });
}

bool fits_licence(const Json& entry, const std::string& asked) {
  const Json& licence = entry.at("licence");
  const Json& commercial = licence.at("commercial_use");
  const std::string word = lower_case(asked);
  if (word == "commercial") return commercial == true;
  if (word == "non-commercial" || word == "noncommercial") return commercial == false;
  if (word == "unknown") return commercial.is_null();
  const Json& id = licence.at("weights");
  return id.is_string() && lower_case(id.get<std::string>()).starts_with(word);
}

}  // namespace

void check(const Query& query) {
  for (const std::string* text : {&query.text, &query.modality, &query.body_part, &query.structure, &query.licence}) {
    if (text->size() > Query::kMaxBytes) {
      throw Error(ErrorCode::bad_input,
                  fmt::format("a search of {} bytes, expected at most {}", text->size(), Query::kMaxBytes));
    }
  }
  check_word(query.engine, "engine",
             std::array{name_of(ModelEngine::nnunet_v1), name_of(ModelEngine::nnunet_v2),
                        name_of(ModelEngine::totalsegmentator), name_of(ModelEngine::nninteractive),
                        name_of(ModelEngine::other), name_of(ModelEngine::unknown)});
  check_word(query.source, "source", std::array{name_of(Source::mhub), name_of(Source::local)});
}

bool matches(const Json& entry, const Query& query) {
  return (query.modality.empty() || fits_modality(entry, query.modality)) &&
         (query.body_part.empty() || fits_body_part(entry, query.body_part)) &&
         (query.structure.empty() || fits_structure(entry, query.structure)) &&
         (query.licence.empty() || fits_licence(entry, query.licence)) &&
         (query.engine.empty() || entry.at("engine") == query.engine) &&
         (query.source.empty() || entry.at("source") == query.source);
}

}  // namespace sagittal::hub
