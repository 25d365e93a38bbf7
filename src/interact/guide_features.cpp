#include "interact/guide_features.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>

#include "interact/nearness.h"

namespace sagittal::interact {
namespace {

constexpr float kReach = 0.33F;  ///< share of the longest side within which grey values count fully
constexpr int kLevels = 24;      ///< of grey values in a histogram, and of smoothed ones

struct Known {
  std::vector<Seed> seeds;
  Field from_object;  ///< voxels to the nearest one that is surely or was object
  Field near;         ///< weight of a voxel's surroundings, 1 at the object
  float reach = 1;
};

float largest(const Field& field) { return *std::max_element(field.values.begin(), field.values.end()); }

/// Depth of each marked voxel in the drawn figures, which are planes: the largest over the three directions of a plane.
Field depth_in_planes(const Field& marks) {
  Field depth(marks.size);
  for (int axis = 0; axis < 3; ++axis) {
    const int u = axis == 0 ? 1 : 0, v = axis == 2 ? 1 : 2;
    const auto strides = marks.strides();
    const auto su = strides[static_cast<std::size_t>(u)], sv = strides[static_cast<std::size_t>(v)];
    Field plane({1, marks.size[u] + 2, marks.size[v] + 2}, 1);
    for (std::int64_t slice = 0; slice < marks.size[axis]; ++slice) {
      const std::size_t first = static_cast<std::size_t>(slice) * strides[static_cast<std::size_t>(axis)];
      bool any = false;
      const auto each = [&](auto&& visit) {
        for (std::int64_t a = 0; a < marks.size[u]; ++a) {
          for (std::int64_t b = 0; b < marks.size[v]; ++b) {
            visit(first + static_cast<std::size_t>(a) * su + static_cast<std::size_t>(b) * sv,
                  static_cast<std::size_t>((a + 1) * plane.size[2] + b + 1));
          }
        }
      };
      each([&](std::size_t here, std::size_t there) {
        plane[there] = marks[here] > 0 ? 0 : 1;
        any = any || marks[here] > 0;
      });
      if (!any) continue;
      const Field squared = squared_distance(plane);
      each([&](std::size_t here, std::size_t there) {
        if (marks[here] > 0) depth[here] = std::max(depth[here], std::sqrt(squared[there]));
      });
    }
  }
  return depth;
}

/// The middle of drawn figures is object, what lies around them in their plane is background.
void seed_figures(const GuideScene& scene, std::vector<Seed>& seeds) {
  if (largest(scene.inside) <= 0) return;
  const Field depth = depth_in_planes(scene.inside);
  const float deepest = largest(depth);
  const auto strides = depth.strides();
  for (int axis = 0; axis < 3; ++axis) {
    const int u = axis == 0 ? 1 : 0, v = axis == 2 ? 1 : 2;
    const auto su = strides[static_cast<std::size_t>(u)], sv = strides[static_cast<std::size_t>(v)];
    Field plane({1, depth.size[u], depth.size[v]});
    for (std::int64_t slice = 0; slice < depth.size[axis]; ++slice) {
      const std::size_t first = static_cast<std::size_t>(slice) * strides[static_cast<std::size_t>(axis)];
      const auto voxel = [&](std::size_t n) {
        const auto width = static_cast<std::size_t>(plane.size[2]);
        return first + n / width * su + n % width * sv;
      };
      std::size_t drawn = 0;
      for (std::size_t n = 0; n < plane.count(); ++n) {
        plane[n] = depth[voxel(n)] > 0 ? 1.F : 0.F;
        drawn += plane[n] != 0;
      }
      // Only the plane in which a figure was drawn shows it as an area that deep.
      if (static_cast<float>(drawn) < 2 * deepest * deepest) continue;
      const Field apart = squared_distance(plane);
      const float least = 2.5F * 2.5F, most = std::max(6.F, deepest) * std::max(6.F, deepest);
      for (std::size_t n = 0; n < plane.count(); ++n) {
        if (apart[n] > least && apart[n] <= most) seeds[voxel(n)] = Seed::background;
      }
    }
  }
  for (std::size_t n = 0; n < depth.count(); ++n) {
    if (depth[n] > 0.5F * deepest) seeds[n] = Seed::object;
  }
}

/// Calls body(n) for each of `count` voxels.
template <class Body>
void for_voxels(std::size_t count, ThreadPool& pool, Body&& body) {
  constexpr std::int64_t grain = 1 << 15;
  pool.parallel_for(static_cast<std::int64_t>(count), grain, [&](std::int64_t begin, std::int64_t end) {
    for (auto n = static_cast<std::size_t>(begin); n < static_cast<std::size_t>(end); ++n) body(n);
  });
}

Known look_around(const GuideScene& scene, ThreadPool& pool) {
  const Index3& size = scene.image.size;
  Known known;
  known.seeds.assign(scene.image.count(), Seed::open);
  seed_figures(scene, known.seeds);
  Field object(size);
  for (std::size_t n = 0; n < object.count(); ++n) {
    if (scene.outside[n] > 0 || scene.core[n] == 2) known.seeds[n] = Seed::background;
    if (scene.core[n] == 1) known.seeds[n] = Seed::object;
    object[n] =
        known.seeds[n] == Seed::object || (scene.previous[n] > 0.5F && known.seeds[n] == Seed::open) ? 1.F : 0.F;
  }
  known.reach = std::max(4.F, kReach * static_cast<float>(std::max({size[0], size[1], size[2]})));
  known.from_object = squared_distance(object);
  known.near = Field(size);
  constexpr float least = 1e-3F;
  for_voxels(object.count(), pool, [&](std::size_t n) {
    const float squared = known.from_object[n];
    known.near[n] = std::exp(-0.5F * squared / (known.reach * known.reach)) + least;
    known.from_object[n] = std::sqrt(squared);
  });
  return known;
}

/// Grey values as 0 to 1: half by rank near the object, half linear, so that no setting depends on the scanner.
Field local_contrast(const Field& image, const Field& near) {
  constexpr std::size_t bins = 1024;
  auto sorted = image.values;
  const auto percentile = [&](double share) {
    const auto n = static_cast<std::ptrdiff_t>(share * static_cast<double>(sorted.size() - 1));
    std::nth_element(sorted.begin(), sorted.begin() + n, sorted.end());
    return sorted[static_cast<std::size_t>(n)];
  };
  const float low = percentile(0.005), high = std::max(percentile(0.995), low + 1e-6F);
  std::vector<double> below(bins + 1);
  double total = 0, mean = 0, square = 0;
  const auto position = [&](float value) {
    return std::clamp((value - low) / (high - low), 0.F, 1.F) * static_cast<float>(bins - 1);
  };
  for (std::size_t n = 0; n < image.count(); ++n) {
    const float value = std::clamp(image[n], low, high);
    below[static_cast<std::size_t>(position(value)) + 1] += near[n];
    total += near[n];
    mean += double{near[n]} * value;
    square += double{near[n]} * value * value;
  }
  mean /= total;
  const double deviation = std::sqrt(std::max(square / total - mean * mean, 1e-12));
  for (std::size_t n = 1; n <= bins; ++n) below[n] += below[n - 1];
  Field out(image.size);
  for (std::size_t n = 0; n < image.count(); ++n) {
    const auto bin = static_cast<std::size_t>(position(image[n]));
    const double rank = 0.5 * (below[bin] + below[bin + 1]) / total;
    const double linear = std::clamp((image[n] - mean) / deviation, -3.0, 3.0) / 4;
    out[n] = static_cast<float>(std::clamp(0.25 + 0.5 * rank + 0.5 * linear, -0.25, 1.25));
  }
  return out;
}

/// Mean difference of neighbours along each axis near the object.
std::array<float, 3> unevenness(const Field& image, const Field& near) {
  std::array<float, 3> out{};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    double total = 0, sum = 0;
    for_each_line(image.size, static_cast<int>(axis), [&](std::size_t first, std::size_t stride, std::size_t length) {
      for (std::size_t n = 0; n + 1 < length; ++n) {
        const std::size_t a = first + n * stride, b = a + stride;
        const double weight = std::min(near[a], near[b]);
        total += weight;
        sum += weight * std::abs(image[b] - image[a]);
      }
    });
    constexpr double least = 0.01;
    out[axis] = static_cast<float>(std::max(least, total > 0 ? sum / total : 1.0));
  }
  return out;
}

std::size_t level(float value) {
  return static_cast<std::size_t>(std::clamp(static_cast<int>(value * kLevels), 0, kLevels - 1));
}

/// Smooths a histogram of fine and smooth grey values and makes its sum 1.
Field density(Field histogram) {
  histogram = smooth(histogram, 1.0);
  double total = 0;
  for (const float value : histogram.values) total += value;
  for (float& value : histogram.values) value = static_cast<float>(value / std::max(total, 1e-9));
  return histogram;
}

/// Share of the object among voxels of each pair of grey values.
Field likeness(const Field& fine, const Field& soft, const Field& object, const Field& background) {
  Field inside({1, kLevels, kLevels}), outside({1, kLevels, kLevels});
  std::vector<std::uint16_t> place(fine.count());
  for (std::size_t n = 0; n < fine.count(); ++n) {
    place[n] = static_cast<std::uint16_t>(level(fine[n]) * kLevels + level(soft[n]));
    inside[place[n]] += object[n];
    outside[place[n]] += background[n];
  }
  inside = density(std::move(inside));
  outside = density(std::move(outside));
  constexpr float least = 2e-4F;
  Field out(fine.size);
  for (std::size_t n = 0; n < fine.count(); ++n) {
    out[n] = (inside[place[n]] + least) / (inside[place[n]] + outside[place[n]] + 2 * least);
  }
  return out;
}

/// How much the previous mask counts: less around the newest prompt, as far as that lies from the mask's surface.
Field trust_in_previous(const GuideScene& scene) {
  const Index3& size = scene.image.size;
  Field trust(size), surface(size);
  if (largest(scene.previous) <= 0.5F) return trust;
  const Field newest = newest_prompt(scene);
  const auto strides = scene.previous.strides();
  for (std::size_t n = 0; n < newest.count(); ++n) {
    for (const std::size_t stride : strides) {
      if (n + stride < newest.count() && (scene.previous[n] > 0.5F) != (scene.previous[n + stride] > 0.5F))
        surface[n] = 1;
    }
  }
  const Field from_newest = squared_distance(newest), from_surface = squared_distance(surface);
  float apart = 0;
  for (std::size_t n = 0; n < newest.count(); ++n) {
    if (newest[n] != 0) apart = std::max(apart, from_surface[n]);
  }
  const float radius = std::clamp(1.2F * std::sqrt(apart), 2.F, 12.F);
  constexpr float strength = 0.05F;
  for (std::size_t n = 0; n < trust.count(); ++n) {
    trust[n] = strength * (1 - std::exp(-0.5F * from_newest[n] / (radius * radius)));
  }
  return trust;
}

/// The network's input, channel after channel; what is beyond the scene is 0.
class Features {
 public:
  Features(const Index3& size, const Index3& padded, ThreadPool& pool, std::span<float> out)
      : size_(size), padded_(padded), pool_(pool), out_(out) {}

  template <class Value>
  void write(Value&& value) {
    float* to = out_.data() + channel_++ * whole(padded_).volume();
    constexpr std::int64_t grain = 16;
    pool_.parallel_for(padded_[0], grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        for (std::int64_t j = 0; j < padded_[1]; ++j) {
          float* row = to + (i * padded_[1] + j) * padded_[2];
          const std::int64_t length = i < size_[0] && j < size_[1] ? size_[2] : 0;
          const auto n = static_cast<std::size_t>((i * size_[1] + j) * size_[2]);
          for (std::int64_t k = 0; k < length; ++k) row[k] = value(n + static_cast<std::size_t>(k));
          std::fill(row + length, row + padded_[2], 0.F);
        }
      }
    });
  }

 private:
  const Index3 &size_, &padded_;
  ThreadPool& pool_;
  std::span<float> out_;
  std::int64_t channel_ = 0;
};

/// Calls each, as many at a time as there are threads.
void all_of(ThreadPool& pool, const RunControl& control, std::span<const std::function<void()>> parts) {
  pool.parallel_for(static_cast<std::int64_t>(parts.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t part = begin; part < end; ++part) {
      control.check();
      parts[static_cast<std::size_t>(part)]();
    }
  });
}

float faded(float strength) {
  const float squared = strength * strength, fourth = squared * squared;
  return fourth * fourth;
}

}  // namespace

Field newest_prompt(const GuideScene& scene) {
  const auto kinds = {&scene.positive, &scene.negative, &scene.inside, &scene.outside};
  const auto strength = [&](std::size_t n) {
    float most = 0;
    for (const Field* kind : kinds) most = std::max(most, (*kind)[n]);
    return most;
  };
  Field newest(scene.image.size);
  float strongest = 0;
  for (std::size_t n = 0; n < newest.count(); ++n) strongest = std::max(strongest, strength(n));
  for (std::size_t n = 0; n < newest.count(); ++n) {
    newest[n] = strength(n) > 0 && strength(n) >= 0.999F * strongest ? 1.F : 0.F;
  }
  return newest;
}

void guide_features(const GuideScene& scene, const Index3& padded, ThreadPool& pool, const RunControl& control,
                    std::span<float> out) {
  const Index3& size = scene.image.size;
  const std::size_t count = scene.image.count();
  const Known known = look_around(scene, pool);
  const Field fine = local_contrast(scene.image, known.near);
  Field even, soft, trust, widened;
  const bool any_object = std::find(known.seeds.begin(), known.seeds.end(), Seed::object) != known.seeds.end();
  const auto widen_object = [&] {
    if (!any_object) return;
    Field marked(size);
    for (std::size_t n = 0; n < count; ++n) marked[n] = known.seeds[n] == Seed::object ? 1.F : 0.F;
    widened = smooth(marked, 0.8);
  };
  all_of(pool, control,
         std::array<std::function<void()>, 4>{[&] { even = smooth(fine, 0.7); }, [&] { soft = smooth(fine, 1.5); },
                                              widen_object, [&] { trust = trust_in_previous(scene); }});
  const auto noise = unevenness(even, known.near);
  std::array<float, 3> steepness{};
  for (std::size_t axis = 0; axis < 3; ++axis) steepness[axis] = 1 / (1.4F * noise[axis] * 1.4F * noise[axis]);
  const Conductance edges = conductance(even, steepness, 1e-3F, pool);
  Field object(size), background(size);
  for_voxels(count, pool, [&](std::size_t n) {
    object[n] = any_object ? widened[n] : scene.previous[n];
    const float apart = std::min(1.F, known.from_object[n] / known.reach);
    background[n] = apart * apart * known.near[n] + (known.seeds[n] == Seed::background ? 1.F : 0.F);
  });
  const Field first_likeness = likeness(fine, soft, object, background);

  const auto solve = [&](const Field& like, float strength, Field start) {
    Field prior(size), weight(size);
    for (std::size_t n = 0; n < count; ++n) {
      const float far = known.from_object[n] / known.reach;
      const float away = 0.02F * std::min(8.F, far * far * far * far);
      weight[n] = away + strength + trust[n];
      prior[n] = (strength * like[n] + trust[n] * scene.previous[n]) / weight[n];
    }
    if (start.count() == 0) start = prior;
    return walk(edges, known.seeds, prior, weight, std::move(start), {}, pool, control);
  };
  Field first, second, second_likeness;
  const auto walks = [&] {
    first = solve(first_likeness, 0.1F, {});
    for (std::size_t n = 0; n < count; ++n) {
      const bool surely = known.seeds[n] == Seed::object, never = known.seeds[n] == Seed::background;
      const float apart = known.from_object[n] / (1.5F * known.reach);
      object[n] = (first[n] > 0.5F && !never ? first[n] : 0.F) + (surely ? 2.F : 0.F);
      background[n] =
          (first[n] <= 0.5F ? (1 - first[n]) * (std::exp(-0.5F * apart * apart) + 0.02F) : 0.F) + (never ? 0.5F : 0.F);
    }
    second_likeness = likeness(fine, soft, object, background);
    second = solve(second_likeness, 0.1F, first);
  };

  const float per_noise = 3 / (noise[0] + noise[1] + noise[2]);
  Field to_object, evenly_to_object, to_background;
  all_of(pool, control,
         std::array<std::function<void()>, 4>{
             walks,
             [&] { to_object = nearness(even, 2 * per_noise, known.seeds, Seed::object); },
             [&] { evenly_to_object = nearness(even, 8 * per_noise, known.seeds, Seed::object); },
             [&] { to_background = nearness(even, 2 * per_noise, known.seeds, Seed::background); },
         });

  Features features(size, padded, pool, out);
  features.write([&](std::size_t n) { return 2 * fine[n] - 1; });
  for (const Field* field :
       std::initializer_list<const Field*>{&first_likeness, &second_likeness, &first, &second, &to_object,
                                           &evenly_to_object, &to_background, &scene.previous}) {
    features.write([&](std::size_t n) { return (*field)[n]; });
  }
  for (const Field* field : {&scene.positive, &scene.negative, &scene.inside, &scene.outside}) {
    features.write([&](std::size_t n) { return faded((*field)[n]); });
  }
  features.write([&](std::size_t n) {
    return known.seeds[n] == Seed::object ? 1.F : known.seeds[n] == Seed::background ? -1.F : 0.F;
  });
  features.write([](std::size_t) { return 1.F; });
}

}  // namespace sagittal::interact
