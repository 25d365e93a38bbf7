#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sagittal::hub {

/// What a piece of data is, in MHub's words: "nifti:mod=seg:roi=LIVER,SPLEEN".
struct DataType {
  std::string file;                         ///< "nifti", "dicom", "dicomseg", …, in lower case
  std::map<std::string, std::string> meta;  ///< values may be lists, "LIVER,SPLEEN"

  bool operator==(const DataType&) const = default;
};

/// Error(bad_input) for what is no type followed by key=value pairs, and for more than 2000 bytes.
DataType parse_data_type(std::string_view text);
std::string to_string(const DataType& type);

}  // namespace sagittal::hub
