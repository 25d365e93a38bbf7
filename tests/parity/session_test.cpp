#include <cstdlib>
#include <fstream>
#include <map>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/base64.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/json.h"
#include "base/machine.h"
#include "interact/session.h"
#include "io/gzip.h"
#include "io/image_io.h"
#include "nn/cuda/host_card.h"
#include "nn/device/devices.h"
#include "volume/bits.h"
#include "volume/dice.h"

// Every prompt of sessions.json on the original's scans, against the masks of the original (see README.md here).

namespace sagittal::interact {
namespace {

const std::filesystem::path kHere = std::filesystem::path(SAGITTAL_SOURCE_DIR) / "tests" / "parity";
constexpr std::size_t kMaxFileBytes = std::size_t{1} << 28;

const Json& vectors() {
  static const Json json = [] {
    const auto path = kHere / "sessions.json";
    if (!std::filesystem::exists(path)) return Json{{"sequences", Json::array()}};
    return parse_json(as_text(read_file(path, kMaxFileBytes)), "sessions.json");
  }();
  return json;
}

std::filesystem::path root_of(const std::string& root) {
  if (root == "mricron") return "/usr/share/mricron/templates";
  const char* data = std::getenv("SAGITTAL_DATA");
  return data ? std::filesystem::path(data) : std::filesystem::path(SAGITTAL_SOURCE_DIR) / ".." / "shared" / "data";
}

Box box_from(const Json& bounds) {
  Box box;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    box.lo[axis] = bounds[axis][0];
    box.hi[axis] = bounds[axis][1];
  }
  return box;
}

struct Crop {
  Box bounds;
  std::vector<std::uint8_t> voxels;
};

/// {"bounds", "bits"}: a box and its voxels as zlib-compressed bits.
Crop unpack(const Json& json) {
  Crop crop;
  if (json.is_null()) return crop;
  crop.bounds = box_from(json["bounds"]);
  crop.voxels.resize(static_cast<std::size_t>(crop.bounds.volume()));
  const Bytes packed = decode_base64(json["bits"].get<std::string>(), "bits");
  const Buffer bits = io::zlib_decompress(packed, packed_size(crop.voxels.size()), "bits");
  unpack_bits(bits.as<std::uint8_t>(), crop.voxels);
  return crop;
}

/// Calls f(index in the image, voxel of the crop).
template <class F>
void for_each_voxel(const Crop& crop, const Index3& shape, F&& f) {
  std::size_t v = 0;
  for (std::int64_t i = crop.bounds.lo[0]; i < crop.bounds.hi[0]; ++i) {
    for (std::int64_t j = crop.bounds.lo[1]; j < crop.bounds.hi[1]; ++j) {
      for (std::int64_t k = crop.bounds.lo[2]; k < crop.bounds.hi[2]; ++k) {
        f(static_cast<std::size_t>((i * shape[1] + j) * shape[2] + k), crop.voxels[v++]);
      }
    }
  }
}

std::vector<std::uint8_t> whole_image(const Crop& crop, const Index3& shape) {
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(whole(shape).volume()));
  for_each_voxel(crop, shape, [&](std::size_t at, std::uint8_t voxel) { mask[at] = voxel; });
  return mask;
}

/// The original has one level of undo, which resets and undos empty.
class Player {
 public:
  explicit Player(Session& session) : session_(session) {}

  Outcome play(const Json& step) {
    const auto type = step["type"].get<std::string>();
    if (type == "autozoom") {
      session_.set_auto_zoom(step["enabled"]);
      return {};
    }
    if (type == "reset") {
      session_.reset();
      undoable_ = false;
      return {};
    }
    if (type == "undo") return std::exchange(undoable_, false) ? session_.undo() : Outcome{};
    undoable_ = true;
    return add(type, step);
  }

 private:
  Outcome add(const std::string& type, const Json& step) {
    const PromptOptions options{step.value("include", true), step["run"].get<bool>(), {}};
    if (type == "point") {
      const Json& c = step["coordinates"];
      return session_.add_point({c[0].get<double>(), c[1].get<double>(), c[2].get<double>()}, options);
    }
    if (type == "box") {
      std::array<double, 3> lo, hi;
      for (std::size_t axis = 0; axis < 3; ++axis) {
        lo[axis] = step["bounds"][axis][0];
        hi[axis] = step["bounds"][axis][1];
      }
      return session_.add_box(lo, hi, options);
    }
    const Index3& shape = session_.shape();
    Crop crop = unpack(step["mask"]);
    if (type == "initial") return session_.add_initial_mask(whole_image(crop, shape), options);
    if (!step["cropped"].get<bool>()) crop = {whole(shape), whole_image(crop, shape)};
    if (type == "scribble") return session_.add_scribble(crop.bounds, crop.voxels, options);
    if (type == "lasso") return session_.add_lasso(crop.bounds, crop.voxels, options);
    throw Error(ErrorCode::internal, "sessions.json: unknown step " + type);
  }

  Session& session_;
  bool undoable_ = false;
};

class Parity : public testing::TestWithParam<std::size_t> {
 protected:
  const Json& sequence() const { return vectors()["sequences"][GetParam()]; }

  /// Opens the sequence's scan, or skips the test.
  void open(nn::cpu::Precision precision, std::shared_ptr<const nn::Devices> devices = nullptr) {
    const Json& scan = vectors()["volumes"][sequence()["volume"].get<std::string>()];
    const auto path = root_of(scan["root"]) / scan["path"].get<std::string>();
    if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is not on this machine";
    const Volume volume = io::read_image(path);
    const Index3& size = volume.geometry().size;
    shape_ = {size[2], size[1], size[0]};
    ASSERT_EQ(scan["shape"].get<Index3>(), shape_);
    LoadOptions options;
    options.precision = precision;
    options.devices = std::move(devices);
    session_ =
        std::make_unique<Session>(load_model(kHere / vectors()["checkpoint"].get<std::string>(), options), pool_);
    session_->set_image(shape_, store(volume));
    expected_.assign(static_cast<std::size_t>(whole(shape_).volume()), 0);
  }

  /// Plays every step; calls check(outcome, expected JSON, Dice of ours and the original's mask).
  template <class Check>
  void play(Check&& check) {
    Player player(*session_);
    int number = 0;
    for (const Json& step : sequence()["steps"]) {
      SCOPED_TRACE(fmt::format("step {}: {}", ++number, step["type"].get<std::string>()));
      const Outcome outcome = player.play(step);
      const Json& expected = step["expected"];
      const Crop delta = unpack(expected["delta"]);
      for_each_voxel(delta, shape_, [&](std::size_t at, std::uint8_t voxel) { expected_[at] ^= voxel; });
      ASSERT_EQ(std::count(expected_.begin(), expected_.end(), 1), expected["voxels"].get<std::int64_t>());
      const auto ours = session_->mask();
      const double overlap = dice(ours, expected_);
      std::int64_t differing = 0;
      for (std::size_t v = 0; v < ours.size(); ++v) differing += ours[v] != expected_[v];
      differing_ += differing;
      if (std::getenv("SAGITTAL_PARITY_VERBOSE")) {
        fmt::print("{} step {}: {} of {} voxels differ\n", sequence()["name"].get<std::string>(), number, differing,
                   expected["voxels"].get<std::int64_t>());
      }
      check(outcome, expected, overlap);
    }
    RecordProperty("differing_voxels", std::to_string(differing_));
  }

  ThreadPool pool_{available_cores()};
  Index3 shape_{};
  std::unique_ptr<Session> session_;
  std::vector<std::uint8_t> expected_;
  std::int64_t differing_ = 0;
};

TEST_P(Parity, InFp32MasksAndRegionsAreTheOriginals) {
  open(nn::cpu::Precision::fp32);
  if (IsSkipped()) return;
  play([](const Outcome& outcome, const Json& expected, double overlap) {
    EXPECT_GE(overlap, 0.999);
    EXPECT_EQ(outcome.passes, expected["calls"].get<int>());
    if (!expected["zooms"].empty()) {
      EXPECT_EQ(outcome.zoom, expected["zooms"].back().get<double>());
    }
    if (expected["answer"].is_array()) {
      EXPECT_EQ(outcome.changed, box_from(expected["answer"]));
    }
  });
}

TEST_P(Parity, InBf16MasksAreAlmostTheOriginals) {
  try {
    open(nn::cpu::Precision::bf16);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::unsupported) throw;
    GTEST_SKIP() << error.what();
  }
  if (IsSkipped()) return;
  play([](const Outcome&, const Json&, double overlap) { EXPECT_GE(overlap, 0.99); });
}

/// A card made of this machine's memory: all but CUDA's own functions are what a GPU computes with.
TEST_P(Parity, OnAnEmulatedCardMasksAreAlmostTheOriginals) {
  nn::CardDriver driver = nn::own_driver();
  driver.open = [] { return std::vector<std::shared_ptr<nn::cuda::Card>>{std::make_shared<nn::cuda::HostCard>()}; };
  open(nn::cpu::Precision::automatic,
       std::make_shared<nn::Devices>(nn::parse_device("cuda"), LogSink(), std::move(driver)));
  if (IsSkipped()) return;
  play([](const Outcome&, const Json&, double overlap) { EXPECT_GE(overlap, 0.99); });
}

TEST_P(Parity, OnACardMasksAreAlmostTheOriginals) {
  if (std::getenv("SAGITTAL_CUDA_TESTS") == nullptr) GTEST_SKIP() << "SAGITTAL_CUDA_TESTS is not set";
  open(nn::cpu::Precision::automatic, std::make_shared<nn::Devices>(nn::parse_device("cuda")));
  if (IsSkipped()) return;
  play([](const Outcome&, const Json&, double overlap) { EXPECT_GE(overlap, 0.99); });
}

std::string name_of_sequence(const testing::TestParamInfo<std::size_t>& info) {
  std::string name = vectors()["sequences"][info.param]["name"];
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return !std::isalnum(c); }, '_');
  return name;
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Parity);
INSTANTIATE_TEST_SUITE_P(Sessions, Parity, testing::Range(std::size_t{0}, vectors()["sequences"].size()),
                         name_of_sequence);

TEST(ParityVectors, AreThere) { EXPECT_GE(vectors()["sequences"].size(), 12u); }

TEST(ParityVectors, HoldNoRandomPatches) {
  for (const Json& sequence : vectors()["sequences"])
    EXPECT_FALSE(sequence["fallback"].get<bool>()) << sequence["name"];
}

}  // namespace
}  // namespace sagittal::interact
