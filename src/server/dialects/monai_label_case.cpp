#include "server/dialects/monai_label_case.h"

namespace sagittal::server {
namespace {

constexpr const char* kCase = "kept image of MONAI Label";

}  // namespace

Json describe(const MonaiCase& known) {
  Json labels = Json::object();
  for (const auto& [name, label] : known.labels) {
    labels[name] = {{"segment", label.segment}, {"foreground", label.foreground}, {"background", label.background}};
  }
  const Geometry& g = known.geometry;
  return {{"size", g.size},
          {"spacing_mm", g.spacing_mm},
          {"origin_mm", g.origin_mm},
          {"direction", g.direction},
          {"labels", std::move(labels)}};
}

MonaiCase parse_monai_case(const Json& json) {
  MonaiCase known;
  known.geometry = {json_get<Index3>(json, "size", kCase), json_get<Vec3>(json, "spacing_mm", kCase),
                    json_get<Vec3>(json, "origin_mm", kCase), json_get<Mat3>(json, "direction", kCase)};
  check_geometry(known.geometry, kCase);
  const Json labels = json_get<Json>(json, "labels", kCase);
  if (!labels.is_object()) throw_json_type(json, "labels", kCase);
  for (const auto& [name, label] : labels.items()) {
    known.labels[name] = {json_get<int>(label, "segment", kCase),
                          json_get<std::vector<Index3>>(label, "foreground", kCase),
                          json_get<std::vector<Index3>>(label, "background", kCase)};
  }
  return known;
}

}  // namespace sagittal::server
