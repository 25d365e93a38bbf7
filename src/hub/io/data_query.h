#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "hub/io/data_type.h"

namespace sagittal::hub {

/// A question that picks data, in the language of MHub's workflows: "nifti|mha:mod=ct|mr AND any:roi=*". Its quirks are
/// kept: `!=` looks at case and holds for a key that is not there, `=` does not look at case, lists are sets, "any" is
/// every file type, and "key.length" is how many parts a value has.
class DataQuery {
 public:
  /// Error(bad_input) for what is no query, more than 2000 bytes or 32 nested groups; Error(unsupported) for `>=`,
  /// which MHub's own reader always fails on, and for `~=`, whose expressions only Python defines.
  explicit DataQuery(std::string_view text);

  bool matches(const DataType& type) const;

 private:
  enum class Operation { not_equal, same_set, at_most, disjoint, equal, more, less };
  struct Condition {
    std::string key;
    Operation operation;
    std::string value;
  };
  struct Term {
    std::vector<std::string> files;
    std::vector<Condition> conditions;
  };
  enum class Join { term, negation, conjunction, disjunction };
  /// A tree in a list: parts are found by their place.
  struct Node {
    Join join = Join::term;
    Term term = {};
    std::vector<std::size_t> parts = {};
  };
  class Parser;

  static Condition parse_condition(std::string_view text);
  static Term parse_term(std::string_view text);
  static bool holds(const Condition& condition, const DataType& type);
  bool holds(std::size_t node, const DataType& type) const;

  std::vector<Node> nodes_;
  std::size_t root_ = 0;
};

}  // namespace sagittal::hub
