#include "hub/licence.h"

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/text.h"
#include "hub/plain_text.h"

namespace sagittal::hub {
namespace {

bool is_word_character(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '/'; }

/// "gplv3" is "gpl" and "3".
void part_versions(std::vector<std::string>& words) {
  constexpr std::array<std::string_view, 3> families{"agplv", "lgplv", "gplv"};
  for (std::size_t n = 0; n < words.size(); ++n) {
    for (const std::string_view family : families) {
      if (!words[n].starts_with(family)) continue;
      words.push_back(words[n].substr(family.size()));
      words[n].resize(family.size() - 1);
      break;
    }
  }
}

/// Lower-case words without those that say nothing: "the MIT License" is "mit".
std::vector<std::string> telling_words(std::string_view text) {
  constexpr std::array<std::string_view, 10> silent{"license", "licence", "licensed", "version", "the",
                                                    "public",  "under",   "v",        "general", "international"};
  const std::string lower = lower_case(text);
  const auto found = words_in(lower, is_word_character);
  std::vector<std::string> words(found.begin(), found.end());
  for (std::string& word : words) {
    if (word.size() > 1 && word[0] == 'v' && word[1] >= '0' && word[1] <= '9') word.erase(0, 1);
    while (!word.empty() && (word.back() == '.' || word.back() == '/')) word.pop_back();
  }
  part_versions(words);
  std::erase_if(words, [&](const std::string& word) {
    return word.empty() || std::find(silent.begin(), silent.end(), word) != silent.end();
  });
  return words;
}

bool has(const std::vector<std::string>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// "4.0" of a list that has it, "" otherwise.
std::string version_in(const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    const bool number = !word.empty() && std::all_of(word.begin(), word.end(),
                                                     [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
    if (number) return word.find('.') == std::string::npos ? word + ".0" : word;
  }
  return "";
}

std::string with_version(std::string name, const std::string& version) {
  return version.empty() ? name : fmt::format("{}-{}", name, version);
}

/// CC-BY, then NC, SA and ND where they are there.
std::string creative_commons(const std::vector<std::string>& words, std::string_view text) {
  const std::string lower = lower_case(text);
  const auto says = [&](std::string_view part, std::string_view whole) {
    return has(words, part) || lower.find(whole) != std::string::npos;
  };
  if (has(words, "cc0") || has(words, "zero")) return "CC0-1.0";
  std::string id = "CC-BY";
  if (says("nc", "noncommercial") || lower.find("non-commercial") != std::string::npos) id += "-NC";
  if (says("nd", "noderiv")) id += "-ND";
  if (says("sa", "sharealike")) id += "-SA";
  return with_version(std::move(id), version_in(words));
}

std::string gnu(std::string_view family, const std::vector<std::string>& words) {
  const std::string version = version_in(words);
  return version.empty() ? fmt::format("LicenseRef-{}", family) : with_version(std::string(family), version);
}

std::string spdx_of(const std::vector<std::string>& words, std::string_view text) {
  if (has(words, "cc") || has(words, "cc0") || has(words, "creative")) return creative_commons(words, text);
  if (has(words, "apache")) return with_version("Apache", version_in(words).empty() ? "2.0" : version_in(words));
  if (has(words, "mit")) return "MIT";
  if (has(words, "agpl") || has(words, "affero")) return gnu("AGPL", words);
  if (has(words, "lgpl") || has(words, "lesser")) return gnu("LGPL", words);
  if (has(words, "gpl") || has(words, "gnu")) return gnu("GPL", words);
  if (has(words, "mpl") || has(words, "mozilla")) return with_version("MPL", version_in(words));
  if (has(words, "bsd")) return has(words, "2") || has(words, "2.clause") ? "BSD-2-Clause" : "BSD-3-Clause";
  if (has(words, "unlicense")) return "Unlicense";
  return "";
}

bool forbids_commerce(std::string_view id, const std::string& text) {
  if (id.find("-NC") != std::string_view::npos) return true;
  const std::string lower = lower_case(text);
  constexpr std::array<std::string_view, 6> phrases{"non-commercial", "noncommercial", "non commercial",
                                                    "research use",   "research only", "academic"};
  return std::any_of(phrases.begin(), phrases.end(),
                     [&](std::string_view phrase) { return lower.find(phrase) != std::string::npos; });
}

std::string reference_of(std::vector<std::string> words) {
  std::string id = fmt::format("LicenseRef-{}", fmt::join(words, "-"));
  std::replace(id.begin(), id.end(), '/', '-');
  constexpr std::size_t most = 60;
  return id.substr(0, most);
}

}  // namespace

bool Licence::applies() const {
  constexpr std::array<std::string_view, 6> nothing{"n/a", "na", "none", "not applicable", "-", "n.a."};
  return std::find(nothing.begin(), nothing.end(), lower_case(text)) == nothing.end();
}

Licence parse_licence(std::string_view text) {
  Licence out{std::string(text), ""};
  const auto words = telling_words(text);
  if (words.empty() || !out.applies()) return out;
  out.id = spdx_of(words, text);
  const bool known = !out.id.empty();
  if (!known) out.id = reference_of(words);
  if (forbids_commerce(out.id, out.text)) {
    out.commercial_use = false;
  } else if (known) {
    out.commercial_use = true;
  }
  return out;
}

}  // namespace sagittal::hub
