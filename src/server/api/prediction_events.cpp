#include "server/api/prediction_events.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/base64.h"
#include "server/api/forms.h"
#include "server/api/mask_event.h"
#include "volume/bits.h"

namespace sagittal::server {
namespace {

constexpr std::chrono::milliseconds kBetweenReports{100};

std::vector<std::uint8_t> voxels_of(const interact::Preview& preview, const Box& box) {
  std::vector<std::uint8_t> voxels;
  voxels.reserve(static_cast<std::size_t>(box.volume()));
  const Index3& origin = preview.box.lo;
  for (std::int64_t i = box.lo[0]; i < box.hi[0]; ++i) {
    for (std::int64_t j = box.lo[1]; j < box.hi[1]; ++j) {
      for (std::int64_t k = box.lo[2]; k < box.hi[2]; k += BitVolume::kWordBits) {
        std::uint64_t word = preview.mask.bits_from(i - origin[0], j - origin[1], k - origin[2]);
        for (std::int64_t n = std::min(BitVolume::kWordBits, box.hi[2] - k); n > 0; --n, word >>= 1) {
          voxels.push_back(word & 1);
        }
      }
    }
  }
  return voxels;
}

std::int64_t count(const std::vector<std::uint8_t>& voxels) { return std::count(voxels.begin(), voxels.end(), 1); }

}  // namespace

PredictionEvents::PredictionEvents(const SessionAccess& access, const NativeTurn& native, const NativeSegment& segment,
                                   std::string request)
    : access_(access), native_(native), segment_(segment), request_(std::move(request)) {}

void PredictionEvents::attach(interact::PromptOptions& options) {
  if (!access_.has_listeners(native_.id)) return;
  options.control.sink = [this](const Progress& progress) { tell_progress(progress); };
  options.preview = [this](const interact::Preview& preview) { tell_preview(preview); };
}

void PredictionEvents::tell_progress(const Progress& progress) {
  const Clock::time_point now = Clock::now();
  if (progress.stage == stage_ && now - last_told_ < kBetweenReports) return;
  stage_ = progress.stage;
  last_told_ = now;
  access_.publish(native_.id, {{"type", "progress"},
                               {"segment", segment_.number},
                               {"request", request_},
                               {"stage", stage_},
                               {"fraction", progress.fraction}});
}

/// A preview looks at what those before it saw, so it can stand in their place.
void PredictionEvents::tell_preview(const interact::Preview& preview) {
  shown_ = joined(shown_, preview.difference);
  const Box box = intersect(shown_, preview.box);
  if (box.empty()) return;
  const std::vector<std::uint8_t> voxels = voxels_of(preview, box);
  std::vector<std::uint8_t> before(voxels.size());
  native_.session().copy_mask(segment_.slot, box, before);
  Json event = describe_mask(native_, segment_, box);
  event["voxels"] = event["voxels"].get<std::int64_t>() - count(before) + count(voxels);
  event["volume_ml"] = event["voxels"].get<double>() * voxel_ml(native_.native.geometry);
  event["type"] = "mask";
  event["segment"] = segment_.number;
  event["request"] = request_;
  event["coarse"] = true;
  event["mask"] = encode_base64(pack_bits(voxels));
  access_.publish(native_.id, event);
}

}  // namespace sagittal::server
