#pragma once
#include "base/thread_pool.h"
#include "segment/grid.h"
#include "volume/box.h"
#include "volume/volume.h"

namespace sagittal::segment {

/// The image with its axes turned so that i, j and k grow to the patient's right, anterior and superior, as far as
/// whole axes can be: nibabel's `as_closest_canonical`. Nothing is resampled; an image that lies so already is shared.
Volume to_canonical(const Volume& image);

/// Labels of uint8 on the canonical grid of `original`, back on its own.
Volume from_canonical(const Volume& labels, const Geometry& original);

/// SciPy's `ndimage.zoom` of order 1, mode "nearest", to a spacing along [i, j, k], cut to whole numbers as a cast to
/// int32 does: in the same order of double operations, since a cast shows the last bit. Throws Error(bad_input) for
/// voxels that are no such numbers, Error(too_large).
Volume zoom_to_spacing(const Volume& image, const Vec3& spacing_mm, ThreadPool& pool);

/// The same of order 0, of labels of uint8 to exactly this grid.
Volume zoom_labels(const Volume& labels, const Geometry& target);

/// Whole numbers: what a cast to int32 leaves.
Volume truncated(const Volume& image);

/// The part of an image inside a box of its [i, j, k].
Volume cropped(const Volume& image, const Box& box_ijk);

}  // namespace sagittal::segment
