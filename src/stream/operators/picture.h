#pragma once
#include <cstdint>
#include <vector>

#include "stream/frame.h"
#include "volume/resampler.h"

namespace sagittal::stream {

/// What is done with the pixels of frames. All work plane by plane on axes i (width) and j (height), keep axis k, and
/// take the memory of the result from `pool`. Frames are as `check_frame` wants them.

/// Pixels [x, x + width) x [y, y + height), where they lie. Error(bad_input) where they are not all in the frame.
Frame crop(const Frame& frame, std::int64_t x, std::int64_t y, std::int64_t width, std::int64_t height,
           FramePool& pool);

/// What mirroring does to the grid.
enum class Mirror {
  picture,  ///< the grid stays: what was left is right, in space too
  memory,   ///< each pixel stays where it is in space: the axis is turned round
};
Frame flip(const Frame& frame, bool horizontally, bool vertically, Mirror mirror, FramePool& pool);

/// The components of each pixel in another order: component c of the result is `order[c]` of the frame, or opaque where
/// that is kOpaque. Error(bad_input) for a component that the frame does not have.
inline constexpr int kOpaque = -1;
Frame reorder(const Frame& frame, const std::vector<int>& order, FramePool& pool);

/// 0.299 R + 0.587 G + 0.114 B; `red`, `green`, `blue` are components of the frame.
Frame to_grey(const Frame& frame, int red, int green, int blue, FramePool& pool);

/// Brings frames to a size; they stay where they are in space. Integers are rounded. `resampler` is the caller's, for
/// the next frame of the same size. Error(bad_input) for sizes that are not from 1 to 65535.
Frame resize(const Frame& frame, std::int64_t width, std::int64_t height, Filter filter, Resampler& resampler,
             FramePool& pool);

}  // namespace sagittal::stream
