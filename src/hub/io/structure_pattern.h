#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/io/data_type.h"
#include "hub/io/target.h"

namespace sagittal::hub {

/// One level of a path below the input folder: a name that is fixed, free, or that an expression tells.
struct StructureLevel {
  enum class Kind { fixed, free, expression };
  Kind kind = Kind::fixed;
  std::string text = {};             ///< the name of `fixed`, the expression of `expression`
  std::string attribute = {};        ///< what the name is kept as; empty: nothing
  bool is_instance = false;          ///< a case begins here
  Attributes fixed_attributes = {};  ///< that the case gets
  bool is_bundle = false;
  std::optional<DataType> data = {};  ///< what lies here
};

/// Where a piece of data lies, in the language of MHub's FileStructureImporter: "$patientID@instance/ct@dicom:mod=ct".
struct StructurePattern {
  std::vector<StructureLevel> levels;

  /// Of the last level.
  const DataType* data() const;
  /// How many levels lead to the one where the case begins, with it; 0: none does.
  std::size_t instance_depth() const;
};

/// Error(bad_input) for what is none, more than 1000 bytes, 16 levels, and a way out of the folder.
StructurePattern parse_structure(std::string_view text);

/// A name that a level takes for a file or folder; nothing where only Python could tell. Of expressions, `^.*\.EXT$` is
/// understood.
std::optional<std::string> name_for(const StructureLevel& level);

}  // namespace sagittal::hub
