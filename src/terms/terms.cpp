#include "terms/terms.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "terms/terms_table.h"

namespace sagittal::terms {
namespace {

enum Column { id, name, totalsegmentator, category, type, modifier, region, region_modifier, rgb, source, kColumns };

[[noreturn]] void throw_bad_line(std::string_view line) {
  throw Error(ErrorCode::internal, fmt::format("the table of terms has a damaged line: {}", line));
}

std::optional<Code> parse_code(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const auto parts = split(text, ':');
  if (parts.size() != 3) throw_bad_line(text);
  return Code{std::string(parts[1]), std::string(parts[0]), std::string(parts[2])};
}

Rgb parse_colour(std::string_view text) {
  const auto parts = split(text, ',');
  Rgb colour{};
  if (parts.size() != colour.size()) throw_bad_line(text);
  for (std::size_t c = 0; c < colour.size(); ++c) {
    const char* end = parts[c].data() + parts[c].size();
    if (std::from_chars(parts[c].data(), end, colour[c]).ptr != end) throw_bad_line(text);
  }
  return colour;
}

Term parse_line(std::string_view line) {
  const auto columns = split(line, '\t');
  if (columns.size() != kColumns || columns[category].empty() || columns[type].empty()) throw_bad_line(line);
  Term term{std::string(columns[id]),
            std::string(columns[name]),
            {},
            {*parse_code(columns[category]), *parse_code(columns[type]), parse_code(columns[modifier]),
             parse_code(columns[region]), parse_code(columns[region_modifier])},
            parse_colour(columns[rgb])};
  for (const std::string_view word : split(columns[totalsegmentator], ' ')) {
    if (!word.empty()) term.totalsegmentator.emplace_back(word);
  }
  return term;
}

std::vector<Term> parse_table() {
  std::vector<Term> table;
  bool titles = true;
  for (const std::string_view line : split(kTermsTable, '\n')) {
    if (line.empty() || line.starts_with('#')) continue;
    if (!titles) table.push_back(parse_line(line));
    titles = false;
  }
  return table;
}

/// Lower case, with blanks for '_' and '-'.
std::string folded(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return c == '_' || c == '-' ? ' ' : static_cast<char>(std::tolower(c)); });
  return out;
}

std::optional<Term> find_plain(const std::string& wanted) {
  const auto& table = all_terms();
  const auto found = [&](auto matches) -> const Term* {
    const auto at = std::find_if(table.begin(), table.end(), matches);
    return at == table.end() ? nullptr : &*at;
  };
  for (const Term* term : {found([&](const Term& t) { return folded(t.id) == wanted; }),
                           found([&](const Term& t) { return folded(t.name) == wanted; }), found([&](const Term& t) {
                             return std::any_of(t.totalsegmentator.begin(), t.totalsegmentator.end(),
                                                [&](const auto& n) { return folded(n) == wanted; });
                           })}) {
    if (term != nullptr) return *term;
  }
  return std::nullopt;
}

bool same_concepts(const std::optional<Code>& a, const std::optional<Code>& b) {
  return a.has_value() == b.has_value() && (!a || same_concept(*a, *b));
}

/// Everything of a term that can be searched.
std::string searchable(const Term& term) {
  std::string text = term.id + ' ' + term.name;
  for (const auto& n : term.totalsegmentator) text += ' ' + n;
  for (const Code& code : {term.codes.type, term.codes.region.value_or(Code{})})
    text += ' ' + code.value + ' ' + code.meaning;
  return folded(text);
}

}  // namespace

const std::vector<Term>& all_terms() {
  static const std::vector<Term> table = parse_table();
  return table;
}

std::optional<Term> find_term(std::string_view text) {
  const auto plus = text.find('+');
  if (plus == std::string_view::npos) return find_plain(folded(text));
  const auto organ = find_plain(folded(text.substr(0, plus)));
  auto finding = find_plain(folded(text.substr(plus + 1)));
  if (!organ || !finding) return std::nullopt;
  finding->id = organ->id + '+' + finding->id;
  finding->name = fmt::format("{} in {}", finding->name, folded(organ->name));
  finding->totalsegmentator.clear();
  finding->codes.region = organ->codes.type;
  finding->codes.region_modifier = organ->codes.modifier;
  return finding;
}

std::optional<Term> find_term(const Terminology& codes) {
  for (const Term& term : all_terms()) {
    const Terminology& t = term.codes;
    if (same_concept(t.category, codes.category) && same_concept(t.type, codes.type) &&
        same_concepts(t.modifier, codes.modifier) && same_concepts(t.region, codes.region) &&
        same_concepts(t.region_modifier, codes.region_modifier)) {
      return term;
    }
  }
  return std::nullopt;
}

std::vector<Term> search_terms(std::string_view text) {
  const std::string wanted = folded(text);
  std::vector<Term> found;
  for (const Term& term : all_terms()) {
    const std::string all = searchable(term);
    const auto words = split(wanted, ' ');
    if (std::all_of(words.begin(), words.end(), [&](auto w) { return all.find(w) != std::string::npos; }))
      found.push_back(term);
  }
  return found;
}

}  // namespace sagittal::terms
