#include "hub/io/data_query.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "hub/plain_text.h"

namespace sagittal::hub {
namespace {

constexpr std::size_t kLongest = 2000;
constexpr int kDeepest = 32;

Error no_query(std::string_view text, std::string_view why) {
  return {ErrorCode::bad_input, fmt::format("'{}' is no data query: {}", plain_line(text, 120), why)};
}

/// Words, and parentheses by themselves.
std::vector<std::string_view> tokens_of(std::string_view text) {
  std::vector<std::string_view> tokens;
  std::size_t begin = 0;
  const auto end_word = [&](std::size_t end) {
    if (end > begin) tokens.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  };
  for (std::size_t n = 0; n < text.size(); ++n) {
    const bool bracket = text[n] == '(' || text[n] == ')';
    if (text[n] != ' ' && !bracket) continue;
    end_word(n);
    if (bracket) tokens.push_back(text.substr(n, 1));
  }
  end_word(text.size());
  return tokens;
}

std::set<std::string_view> set_of(std::string_view list) {
  const auto parts = split(list, ',');
  return {parts.begin(), parts.end()};
}

/// A value of the item; "key.length" counts its parts.
std::optional<std::string> value_of(const DataType& type, const std::string& key) {
  if (const auto found = type.meta.find(key); found != type.meta.end()) return found->second;
  constexpr std::string_view length = ".length";
  if (!key.ends_with(length)) return std::nullopt;
  const auto counted = type.meta.find(key.substr(0, key.size() - length.size()));
  return counted == type.meta.end() ? std::nullopt : std::optional(std::to_string(split(counted->second, ',').size()));
}

bool equals_one(std::string_view value, std::string_view alternatives) {
  if (alternatives == "*") return true;
  const auto options = split(alternatives, '|');
  return std::any_of(options.begin(), options.end(),
                     [&](std::string_view one) { return lower_case(one) == lower_case(value); });
}

}  // namespace

/// query: alternatives joined by OR, each of parts joined by AND, each with NOT or not, of a term or a group.
class DataQuery::Parser {
 public:
  Parser(std::string_view text, std::vector<Node>& nodes) : text_(text), nodes_(nodes), tokens_(tokens_of(text)) {}

  std::size_t whole() {
    const std::size_t root = join(Join::disjunction, 0);
    if (at_ != tokens_.size())
      throw no_query(text_, fmt::format("'{}' has no place in it", plain_line(tokens_[at_], 80)));
    return root;
  }

 private:
  bool next_is(std::string_view token) const { return at_ < tokens_.size() && tokens_[at_] == token; }

  std::size_t add(Node node) {
    nodes_.push_back(std::move(node));
    return nodes_.size() - 1;
  }

  std::size_t join(Join how, int depth) {
    const bool alternatives = how == Join::disjunction;
    const auto part = [&] { return alternatives ? join(Join::conjunction, depth) : single(depth); };
    Node node{.join = how};
    node.parts.push_back(part());
    while (next_is(alternatives ? "OR" : "AND")) {
      ++at_;
      node.parts.push_back(part());
    }
    return add(std::move(node));
  }

  std::size_t single(int depth) {
    if (depth > kDeepest) throw no_query(text_, fmt::format("nested deeper than {}", kDeepest));
    if (at_ == tokens_.size()) throw no_query(text_, "it ends too early");
    const std::string_view token = tokens_[at_++];
    if (token == "NOT") {
      const std::size_t part = single(depth + 1);
      return add({.join = Join::negation, .parts = {part}});
    }
    if (token == "(") {
      const std::size_t group = join(Join::disjunction, depth + 1);
      if (!next_is(")")) throw no_query(text_, "a ')' is missing");
      ++at_;
      return group;
    }
    if (token == ")" || token == "AND" || token == "OR") {
      throw no_query(text_, fmt::format("'{}' has no place in it", token));
    }
    return add({.join = Join::term, .term = parse_term(token)});
  }

  const std::string_view text_;
  std::vector<Node>& nodes_;
  const std::vector<std::string_view> tokens_;
  std::size_t at_ = 0;
};

DataQuery::DataQuery(std::string_view text) {
  if (text.size() > kLongest) throw no_query(text, fmt::format("longer than {} bytes", kLongest));
  root_ = Parser(text, nodes_).whole();
}

DataQuery::Term DataQuery::parse_term(std::string_view text) {
  const auto parts = split(text, ':');
  Term term;
  for (const std::string_view file : split(parts[0], '|')) term.files.push_back(lower_case(file));
  for (std::size_t n = 1; n < parts.size(); ++n) term.conditions.push_back(parse_condition(parts[n]));
  return term;
}

DataQuery::Condition DataQuery::parse_condition(std::string_view text) {
  using enum Operation;
  struct Sign {
    std::string_view text;
    std::optional<Operation> operation;
  };
  // The order in which MHub looks for them.
  constexpr std::array<Sign, 9> signs{{{"!=", not_equal},
                                       {"><", same_set},
                                       {">=", std::nullopt},
                                       {"<=", at_most},
                                       {"<>", disjoint},
                                       {"~=", std::nullopt},
                                       {"=", equal},
                                       {">", more},
                                       {"<", less}}};
  for (const Sign& sign : signs) {
    const auto at = text.find(sign.text);
    if (at == std::string_view::npos) continue;
    if (!sign.operation) {
      throw Error(ErrorCode::unsupported, fmt::format("'{}': the operator {} is not supported in data queries",
                                                      plain_line(text, 80), sign.text));
    }
    Condition out{std::string(text.substr(0, at)), *sign.operation, std::string(text.substr(at + sign.text.size()))};
    const bool whole_number = parse_number<std::int64_t>(out.value).has_value();
    if ((out.operation == more || out.operation == less) && !whole_number)
      throw no_query(text, "it compares with no whole number");
    if (out.key.empty()) throw no_query(text, "a key is missing");
    return out;
  }
  throw no_query(text, "an operator such as = is missing");
}

bool DataQuery::holds(const Condition& condition, const DataType& type) {
  const auto value = value_of(type, condition.key);
  if (!value) return condition.operation == Operation::not_equal;
  const auto own_number = parse_number<std::int64_t>(*value);
  const auto asked_number = parse_number<std::int64_t>(condition.value);
  const auto own = set_of(*value);
  const auto asked = set_of(condition.value);
  switch (condition.operation) {
    case Operation::not_equal:
      return *value != condition.value;
    case Operation::same_set:
      return own == asked;
    case Operation::at_most:
      if (asked_number) return own_number && *own_number <= *asked_number;
      return std::includes(asked.begin(), asked.end(), own.begin(), own.end());
    case Operation::disjoint:
      return std::none_of(own.begin(), own.end(), [&](std::string_view one) { return asked.contains(one); });
    case Operation::equal:
      return equals_one(*value, condition.value);
    case Operation::more:
      return own_number && *own_number > *asked_number;
    case Operation::less:
      break;
  }
  return own_number && *own_number < *asked_number;
}

bool DataQuery::holds(std::size_t index, const DataType& type) const {
  const Node& node = nodes_[index];
  const auto part_holds = [&](std::size_t part) { return holds(part, type); };
  switch (node.join) {
    case Join::negation:
      return !part_holds(node.parts[0]);
    case Join::conjunction:
      return std::all_of(node.parts.begin(), node.parts.end(), part_holds);
    case Join::disjunction:
      return std::any_of(node.parts.begin(), node.parts.end(), part_holds);
    case Join::term:
      break;
  }
  const bool of_file = std::any_of(node.term.files.begin(), node.term.files.end(),
                                   [&](const std::string& file) { return file == type.file || file == "any"; });
  return of_file && std::all_of(node.term.conditions.begin(), node.term.conditions.end(),
                                [&](const Condition& condition) { return holds(condition, type); });
}

bool DataQuery::matches(const DataType& type) const { return holds(root_, type); }

}  // namespace sagittal::hub
