// The program's guide_features for Python; see features.py.
#include "interact/guide_features.h"

using namespace sagittal;
using namespace sagittal::interact;

/// 0, or 1 where it failed. All fields have `size`; `out` holds 15 fields of size `padded`.
extern "C" int sagittal_guide_features(const long* size, const long* padded, const float* image, const float* previous,
                                       const float* positive, const float* negative, const float* inside,
                                       const float* outside, const unsigned char* core, float* out) {
  try {
    ThreadPool pool(1);
    const auto field = [&](const float* values) {
      Field copy({size[0], size[1], size[2]});
      copy.values.assign(values, values + copy.count());
      return copy;
    };
    GuideScene scene{
        field(image), field(previous), field(positive), field(negative), field(inside), field(outside), {}};
    scene.core.assign(core, core + scene.image.count());
    const Index3 sides{padded[0], padded[1], padded[2]};
    guide_features(scene, sides, pool, {}, {out, static_cast<std::size_t>(kGuideChannels * whole(sides).volume())});
    return 0;
  } catch (...) {
    return 1;
  }
}
