#pragma once
#include <span>
#include <vector>

#include "base/progress.h"
#include "base/thread_pool.h"
#include "interact/random_walker.h"

namespace sagittal::interact {

/// A part of the image with the prompts in it, thinned so that it is small. All fields have one size.
struct GuideScene {
  Field image;                     ///< normalised values
  Field previous;                  ///< share of the previous mask in each voxel, 0 to 1
  Field positive;                  ///< points and scribbles on the object: the newest 1, older ones less, 0 elsewhere
  Field negative;                  ///< the same on the background
  Field inside;                    ///< boxes and lassos around the object
  Field outside;                   ///< boxes and lassos around background
  std::vector<std::uint8_t> core;  ///< 1 in the middle of a positive point or on a scribble, 2 of a negative one
};

/// 1 in the strongest, hence newest prompt, 0 elsewhere; everywhere 0 where there is no prompt.
Field newest_prompt(const GuideScene& scene);

inline constexpr int kGuideChannels = 15;

/// What the guide's network sees of a scene: kGuideChannels fields, each written into the first corner of an array of
/// size `padded`, zero outside. Channels: local contrast; how object-like each grey value is, from the prompts alone
/// and from a first answer; two random walks; nearness along even grey
/// values to object (twice, the second time more strictly) and background; previous
/// mask; the four kinds of prompts; seeds; one inside. Does not depend on the number of threads.
void guide_features(const GuideScene& scene, const Index3& padded, ThreadPool& pool, const RunControl& control,
                    std::span<float> out);

}  // namespace sagittal::interact
