#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "hub/io/data_query.h"
#include "hub/io/data_type.h"

namespace sagittal::hub {

using Attributes = std::map<std::string, std::string>;

/// Where a result goes, in the language of MHub's DataOrganizer: "[i:sid]/[filename]_[d:roi].nii.gz". `[i:…]` is an
/// attribute of the instance (sid: the series), `[d:…]` a key of the data; `[path]`, `[basename]`, `[filename]` (up to
/// the first dot), `[filext]` (behind it) and `[random]` speak of the file. Other brackets stand for themselves.
class TargetPath {
 public:
  /// Error(bad_input) for more than 1000 bytes and for a path out of the output folder.
  explicit TargetPath(std::string_view text);

  /// The path of a file with these attributes. Error(bad_input) where one is missing or leads out of the output folder.
  std::string fill(const Attributes& instance, const DataType& data, std::string_view file_path,
                   std::string_view random) const;

  /// Whether a file below the output folder can be one of this target for an instance of these attributes: what only
  /// the model knows may be anything.
  bool fits(std::string_view path, const Attributes& instance) const;

  /// For people: with what is known of an instance, "1.2.3/[d:roi].nii.gz".
  std::string shown(const Attributes& instance) const;

 private:
  struct Part {
    enum class Kind { text, instance, data, path, basename, filename, extension, random };
    Kind kind;
    std::string text;  ///< itself, or the key
  };
  static Part placeholder(std::string_view inside);

  std::vector<Part> parts_;
};

/// "nifti:mod=seg-->[basename]": which data goes where.
struct Target {
  DataQuery query;
  TargetPath path;
  bool is_segmentation = false;  ///< the query asks for segments
};
/// Error(bad_input | unsupported).
Target parse_target(std::string_view text);

}  // namespace sagittal::hub
