#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "volume/pose.h"

namespace sagittal {

/// "ProbeToTracker": takes coordinates of Probe to coordinates of Tracker.
struct TransformName {
  std::string from, to;

  std::string text() const { return from + "To" + to; }
  TransformName reversed() const { return {to, from}; }
  auto operator<=>(const TransformName&) const = default;
};

/// Splits at the one "To" that stands between a name and a capital letter or digit. Error(bad_input) where there is
/// none or more than one, or beyond 256 characters.
TransformName parse_transform_name(std::string_view text);

/// The transforms between coordinate systems that are known now. Not for use by several threads at once.
class TransformRepository {
 public:
  struct Entry {
    Affine affine;
    bool valid = true;  ///< false: the tool was not seen; the value is not to be used
  };

  /// Replaces what was known of this pair, in either direction. Error(bad_input) where both names are equal or the
  /// transform has no inverse, Error(too_large) beyond 1024 pairs.
  void set(const TransformName& name, const Affine& affine, bool valid = true);

  /// Joins the fewest transforms and inverses that lead from one system to the other: "ImageToReference" from
  /// ImageToProbe, ProbeToTracker and ReferenceToTracker. Not valid where one of them is not. Error(not_found), with
  /// what is known, where there is no way.
  Entry get(const TransformName& name) const;
  bool knows(const TransformName& name) const { return !path(name).empty() || name.from == name.to; }

 private:
  std::vector<TransformName> path(const TransformName& name) const;

  std::map<TransformName, Entry> edges_;  // each pair in both directions
};

}  // namespace sagittal
