#pragma once
#include "base/json.h"
#include "stream/frame.h"
#include "stream/values.h"
#include "volume/pose.h"
#include "volume/transforms.h"

namespace sagittal::stream {

/// Where frames lie. Trackers and Plus write transforms in RAS; values of ports hold them in LPS: F * A * F with F the
/// change between the two, its own inverse. A coordinate system "Image" counts pixels.

inline Affine affine_of(const Transform& transform) { return {transform.matrix, transform.translation_mm}; }
Transform transform_of(std::string name, const Affine& affine, bool valid);
Affine flip_coordinates(const Affine& affine);

/// `grid` with the place that `image_to_world` gives its pixels, LPS as values of ports have it. Calibrations are not
/// quite at right angles, pictures are: both axes are turned a little. Error(bad_input) beyond some 6 degrees.
Geometry placed(const Geometry& grid, const Affine& image_to_world);
/// A picture whose axes are not quite at right angles, as Plus sends them with its calibrations, turned so that they
/// are: a little, about its centre. All else stays as it is. Error(bad_input) beyond some 6 degrees.
Geometry straightened(const Geometry& grid);
/// The inverse of `placed`.
Affine image_to_world(const Geometry& grid);
/// Takes (x, y, 0) in pixels of the frame to LPS millimetres.
Affine pixels_to_world(const Geometry& grid);

/// {"ImageToProbe": [16 numbers, row by row]} as Plus writes it, in RAS, for a repository in LPS.
void add_calibration(TransformRepository& repository, const Json& calibration);

}  // namespace sagittal::stream
