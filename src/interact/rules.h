#pragma once

namespace sagittal::interact {

/// Releases of nnInteractive whose session rules differ.
enum class Rules {
  /// Counts on the patch's border are compared in half precision. The coarse answer becomes the previous segmentation,
  /// and the box around all refined patches is written, coarse voxels between the patches included.
  v2_5,
  /// Counts are compared exactly. Only refined patches are written; between them everything stays as it was.
  v2_6,
};

}  // namespace sagittal::interact
