#include "interact/network_input.h"

#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include "interact/stub_network.h"
#include "volume/resample.h"

namespace sagittal::interact {
namespace {

constexpr Index3 kPatch{20, 16, 18};
constexpr Index3 kShape{50, 44, 47};

/// A dense array that is 0 outside.
struct Dense {
  Index3 shape;
  std::vector<float> values;
  explicit Dense(const Index3& s) : shape(s), values(static_cast<std::size_t>(whole(s).volume())) {}
  float& at(std::int64_t i, std::int64_t j, std::int64_t k) {
    return values[static_cast<std::size_t>((i * shape[1] + j) * shape[2] + k)];
  }
  float get(std::int64_t i, std::int64_t j, std::int64_t k) {
    const bool inside = i >= 0 && j >= 0 && k >= 0 && i < shape[0] && j < shape[1] && k < shape[2];
    return inside ? at(i, j, k) : 0;
  }
};

template <class F>
Dense make(const Index3& shape, F&& value) {
  Dense out(shape);
  for (std::int64_t i = 0; i < shape[0]; ++i) {
    for (std::int64_t j = 0; j < shape[1]; ++j) {
      for (std::int64_t k = 0; k < shape[2]; ++k) out.at(i, j, k) = value(i, j, k);
    }
  }
  return out;
}

Dense crop(Dense source, const Box& box) {
  return make(box.size(),
              [&](auto i, auto j, auto k) { return source.get(box.lo[0] + i, box.lo[1] + j, box.lo[2] + k); });
}

Dense widened(Dense source, std::int64_t radius) {
  return make(source.shape, [&](auto i, auto j, auto k) {
    float best = 0;
    for (auto a = i - radius; a <= i + radius; ++a) {
      for (auto b = j - radius; b <= j + radius; ++b) {
        for (auto c = k - radius; c <= k + radius; ++c) best = std::max(best, source.get(a, b, c));
      }
    }
    return best;
  });
}

Dense averaged(Dense source, const Index3& size, double intensity) {
  return make(size, [&](auto i, auto j, auto k) {
    const AreaWindow a = area_window(i, source.shape[0], size[0]), b = area_window(j, source.shape[1], size[1]),
                     c = area_window(k, source.shape[2], size[2]);
    float sum = 0;
    for (auto x = a.lo; x < a.hi; ++x) {
      for (auto y = b.lo; y < b.hi; ++y) {
        for (auto z = c.lo; z < c.hi; ++z) sum += source.at(x, y, z);
      }
    }
    const auto count = static_cast<float>((a.hi - a.lo) * (b.hi - b.lo) * (c.hi - c.lo));
    const float mean = from_half(to_half(sum / count));
    return intensity == 1 ? mean : from_half(to_half(mean * (1.0f / static_cast<float>(intensity))));
  });
}

Dense sampled(Dense source, const Index3& size) {
  const auto di = linear_taps(source.shape[0], size[0]), dj = linear_taps(source.shape[1], size[1]),
             dk = linear_taps(source.shape[2], size[2]);
  return make(size, [&](auto i, auto j, auto k) {
    const LinearTap &a = di[static_cast<std::size_t>(i)], &b = dj[static_cast<std::size_t>(j)],
                    &c = dk[static_cast<std::size_t>(k)];
    const auto line = [&](auto x, auto y) {
      return blend(c.weight0, source.at(x, y, c.index0), c.weight1, source.at(x, y, c.index1));
    };
    const auto sheet = [&](auto x) { return blend(b.weight0, line(x, b.index0), b.weight1, line(x, b.index1)); };
    return blend(a.weight0, sheet(a.index0), a.weight1, sheet(a.index1));
  });
}

class NetworkInputTest : public testing::Test {
 protected:
  NetworkInputTest()
      : pool(2),
        model(*StubSession::make_model(kPatch, std::make_shared<StubNetwork>(8, nowhere), {})),
        layers(kShape, 7),
        stored(kShape, store(noise()), pool),
        image(kShape),
        input(model, stored, pool) {
    std::mt19937 random(7);
    for (std::int64_t row = 0; row < kShape[0] * kShape[1]; ++row) {
      stored.read({row / kShape[1], row % kShape[1], 0}, kShape[2], image.values.data() + row * kShape[2]);
    }
    for (int channel = 1; channel < 7; ++channel) {
      for (int n = 0; n < 6; ++n) {
        const Index3 at{static_cast<std::int64_t>(random() % 45), static_cast<std::int64_t>(random() % 40),
                        static_cast<std::int64_t>(random() % 43)};
        const Box box{at, {at[0] + 1 + n % 3, at[1] + 2, at[2] + 1 + n % 4}};
        layers.prompts[static_cast<std::size_t>(channel)].assign(box, to_half(0.3f * static_cast<float>(n) + 0.5f));
      }
    }
    layers.prompts[2].assign({{0, 0, 0}, {33, 33, 33}}, to_half(1.5f));  // a uniform block
    BitVolume previous({30, 40, 41});
    for (std::int64_t i = 0; i < 30; ++i) previous.fill({{i, i, 3}, {i + 1, 40, 41}}, true);
    layers.previous.paste(previous, {{5, 2, 4}, {35, 42, 45}}, pool);
    layers.intensity = 1.7;
  }

  static std::vector<float> noise() {
    std::mt19937 random(8);
    std::vector<float> values(static_cast<std::size_t>(whole(kShape).volume()));
    for (float& v : values) v = static_cast<float>(random() % 1000) / 100 - 5;
    return values;
  }

  Dense channel(int n) {
    Dense out(kShape);
    if (n == 0) {
      layers.previous.read(whole(kShape), std::span(out.values));
    } else {
      layers.prompts[static_cast<std::size_t>(n)].read(whole(kShape), quotient_table(1), out.values);
    }
    return out;
  }

  ThreadPool pool;
  Model model;
  Layers layers;
  NormalisedImage stored;
  Dense image;
  NetworkInput input;
};

TEST_F(NetworkInputTest, APatchIsCutOutAndPadded) {
  const Box box{{-4, 30, 33}, {16, 46, 51}};
  std::vector<float> values(input.value_count(), -1);
  input.crop(layers, layers.previous.read(box), box, values);
  const Seen seen{kPatch, values};
  EXPECT_EQ(seen.channel(0), crop(image, box).values);
  EXPECT_EQ(seen.channel(1), crop(channel(0), box).values);
  const auto table = quotient_table(layers.intensity);
  for (int n = 1; n < 7; ++n) {
    Dense expected = crop(channel(n), box);
    for (float& v : expected.values) v = table[to_half(v)];
    EXPECT_EQ(seen.channel(1 + n), expected.values) << n;
  }
}

TEST_F(NetworkInputTest, ALargerViewIsShrunk) {
  for (const double zoom : {1.5, 2.25, 1.0 + 5 / 16.0, 4.0}) {
    Box box;
    for (int axis = 0; axis < 3; ++axis) {
      const auto size = static_cast<std::int64_t>(std::nearbyint(static_cast<double>(kPatch[axis]) * zoom));
      box.lo[axis] = 21 - size / 2;
      box.hi[axis] = box.lo[axis] + size;
    }
    std::vector<float> values(input.value_count(), -1);
    input.shrink(layers, box, zoom, values);
    const Seen seen{kPatch, values};
    EXPECT_EQ(seen.channel(0), sampled(crop(image, box), kPatch).values) << zoom;
    EXPECT_EQ(seen.channel(1), averaged(crop(channel(0), box), kPatch, 1).values) << zoom;
    for (int n = 1; n < 7; ++n) {
      const std::int64_t radius = n >= 3 ? (widening_side(zoom) - 1) / 2 : 0;
      const Dense expected = averaged(widened(crop(channel(n), box), radius), kPatch, layers.intensity);
      EXPECT_EQ(seen.channel(1 + n), expected.values) << zoom << " channel " << n;
    }
  }
}

TEST(NetworkInput, PromptsAreWidenedWithTheZoom) {
  const std::pair<double, int> expected[]{{1, 1},   {1.3, 1}, {1.5, 3},   {2, 3},   {2.25, 3},
                                          {2.5, 5}, {3, 5},   {3.375, 5}, {3.9, 7}, {4, 7}};
  for (const auto& [zoom, side] : expected) EXPECT_EQ(widening_side(zoom), side) << zoom;
}

TEST(NetworkInput, ValuesAreDividedByMultiplyingWithTheReciprocal) {
  const double intensity = 1 / 0.98;
  const auto table = quotient_table(intensity);
  EXPECT_EQ(table[to_half(static_cast<float>(intensity))], 1.0f);
  EXPECT_EQ(table[0], 0.0f);
  EXPECT_EQ(quotient_table(1)[0x3c15], from_half(0x3c15));
}

}  // namespace
}  // namespace sagittal::interact
