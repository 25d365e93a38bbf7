#pragma once
#include <string>
#include <vector>

#include "base/json.h"
#include "base/progress.h"
#include "io/image_io.h"
#include "server/http/multipart.h"
#include "server/http/response.h"
#include "server/studies/saved_labels.h"
#include "server/studies/studies.h"

namespace sagittal::server {

/// What MONAI Label's clients call the datastore: the scans that the server offers, and the results that people hand
/// in. An image is named by its SeriesInstanceUID, its path below the folder of scans, or a name of the client's own.
/// `owner`: of the key. Any thread.
class MonaiDatastore {
 public:
  /// `read`: how scans are read. `cancel` stops the fetching of scans.
  MonaiDatastore(const Studies& studies, SavedLabels& labels, io::ReadOptions read, CancelToken cancel)
      : studies_(studies), labels_(labels), read_(read), cancel_(std::move(cancel)) {}

  bool offers_scans() const { return studies_.any(); }
  /// The scan; Error(not_found).
  LoadedStudy load(const std::string& image) const { return studies_.load(image, read_, cancel_); }

  /// {"total","completed","label_tags"} and {"objects"} of the scans and of `uploaded` images.
  Json status(const std::string& owner, const std::vector<std::string>& uploaded) const;
  Json objects(const std::string& owner, const std::vector<std::string>& uploaded) const;
  /// The first scan without a result of that owner; an empty object where there is none.
  Json next_sample(const std::string& owner) const;
  /// A scan as an NRRD file.
  http::Response image(const std::string& image) const;

  /// Keeps a result; of a DICOM series also as DICOM SEG, which an archive gets.
  Json put_label(const std::string& owner, const std::string& image, const std::string& tag, const http::Part& file,
                 const Json& params) const;
  /// The file that was kept.
  http::Response label(const std::string& owner, const std::string& image, const std::string& tag) const;

  /// `mask` is on the grid of that DICOM series, and is called `label` there.
  Bytes dicom_seg(const std::string& image, const Volume& mask, const std::string& label) const;

 private:
  const Studies& studies_;
  SavedLabels& labels_;
  const io::ReadOptions read_;
  const CancelToken cancel_;
};

}  // namespace sagittal::server
