#pragma once
#include "volume/volume.h"

namespace sagittal::segment {

/// What TotalSegmentator does to the labels of its tasks, as its own functions do it, on labels of uint8.

/// Removes from each of the labels [first, last] the parts, joined by faces, of up to `mm3`.
Volume without_small_parts(const Volume& labels, int first, int last, double mm3);

/// Label 1 is the trunk, which is one; label 2 the extremities, of which small ones go.
Volume clean_body(const Volume& labels);

/// Vertebral bodies that were trained 3 mm too small, from C1 (label 1) to L5 (label 24), on a canonical grid: where
/// two labels touch, parts are labelled anew in their order along the body, and those below 100 mm3 go; then all grow.
Volume separate_vertebrae(const Volume& labels);

/// Lets the vertebrae grow by 2 mm and keeps what has label 1 in `bodies`, which is on the same grid.
Volume refine_vertebrae(const Volume& labels, const Volume& bodies);

}  // namespace sagittal::segment
