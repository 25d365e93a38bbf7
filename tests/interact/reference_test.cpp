#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/json.h"
#include "interact/stub_network.h"
#include "volume/bits.h"

// Random scripts of prompts, against a plain implementation on dense arrays (make_reference.py).

namespace sagittal::interact {
namespace {

const Json& reference() {
  static const Json json =
      parse_json(as_text(read_file(SAGITTAL_SOURCE_DIR "/tests/interact/reference.json", 1 << 24)), "reference.json");
  return json;
}

std::vector<float> make_image(const Json& description) {
  const auto shape = description["shape"].get<Index3>();
  std::vector<float> image;
  for (std::int64_t i = 0; i < shape[0]; ++i) {
    for (std::int64_t j = 0; j < shape[1]; ++j) {
      for (std::int64_t k = 0; k < shape[2]; ++k) {
        std::int64_t value = (i * 7 + j * 13 + k * 29 + (i * j) % 11 + (j * k) % 17) % 64 + 1;
        for (const Json& ellipsoid : description["ellipsoids"]) {
          const auto centre = ellipsoid[0].get<Index3>(), radii = ellipsoid[1].get<Index3>();
          double distance = 0;
          for (int axis = 0; axis < 3; ++axis) {
            const double offset =
                static_cast<double>(Index3{i, j, k}[axis] - centre[axis]) / static_cast<double>(radii[axis]);
            distance += offset * offset;
          }
          if (distance <= 1) value += 200;
        }
        image.push_back(i < description["empty_planes"] ? 0.0f : static_cast<float>(value));
      }
    }
  }
  return image;
}

bool weighted(const Seen& seen, const Index3& at) {
  constexpr std::array<float, 8> weights{1, 0.75f, 2, -2, 1.5f, -1.5f, 1.25f, -1.25f};
  float total = seen.at(0, at) * weights[0];
  for (int channel = 1; channel < 8; ++channel) total += seen.at(channel, at) * weights[channel];
  return total > 0.5f;
}

std::vector<std::uint8_t> paint(const Json& step, const Box& bounds) {
  const auto weights = step["weights"].get<Index3>();
  const Index3 size = bounds.size();
  std::vector<std::uint8_t> mask;
  for (std::int64_t i = 0; i < size[0]; ++i) {
    for (std::int64_t j = 0; j < size[1]; ++j) {
      for (std::int64_t k = 0; k < size[2]; ++k) {
        const std::int64_t sum = weights[0] * i + weights[1] * j + weights[2] * k + step["offset"].get<std::int64_t>();
        mask.push_back(sum % step["every"].get<std::int64_t>() == 0);
      }
    }
  }
  return mask;
}

Outcome play(Session& session, const Json& step) {
  const auto type = step["type"].get<std::string>();
  if (type == "undo") return session.undo();
  if (type == "redo") return session.redo();
  if (type == "reset") return session.reset(), Outcome{};
  if (type == "autozoom") return session.set_auto_zoom(step["enabled"]), Outcome{};
  const PromptOptions options{step.value("include", true), step["run"].get<bool>(), {}};
  if (type == "point") return session.add_point(step["at"].get<std::array<double, 3>>(), options);
  std::array<double, 3> lo, hi;
  Box bounds;
  for (int axis = 0; axis < 3; ++axis) {
    lo[axis] = step["bounds"][axis][0];
    hi[axis] = step["bounds"][axis][1];
    bounds.lo[axis] = static_cast<std::int64_t>(lo[axis]);
    bounds.hi[axis] = static_cast<std::int64_t>(hi[axis]);
  }
  if (type == "box") return session.add_box(lo, hi, options);
  if (type == "scribble") return session.add_scribble(bounds, paint(step, bounds), options);
  if (type == "lasso") return session.add_lasso(bounds, paint(step, bounds), options);
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(whole(session.shape()).volume()));
  const Index3& shape = session.shape();
  for (std::int64_t i = bounds.lo[0]; i < bounds.hi[0]; ++i) {
    for (std::int64_t j = bounds.lo[1]; j < bounds.hi[1]; ++j) {
      std::fill_n(mask.begin() + (i * shape[1] + j) * shape[2] + bounds.lo[2], bounds.hi[2] - bounds.lo[2], 1);
    }
  }
  return session.add_initial_mask(mask, options);
}

std::string hash(std::span<const std::uint8_t> mask) {
  std::uint64_t value = 0xcbf29ce484222325;
  for (const std::uint8_t byte : pack_bits(mask)) value = (value ^ byte) * 0x100000001b3;
  return fmt::format("{:016x}", value);
}

class Reference : public testing::TestWithParam<std::size_t> {};

TEST_P(Reference, EveryMaskIsTheSameBitForBit) {
  const Json& description = reference()["cases"][GetParam()];
  Capabilities can;
  can.interaction_decay = description["decay"].get<double>();
  const Rules rules = description["rules"] == "2.5" ? Rules::v2_5 : Rules::v2_6;
  StubSession stub(description["patch"].get<Index3>(), weighted, can, 2, {{}, rules});
  stub.network->remember = false;
  stub.session.set_image(description["shape"].get<Index3>(), store(make_image(description)));
  int number = 0;
  for (const Json& step : description["steps"]) {
    SCOPED_TRACE(fmt::format("step {}: {}", ++number, step.dump()));
    const Outcome outcome = play(stub.session, step);
    const Json& expected = step["expected"];
    if (const auto type = step["type"]; type != "undo" && type != "redo") {
      EXPECT_EQ(outcome.passes, expected["passes"].get<int>());
      EXPECT_EQ(outcome.zoom, expected["zoom"].get<double>());
    }
    if (!expected["changed"].is_null()) {
      for (int axis = 0; axis < 3; ++axis) {
        EXPECT_EQ(outcome.changed.lo[axis], expected["changed"][axis][0].get<std::int64_t>());
        EXPECT_EQ(outcome.changed.hi[axis], expected["changed"][axis][1].get<std::int64_t>());
      }
    }
    EXPECT_EQ(stub.mask_count(), expected["voxels"].get<std::int64_t>());
    ASSERT_EQ(hash(stub.session.mask()), expected["hash"].get<std::string>());
  }
}

INSTANTIATE_TEST_SUITE_P(Scripts, Reference, testing::Range(std::size_t{0}, reference()["cases"].size()));

}  // namespace
}  // namespace sagittal::interact
