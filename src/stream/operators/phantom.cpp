#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <optional>
#include <span>
#include <vector>

#include "stream/operators/operators.h"
#include "stream/operators/place.h"
#include "stream/operators/scalar.h"
#include "volume/resampler.h"

namespace sagittal::stream {
namespace {

constexpr double kTwoPi = 2 * std::numbers::pi;

/// What an ultrasound beam meets, in millimetres of Reference (LPS): x across the probe, y into the body, z along the
/// sweep. Two long bones below skin, fat and muscle. Echoes are in dB below the strongest.
namespace body {

struct Bone {
  double x, y, radius;
};
std::array<Bone, 2> bones_at(double z) {
  const double knob = 2 * std::exp(-(z - 6) * (z - 6) / 40);
  return {{{-4 + 0.08 * z, 23, 9 + knob}, {11 - 0.05 * z, 25, 4}}};
}

double tissue_db(double x, double y, double z) {
  constexpr double skin = 1.2, fascia = 0.35;
  const double loss = -0.25 * y;
  if (y < skin) return -17 + loss;
  const double fat = 5 + 0.7 * std::sin(x / 7 + z / 11);
  if (std::abs(y - fat) < fascia) return -14 + loss;
  if (y < fat) return -36 + 3 * std::sin(3 * y + 0.3 * x) + loss;
  return -30 + 5 * std::sin(2.2 * y + 0.9 * std::sin(x / 5) + z / 6) + loss;
}

}  // namespace body

/// Numbers that look random and are the same for the same seed everywhere.
class Noise {
 public:
  explicit Noise(std::uint64_t seed) : state_(seed) {}
  /// Of mean 0 and variance 1, nearly normal.
  float normal() {
    const std::uint64_t bits = next();
    std::uint64_t sum = 0;
    for (int part = 0; part < 4; ++part) sum += (bits >> (16 * part)) & 0xffff;
    return (static_cast<float>(sum) / 65536 - 2) * std::numbers::sqrt3_v<float>;
  }

 private:
  std::uint64_t next() {  // splitmix64
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  std::uint64_t state_;
};

/// Speckle: complex noise that a beam has smeared more across than along, in slices 1 mm apart that a moving probe
/// passes through. Its power is 1 in the mean.
class Speckle {
 public:
  Speckle(std::size_t width, std::size_t height, std::uint64_t seed) : pixels_(width * height) {
    Noise noise(seed);
    for (auto& slice : slices_) {
      slice.resize(2 * pixels_);
      for (float& value : slice) value = noise.normal();
      const std::span<float> all(slice);
      for (const auto part : {all.first(pixels_), all.last(pixels_)}) {
        for (int pass = 0; pass < 3; ++pass) smear(part, width, 1, width);
        smear(part, height, width, 1);
      }
      double power = 0;
      for (const float value : slice) power += static_cast<double>(value) * value;
      const auto scale = static_cast<float>(std::sqrt(static_cast<double>(pixels_) / power));
      for (float& value : slice) value *= scale;
    }
  }

  /// dB of each pixel where the probe is at `z` mm.
  void at(double z, std::vector<float>& db) const {
    const double place = z + 1000;
    const auto below = static_cast<std::size_t>(place);
    const double angle = (place - std::floor(place)) * kTwoPi / 4;
    const float a = static_cast<float>(std::cos(angle)), b = static_cast<float>(std::sin(angle));
    const std::vector<float>& one = slices_[below % kSlices];
    const std::vector<float>& other = slices_[(below + 1) % kSlices];
    db.resize(pixels_);
    for (std::size_t p = 0; p < pixels_; ++p) {
      const float re = a * one[p] + b * other[p], im = a * one[pixels_ + p] + b * other[pixels_ + p];
      db[p] = 10 * std::log10(re * re + im * im + 1e-6F);
    }
  }

 private:
  /// Means of three neighbours along lines of `count` pixels, `step` apart, beginning `line` apart; ends stay.
  void smear(std::span<float> values, std::size_t count, std::size_t step, std::size_t line) const {
    for (std::size_t l = 0; l < pixels_ / count; ++l) {
      float* at = values.data() + l * line;
      float before = at[0];
      for (std::size_t n = 1; n + 1 < count; ++n) {
        const float here = at[n * step];
        at[n * step] = (before + here + at[(n + 1) * step]) / 3;
        before = here;
      }
    }
  }

  static constexpr std::size_t kSlices = 5;
  std::size_t pixels_;
  std::array<std::vector<float>, kSlices> slices_;
};

class Phantom final : public Operator {
  void setup(Setup& setup) override {
    setup.output(frame_, "frame").live();
    setup.output(transform_, "transform").live();
    setup.parameter(device_, "device", "name of the frames").at_start();
    setup.parameter(width_, "width", "pixels").between(16, 1024).at_start();
    setup.parameter(height_, "height", "pixels").between(16, 1024).at_start();
    setup.parameter(spacing_, "spacing_mm", "of pixels").between(0.01, 1).at_start();
    setup.parameter(rate_, "frame_rate", "frames a second").between(0.1, 1000).at_start();
    setup.parameter(sweep_, "sweep_mm", "that the probe moves, there and back").between(0, 100).at_start();
    setup.parameter(step_, "step_mm", "between two frames").between(0.01, 10).at_start();
    setup.parameter(placed_, "placed", "frames know their place; else only the transforms say it").at_start();
    setup.parameter(seed_, "seed", "another one, another speckle").between(0, std::int64_t{1} << 53).at_start();
  }
  void start() override {
    speckle_.emplace(static_cast<std::size_t>(*width_), static_cast<std::size_t>(*height_),
                     static_cast<std::uint64_t>(*seed_));
    sent_ = 0, next_ = 0;
  }
  void stop() override { speckle_.reset(); }
  void compute() override {
    if (sent_ == 0) next_ = context().now();
    const Affine pose = pose_of(sent_);
    Envelope envelope{*device_, context().utc_now(), ++sent_};
    envelope.metadata.set("Source", "generated");
    transform_.send(transform_of("ProbeToReference", pose, true),
                    {"ProbeToReference", envelope.acquired, envelope.sequence});
    if (frame_.connected()) frame_.send(picture(pose), std::move(envelope));
    next_ = std::max(next_ + static_cast<SteadyTime>(1e9 / *rate_), context().now());
    context().not_before(next_);
  }
  Json counters() const override { return {{"frames", sent_}}; }

  /// There and back, as a hand does it: tilting and shifting a little.
  Affine pose_of(std::uint64_t frame) const {
    const double way = static_cast<double>(frame) * *step_, round = std::max(2 * *sweep_, 1e-9);
    const double there = std::fmod(way, round);
    const double z = *sweep_ > 0 ? (there < *sweep_ ? there : round - there) - *sweep_ / 2 : 0;
    const double tilt = 0.05 * std::sin(way / 9), turn = 0.03 * std::sin(way / 13 + 1);
    const double ct = std::cos(tilt), st = std::sin(tilt), cu = std::cos(turn), su = std::sin(turn);
    Affine pose;
    pose.matrix = {{{cu, su * st, su * ct}, {0, ct, -st}, {-su, cu * st, cu * ct}}};
    pose.offset = {1.5 * std::sin(way / 17), 0, z};
    return pose;
  }

  /// Rows go into the body, columns across the probe, whose middle is the origin of Probe.
  Frame picture(const Affine& pose) {
    Affine pixels;
    for (std::size_t axis = 0; axis < 3; ++axis) pixels.matrix[axis][axis] = *spacing_;
    pixels.offset[0] = -*spacing_ * static_cast<double>(*width_ - 1) / 2;
    const Affine place = pose * pixels;
    Frame frame{{.size = {*width_, *height_, 1}}, 1, ScalarType::u8, {}};
    if (*placed_) frame.geometry = placed(frame.geometry, place);
    FreshBytes fresh = context().frames().take(frame.bytes_needed());
    speckle_->at(pose.offset[2], speckle_db_);
    for (std::int64_t column = 0; column < *width_; ++column) draw(column, place, fresh.span());
    frame.pixels = std::move(fresh).share();
    return frame;
  }

  /// One beam: tissue until it meets a bone, which reflects where it is met squarely; nothing comes from behind.
  void draw(std::int64_t column, const Affine& place, std::span<std::uint8_t> to) const {
    constexpr double range_db = 60, cortex_mm = 0.7, shadow_db = -62;
    const Vec3 begin = place({static_cast<double>(column), 0, 0}), end = place({static_cast<double>(column), 1, 0});
    const Vec3 step{end[0] - begin[0], end[1] - begin[1], end[2] - begin[2]};
    const auto bones = body::bones_at(begin[2]);
    double met_mm = -1, echo_db = 0;
    for (std::int64_t row = 0; row < *height_; ++row) {
      const auto r = static_cast<double>(row);
      const double x = begin[0] + r * step[0], y = begin[1] + r * step[1], z = begin[2] + r * step[2];
      for (const auto& bone : bones) {
        const double dx = x - bone.x, dy = y - bone.y;
        if (met_mm >= 0 || dx * dx + dy * dy > bone.radius * bone.radius) continue;
        met_mm = r * *spacing_;
        const double squarely = std::clamp((-dx * step[0] - dy * step[1]) / (bone.radius * *spacing_), 0.05, 1.0);
        echo_db = -2 + 30 * std::log10(squarely);
      }
      const double behind_mm = met_mm < 0 ? -1 : r * *spacing_ - met_mm;
      const auto pixel = static_cast<std::size_t>(row * *width_ + column);
      const double speckle = speckle_db_[pixel];
      const double db = behind_mm < 0           ? body::tissue_db(x, y, z) + speckle
                        : behind_mm < cortex_mm ? echo_db + 0.3 * speckle
                                                : shadow_db + speckle;
      to[pixel] = static_cast<std::uint8_t>(std::clamp(255 * (1 + db / range_db), 0.0, 255.0));
    }
  }

  Output<Frame> frame_;
  Output<Transform> transform_;
  Parameter<std::string> device_{"Image"};
  Parameter<std::int64_t> width_{400}, height_{400}, seed_{1};
  Parameter<double> spacing_{0.1}, rate_{20}, sweep_{30}, step_{0.5};
  Parameter<bool> placed_{true};
  std::optional<Speckle> speckle_;
  std::vector<float> speckle_db_;
  std::uint64_t sent_ = 0;
  SteadyTime next_ = 0;
};

/// Bone in ultrasound without a network: a bright echo with nothing behind it.
class EchoSurface final : public Operator {
  void setup(Setup& setup) override {
    setup.input(in_, "in");
    setup.output(out_, "out");
    setup.parameter(level_, "level", "grey, of the brightest, that is bright").between(0.05, 1);
  }
  void compute() override {
    const Incoming<Frame> frame = in_.take();
    if (frame->components != 1)
      throw Error(ErrorCode::bad_input, "echoes are looked for in grey frames, this one is coloured");
    fill(*frame);
    FreshBytes fresh = context().frames().take(2 * kSide * kSide * sizeof(float));
    const std::span<float> to = fresh.as<float>();
    for (std::size_t column = 0; column < kSide; ++column) find(column, to);
    out_.send(Tensor{"surface", {kSide, kSide, 2}, std::move(fresh).share(), frame->geometry}, frame.envelope);
  }

  /// Grey, of the brightest, averaged to a square that takes the speckle away.
  void fill(const Frame& frame) {
    grey_.resize(kSide * kSide);
    resampler_.prepare(frame.width(), frame.height(), kSide, kSide, Filter::area);
    visit_scalar(frame.type, [&]<class T>(T) {
      resampler_.rows(frame.as<T>().data(), 1, [&](std::size_t row, std::span<const float> values) {
        std::copy(values.begin(), values.end(), grey_.begin() + static_cast<std::ptrdiff_t>(row * kSide));
      });
    });
    const float brightest = *std::max_element(grey_.begin(), grey_.end());
    const float scale = brightest > 0 && std::isfinite(brightest) ? 1 / brightest : 0;
    for (float& value : grey_) value *= scale;
  }

  void find(std::size_t column, std::span<float> to) const {
    constexpr std::size_t gap = kSide / 32, shadow = kSide / 6;
    const auto at = [&](std::size_t row) { return grey_[row * kSide + column]; };
    for (std::size_t row = 0; row < kSide; ++row) {
      float likely = 0;
      if (row + gap + shadow < kSide) {
        float behind = 0;
        for (std::size_t r = row + gap; r < row + gap + shadow; ++r) behind += at(r) / static_cast<float>(shadow);
        const float bright = std::clamp((at(row) - static_cast<float>(*level_)) * 5 + 0.5F, 0.0F, 1.0F);
        likely = bright * std::clamp(1.3F - 2 * behind / std::max(at(row), 1e-3F), 0.0F, 1.0F);
      }
      to[2 * (row * kSide + column)] = 1 - likely;
      to[2 * (row * kSide + column) + 1] = likely;
    }
  }

  static constexpr std::size_t kSide = 192;
  Input<Frame> in_;
  Output<Tensor> out_;
  Parameter<double> level_{0.55};
  Resampler resampler_;
  std::vector<float> grey_;
};

}  // namespace

void add_phantom(OperatorRegistry& registry) {
  registry.add<Phantom>("phantom", "Makes tracked ultrasound of two bones, as a probe that sweeps over them sees it.");
  registry.add<EchoSurface>("echo_surface",
                            "Finds bright echoes with nothing behind them, as bone has, without a network.");
}

}  // namespace sagittal::stream
