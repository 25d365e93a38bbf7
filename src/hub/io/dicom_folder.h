#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/progress.h"

namespace sagittal::hub {

/// A DICOM object by its header.
struct DicomObject {
  std::filesystem::path path;
  std::string series_uid, instance_uid, study_uid, modality, frame_of_reference;
  std::string referenced_series;  ///< of a SEG or RTSTRUCT: what it was made on
  bool is_placed = false;         ///< has position, orientation and spacing of its pixels, or frames that have
};

/// The objects of one series, by instance UID.
struct DicomObjects {
  std::string uid, modality, description;
  std::map<std::string, DicomObject> objects;

  const DicomObject& first() const { return objects.begin()->second; }
};

/// What lies in a file or folder.
struct DicomFolder {
  std::map<std::string, DicomObjects> series;  ///< by UID
  std::size_t without_uid = 0;                 ///< objects that somebody took their UIDs from
};

/// Every DICOM object of a file or folder by its series: images, SEG, RTSTRUCT. DICOMDIR, objects without UIDs, and
/// files that are no DICOM are passed over. Links to files are followed, since a person gave the folder; UIDs
/// that are none are Error(bad_input), for they become names of files. Error(too_large) for more than 200 000 files,
/// Error(bad_input) where one UID stands for two different objects.
DicomFolder find_dicom_objects(const std::filesystem::path& path, const RunControl& control);

/// Whether a text can be a DICOM UID: digits and single dots, at most 64.
bool is_uid(std::string_view text);

}  // namespace sagittal::hub
