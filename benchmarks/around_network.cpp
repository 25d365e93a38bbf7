// What a prediction of a published checkpoint costs apart from its network, part by part: around_network [IMAGE].
#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <memory>
#include <random>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "interact/coarse.h"
#include "interact/cover.h"
#include "interact/predictor.h"
#include "interact/record.h"
#include "interact/session.h"
#include "io/image_io.h"

namespace {

using namespace sagittal;
using namespace sagittal::interact;
using Clock = std::chrono::steady_clock;

constexpr Index3 kShape{300, 512, 512};
constexpr Index3 kPatch{192, 192, 192};
constexpr int kRuns = 9;
constexpr Index3 kTubeEnd{150, 40, 40}, kBall{60, 130, 400};

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

/// A ball that one patch shows, and a forked tube through the whole image.
bool in_object(const Index3& at) {
  const auto within = [](double a, double b, double c, double radius) {
    return a * a + b * b + c * c < radius * radius;
  };
  const auto i = static_cast<double>(at[0]), j = static_cast<double>(at[1]), k = static_cast<double>(at[2]);
  if (within(i - kBall[0], j - kBall[1], k - kBall[2], 40)) return true;
  const double along = (j + k) / 2, across = (j - k) / std::sqrt(2), wave = i - 150 - 60 * std::sin(along / 60);
  const double other = (j + 510 - k) / 2, across_other = (j - (510 - k)) / std::sqrt(2);
  return (along > 20 && along < 490 && within(wave, across, 0, 30)) ||
         (other > 255 && other < 490 && within(i - 150, across_other, 0, 25));
}

/// The object painted into a CT or, where none is named, into noise.
std::vector<std::int16_t> make_scan(const char* file) {
  std::vector<std::int16_t> voxels(static_cast<std::size_t>(whole(kShape).volume()));
  std::minstd_rand random(1);
  std::generate(voxels.begin(), voxels.end(), [&] { return static_cast<std::int16_t>(random() % 100); });
  if (file != nullptr) {
    const Volume volume = io::read_image(file);
    const auto& size = volume.geometry().size;
    const Index3 there{size[2], size[1], size[0]};
    const Box shared = intersect(whole(kShape), whole(there));
    visit_voxels(volume, [&](auto source) {
      for (std::int64_t i = 0; i < shared.hi[0]; ++i) {
        for (std::int64_t j = 0; j < shared.hi[1]; ++j) {
          const auto* row = source.data() + (i * there[1] + j) * there[2];
          std::transform(row, row + shared.hi[2], voxels.data() + (i * kShape[1] + j) * kShape[2],
                         [](auto value) { return static_cast<std::int16_t>(value); });
        }
      }
    });
  }
  std::size_t v = 0;
  for (std::int64_t i = 0; i < kShape[0]; ++i) {
    for (std::int64_t j = 0; j < kShape[1]; ++j) {
      for (std::int64_t k = 0; k < kShape[2]; ++k, ++v) {
        if (in_object({i, j, k})) voxels[v] = 30000;
      }
    }
  }
  return voxels;
}

/// Answers with what is bright, and tells how long it took for that.
class Threshold : public nn::Network {
 public:
  explicit Threshold(int channels) : channels_(channels) {}
  int input_channels() const override { return channels_; }
  int output_channels() const override { return 2; }
  std::string description() const override { return "threshold"; }
  std::string device() const override { return "cpu"; }
  void run(const nn::SpatialSize&, std::span<const float> input, std::span<float> logits,
           const RunControl&) const override {
    const auto start = Clock::now();
    const std::size_t voxels = logits.size() / 2;
    for (std::size_t v = 0; v < voxels; ++v) {
      logits[voxels + v] = input[v] - 1;  // before what it reads is written over
      logits[v] = 0;
    }
    milliseconds += milliseconds_since(start);
  }
  mutable double milliseconds = 0;

 private:
  int channels_;
};

std::shared_ptr<Model> make_model() {
  auto model = std::make_shared<Model>();
  model->patch_size = kPatch;
  model->network = std::make_shared<Threshold>(1 + model->capabilities.num_interaction_channels);
  return model;
}

struct Scene {
  std::shared_ptr<const Model> model;
  NormalisedImage image;
  Layers layers;
};

Box box_around(const Index3& centre, const Index3& size) {
  Box box;
  for (int axis = 0; axis < 3; ++axis) {
    box.lo[axis] = centre[axis] - size[axis] / 2;
    box.hi[axis] = box.lo[axis] + size[axis];
  }
  return box;
}

/// Three points of each sign, a scribble, and a previous mask that is not quite the object.
Layers make_layers(const Model& model, ThreadPool& pool) {
  const Capabilities& can = model.capabilities;
  Layers layers(kShape, can.num_interaction_channels);
  const PointKernel kernel(static_cast<int>(can.point_radius));
  for (int n = 0; n < 6; ++n) {
    const std::int64_t at = 40 + 25 * n;
    const Box part = kernel.box_around({150, at, at});
    const int channel = n % 2 == 0 ? can.points.positive : can.points.negative;
    layers.prompts[static_cast<std::size_t>(channel)].raise(part, kernel.crop({150, at, at}, part, 1.1));
  }
  const Box scribble{{150, 100, 60}, {151, 103, 140}};
  const std::vector<std::uint8_t> painted(static_cast<std::size_t>(scribble.volume()), 1);
  layers.prompts[static_cast<std::size_t>(can.scribble.positive)].raise(scribble, painted, to_half(1.2F));
  layers.intensity = 1.3;
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(whole(kShape).volume()));
  std::size_t v = 0;
  for (std::int64_t i = 0; i < kShape[0]; ++i) {
    for (std::int64_t j = 0; j < kShape[1]; ++j) {
      for (std::int64_t k = 0; k < kShape[2]; ++k, ++v) mask[v] = in_object({i + 5, j, k}) ? 1 : 0;
    }
  }
  layers.mask = layers.previous = MaskGrid::from_bytes(kShape, mask, pool);
  return layers;
}

/// Best times of the parts with each number of threads.
class Table {
 public:
  explicit Table(std::vector<int> threads) : threads_(std::move(threads)) {}

  /// `work(pool)` after `prepare()`, which is not timed.
  void row(
      const std::string& name, const std::function<void(ThreadPool&)>& work,
      const std::function<void()>& prepare = [] {}) {
    fmt::print("{:<44}", name);
    for (const int count : threads_) {
      ThreadPool pool(count);
      double best = 1e9;
      for (int run = 0; run < kRuns; ++run) {
        prepare();
        const auto start = Clock::now();
        work(pool);
        best = std::min(best, milliseconds_since(start));
      }
      fmt::print(" {:8.2f}", best);
    }
    fmt::print("\n");
    std::fflush(stdout);
  }

 private:
  std::vector<int> threads_;
};

Index3 enlarged(double zoom) {
  Index3 size;
  for (int axis = 0; axis < 3; ++axis) size[axis] = round_half_even(static_cast<double>(kPatch[axis]) * zoom);
  return size;
}

void measure_looks(Table& table, const Scene& scene) {
  ThreadPool both(2);
  const NetworkInput sizes(*scene.model, scene.image, both);
  Buffer input(sizes.value_count() * sizeof(float)), logits(2 * sizes.patch_voxels() * sizeof(float));
  const Box near_box = box_around(kTubeEnd, kPatch);
  table.row("crop at zoom 1", [&](ThreadPool& pool) {
    NetworkInput(*scene.model, scene.image, pool)
        .crop(scene.layers, scene.layers.previous.read(near_box), near_box, input.as<float>());
  });
  PatchMask answer;
  for (const double zoom : {1.5, 2.25, 3.375, 4.0}) {
    const Box box = box_around(kTubeEnd, enlarged(zoom)), seen = intersect(box, whole(kShape));
    table.row(fmt::format("shrink at zoom {}", zoom), [&](ThreadPool& pool) {
      NetworkInput(*scene.model, scene.image, pool).shrink(scene.layers, box, zoom, input.as<float>());
    });
    scene.model->network->run(kPatch, input.as<float>(), logits.as<float>(), {});
    table.row("  decide", [&](ThreadPool& pool) { decide(logits.as<float>(), pool, answer); });
    table.row("  border test",
              [&](ThreadPool&) { reaches_border(answer, kPatch, scene.layers.previous, box, Rules::v2_5); });
    Box part = seen;
    for (int axis = 0; axis < 3; ++axis) {
      part.lo[axis] -= box.lo[axis];
      part.hi[axis] -= box.lo[axis];
    }
    BitVolume coarse;
    table.row("  enlarge", [&](ThreadPool& pool) { coarse = enlarge(answer, kPatch, box.size(), part, pool); });
  }
}

void measure_refinement(Table& table, const Scene& scene) {
  const Box seen = intersect(box_around(kTubeEnd, enlarged(kMaxZoom)), whole(kShape));
  BitVolume previous = scene.layers.previous.read(seen), coarse(seen.size());
  for (std::int64_t i = 0; i < seen.size()[0]; ++i) {
    for (std::int64_t j = 0; j < seen.size()[1]; ++j) {
      for (std::int64_t k = 0; k < seen.size()[2]; ++k) {
        if (in_object({seen.lo[0] + i, seen.lo[1] + j, seen.lo[2] + k})) coarse.set_bits(i, j, k, 1, 1);
      }
    }
  }
  table.row("read the previous mask", [&](ThreadPool&) { previous = scene.layers.previous.read(seen); });
  BitVolume needed = coarse.difference(previous);
  table.row("difference", [&](ThreadPool&) { needed = coarse.difference(previous); });
  const BitVolume before = needed;
  table.row(
      "opening: erode", [&](ThreadPool& pool) { erode_cube(needed, 2, pool); }, [&] { needed = before; });
  const BitVolume eroded = needed;
  table.row(
      "opening: dilate", [&](ThreadPool& pool) { dilate_cube(needed, 2, pool); }, [&] { needed = eroded; });
  std::vector<Box> patches;
  table.row("cover", [&](ThreadPool&) { patches = cover(needed, kPatch, cover_margin(kPatch), make_leftover_pick()); });
  Box all = patches.front();
  for (const Box& patch : patches) all = hull(all, patch);
  table.row(fmt::format("context of {} patches", patches.size()),
            [&](ThreadPool&) { scene.layers.previous.read(all); });
  const PatchMask answer(static_cast<std::size_t>(whole(kPatch).volume()), 1);
  BitVolume packed;
  table.row("pack one answer", [&](ThreadPool& pool) { packed = pack(answer, kPatch, whole(kPatch), pool); });
  BitVolume context(all.size());
  table.row("copy one answer into the context", [&](ThreadPool&) {
    context.copy_from(packed, whole(kPatch), {0, 0, 0});
  });
  Layers layers;
  table.row(
      "paste into both masks",
      [&](ThreadPool& pool) {
        layers.previous.paste(coarse, seen, pool);
        layers.mask.paste_shared(layers.previous, coarse, seen, pool);
      },
      [&] { layers = scene.layers; });
  Step step;
  table.row("undo record", [&](ThreadPool&) { step = compare(scene.layers, layers); });
  Bytes record;
  table.row(
      "journal's record", [&](ThreadPool&) { write_step(record, step); }, [&] { record.clear(); });
}

/// A prompt from session to record, and what of it the network took left out; the first click and a second near it.
void measure_click(const std::string& name, const std::vector<std::int16_t>& scan, const Index3& at, int threads) {
  const auto model = make_model();
  const auto& network = static_cast<const Threshold&>(*model->network);
  ThreadPool pool(threads);
  SessionOptions options;
  options.keep_record = true;
  Session session(model, pool, options);
  Buffer voxels(scan.size() * sizeof(std::int16_t));
  std::copy(scan.begin(), scan.end(), voxels.as<std::int16_t>().begin());
  session.set_image(kShape, store(ScalarType::i16, std::move(voxels)));
  std::array<double, 2> best{1e9, 1e9};
  std::array<Outcome, 2> outcomes;
  for (int run = 0; run < kRuns; ++run) {
    for (std::size_t click = 0; click < 2; ++click) {
      std::array<double, 3> position;
      std::transform(at.begin(), at.end(), position.begin(),
                     [click](auto n) { return static_cast<double>(n) + 3 * static_cast<double>(click); });
      network.milliseconds = 0;
      const auto start = Clock::now();
      outcomes[click] = session.add_point(position, {});
      session.take_record();
      best[click] = std::min(best[click], milliseconds_since(start) - network.milliseconds);
    }
    session.reset();
    session.forget_history();
    session.take_record();
  }
  for (std::size_t click = 0; click < 2; ++click) {
    fmt::print("{}, click {}, {} threads: zoom {}, {} passes: {:.1f} ms\n", name, click + 1, threads,
               outcomes[click].zoom, outcomes[click].passes, best[click]);
  }
}

}  // namespace

int main(int count, char** arguments) {
  try {
    const auto scan = make_scan(count > 1 ? arguments[1] : nullptr);
    ThreadPool pool(2);
    Scene scene;
    scene.model = make_model();
    Buffer voxels(scan.size() * sizeof(std::int16_t));
    std::copy(scan.begin(), scan.end(), voxels.as<std::int16_t>().begin());
    scene.image = NormalisedImage(kShape, store(ScalarType::i16, std::move(voxels)), pool);
    scene.layers = make_layers(*scene.model, pool);
    fmt::print("{:<44} {:>8} {:>8}  milliseconds\n", "", "1 thread", "2");
    Table table({1, 2});
    measure_looks(table, scene);
    measure_refinement(table, scene);
    for (const int threads : {1, 2}) {
      measure_click("a ball", scan, kBall, threads);
      measure_click("a tube", scan, kTubeEnd, threads);
    }
    return 0;
  } catch (const Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
