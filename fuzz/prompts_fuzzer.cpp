#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "interact/prompts.h"

// The input is a prompts file; whatever parses is played on a small image with a network that needs no weights.

namespace sagittal::interact {
namespace {

class Threshold : public nn::Network {
 public:
  int input_channels() const override { return 8; }
  int output_channels() const override { return 2; }
  std::string description() const override { return "threshold"; }
  std::string device() const override { return "cpu"; }
  void run(const nn::SpatialSize&, std::span<const float> input, std::span<float> logits,
           const RunControl& control) const override {
    control.check();
    const std::size_t voxels = logits.size() / 2;
    for (std::size_t v = 0; v < voxels; ++v) {
      float sum = input[v] + input[v + voxels];
      for (std::size_t channel = 2; channel < 8; ++channel) {
        const float prompt = input[v + channel * voxels];
        if (!(prompt >= 0 && prompt <= 1.001f)) __builtin_trap();
        sum += channel % 2 == 0 ? 3 * prompt : -3 * prompt;
      }
      logits[v] = 0;
      logits[v + voxels] = sum - 1;
    }
  }
};

void check(bool holds) {
  if (!holds) __builtin_trap();
}

std::vector<std::uint8_t> copy_of_mask(const Session& session) {
  return {session.mask().begin(), session.mask().end()};
}

void play(const std::vector<Prompt>& prompts) {
  constexpr Index3 shape{14, 21, 36};  // k, j, i
  constexpr std::size_t max_played = 12;
  auto model = std::make_shared<Model>();
  model->name = "fuzz";
  model->patch_size = {8, 8, 8};
  model->network = std::make_shared<Threshold>();
  ThreadPool pool(1);
  Session session(model, pool);
  std::vector<float> image(14 * 21 * 36);
  for (std::size_t v = 0; v < image.size(); ++v) image[v] = static_cast<float>(v * 37 % 100 + v / 200);
  session.set_image(shape, sagittal::store(image));

  std::vector<std::vector<std::uint8_t>> masks{copy_of_mask(session)};
  for (std::size_t n = 0; n < std::min(prompts.size(), max_played); ++n) {
    try {
      const Outcome outcome = apply(session, prompts[n], {}, true);
      check(intersect(outcome.changed, whole(shape)) == outcome.changed || outcome.changed.empty());
      const bool is_undo = std::holds_alternative<UndoPrompt>(prompts[n]);
      if (is_undo && masks.size() > 1) masks.pop_back();
      if (!is_undo) masks.push_back(copy_of_mask(session));
    } catch (const Error&) {
    }
    check(copy_of_mask(session) == masks.back());
  }
  while (session.can_undo()) {
    session.undo();
    masks.pop_back();
    check(copy_of_mask(session) == masks.back());
  }
  check(masks.size() == 1);
}

}  // namespace
}  // namespace sagittal::interact

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sagittal::interact;
  std::vector<Prompt> prompts;
  try {
    prompts = parse_prompts_file(sagittal::as_text({data, size}));
  } catch (const sagittal::Error&) {
    return 0;
  }
  if (parse_prompts_file(format_prompts_file(prompts)) != prompts) __builtin_trap();
  play(prompts);
  return 0;
}
