#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "base/json.h"
#include "server/http/response.h"
#include "server/state/models.h"
#include "volume/volume.h"

namespace sagittal::server {

/// Requests and answers of MONAI Label's clients. What parses throws Error(bad_input | unsupported | too_large).

inline constexpr std::string_view kMonaiClicks = "nnInteractive";
inline constexpr std::string_view kMonaiScribbles = "nnInteractive-scribbles";

/// A model as these clients know it: one for each way to prompt one of the server's.
struct MonaiModel {
  std::string name;  ///< kMonaiClicks or kMonaiScribbles; of others than the server's default "nnInteractive@NAME"
  bool scribbles = false;
  Models::Model model;
};
std::vector<MonaiModel> monai_models(const Models& models);
/// Error(not_found) that lists them where there is none of that name; '+' in it may stand for a space, as some clients
/// write it.
MonaiModel find_monai_model(const Models& models, const std::string& name);

/// The answer to GET /info/, without "datastore". `samples`: the server has scans to hand out.
Json describe_monai_label(const Models& models, bool samples);

/// Every click on one segment so far, each as (k, j, i), in the order they were made.
struct MonaiClicks {
  std::string label;
  std::vector<Index3> foreground;
  std::vector<Index3> background;
};

/// `{"foreground":[[i,j,k],...],"background":[...],"label":"liver"}`, or `{"liver":[...],"background":[...],"label":
/// "liver"}`.
MonaiClicks parse_monai_clicks(const Json& params);

/// Which values of an uploaded label map are what: `{"label_info":[{"name","id"},...],"selected_label_name"}`.
struct MonaiScribbles {
  std::string label;
  double label_value = 0;  ///< of the segment so far; these three are 0 where there is none
  double foreground_value = 0;
  double background_value = 0;
};
MonaiScribbles parse_monai_scribbles(const Json& params);

/// 1 where the voxel is `value`; all 0 where `value` is 0. In C order [k, j, i].
std::vector<std::uint8_t> voxels_equal_to(const Volume& labels, double value);

/// How the client wants its mask.
struct MonaiResult {
  bool as_file = false;       ///< the file alone ("output=image"), not a form with parameters and file
  bool only_json = false;     ///< "output=json"
  bool as_dicom_seg = false;  ///< "output=dicom_seg"
  bool compressed = true;     ///< voxels inside the NRRD file
  bool sixteen_bits = false;
};
MonaiResult parse_monai_result(const Json& params, const std::string& output);

/// `file` is a whole NRRD or DICOM file.
http::Response monai_answer(const MonaiResult& how, const Json& params, Bytes file);

}  // namespace sagittal::server
