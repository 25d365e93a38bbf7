#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/error.h"
#include "interact/session.h"

// The input is a session's record as it is read back from the disk. Whatever is accepted can be recorded again, and
// undone step by step.

namespace sagittal::interact {
namespace {

constexpr Index3 kShape{14, 21, 36};

class Silent : public nn::Network {
 public:
  int input_channels() const override { return 8; }
  int output_channels() const override { return 2; }
  std::string description() const override { return "silent"; }
  std::string device() const override { return "cpu"; }
  void run(const nn::SpatialSize&, std::span<const float>, std::span<float> logits, const RunControl&) const override {
    for (float& logit : logits) logit = 0;
  }
};

Session make_session(ThreadPool& pool) {
  auto model = std::make_shared<Model>();
  model->name = "fuzz";
  model->patch_size = {8, 8, 8};
  model->network = std::make_shared<Silent>();
  Session session(model, pool);
  std::vector<float> image(14 * 21 * 36);
  for (std::size_t v = 0; v < image.size(); ++v) image[v] = static_cast<float>(v * 37 % 100 + v / 200);
  session.set_image(kShape, sagittal::store(image));
  return session;
}

void check(ByteView record) {
  ThreadPool pool(1);
  Session session = make_session(pool);
  try {
    session.replay(record);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::bad_input) __builtin_trap();
  }
  const std::vector<std::uint8_t> mask(session.mask().begin(), session.mask().end());
  Session copy = make_session(pool);
  copy.replay(session.snapshot());
  if (!std::equal(mask.begin(), mask.end(), copy.mask().begin())) __builtin_trap();
  copy.add_point({3, 4, 5}, {});
  while (session.can_undo()) session.undo();
}

}  // namespace
}  // namespace sagittal::interact

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kMost = 1 << 20;
  if (size <= kMost) sagittal::interact::check({data, size});
  return 0;
}
