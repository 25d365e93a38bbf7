#include "segment/ensemble.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "segment/logit_store.h"

namespace sagittal::segment {
namespace {

bool same_labels(const nn::Dataset& a, const nn::Dataset& b) {
  return a.regions_class_order == b.regions_class_order && a.channel_names.size() == b.channel_names.size() &&
         a.heads() == b.heads() &&
         std::equal(a.labels.begin(), a.labels.end(), b.labels.begin(), b.labels.end(),
                    [](const auto& x, const auto& y) { return x.name == y.name && x.values == y.values; });
}

void check_members(std::span<const Member> members) {
  for (const Member& member : members) {
    if (same_labels(member.model->folder.dataset, members[0].model->folder.dataset)) continue;
    throw Error(ErrorCode::wrong_usage,
                fmt::format("{} and {} have other channels or labels: they cannot answer together",
                            members[0].model->folder.folder.string(), member.model->folder.folder.string()));
  }
}

/// One slice of the result from the sums over `count` models: the likeliest label, the lower one of equals, or the last
/// region that is likely.
void write_slice(std::span<const float> sums, std::int64_t plane, int count, const nn::Dataset& dataset,
                 std::uint16_t* labels) {
  const auto heads = static_cast<std::size_t>(dataset.heads());
  const auto models = static_cast<float>(count);
  for (std::int64_t n = 0; n < plane; ++n) {
    float best = dataset.has_regions() ? 0.5f : -1.0f;
    labels[n] = 0;
    for (std::size_t head = 0; head < heads; ++head) {
      const float share = sums[head * static_cast<std::size_t>(plane) + static_cast<std::size_t>(n)] / models;
      if (!(share > best)) continue;
      labels[n] = static_cast<std::uint16_t>(dataset.has_regions() ? dataset.regions_class_order[head]
                                                                   : static_cast<int>(head));
      if (!dataset.has_regions()) best = share;
    }
  }
}

}  // namespace

Volume predict_together(std::span<const Member> members, std::span<const Volume> channels,
                        const PredictOptions& options, ThreadPool& pool) {
  check_members(members);
  std::vector<std::unique_ptr<const LogitStore>> stores;
  for (const Member& member : members) {
    PredictOptions own = options;
    own.previous = member.previous;
    stores.push_back(answer(*member.model, channels, own, pool));
  }
  const nn::Dataset& dataset = members[0].model->folder.dataset;
  const Geometry& geometry = channels[0].geometry();
  const Index3& size = geometry.size;
  const std::int64_t plane = size[0] * size[1];
  std::vector<float> sums(static_cast<std::size_t>(plane * dataset.heads()));
  const bool wide = dataset.foreground().size() >= 255;
  Buffer out(static_cast<std::size_t>(geometry.voxel_count()) * (wide ? 2 : 1));
  std::vector<std::uint16_t> labels(static_cast<std::size_t>(plane));
  for (std::int64_t k = 0; k < size[2]; ++k) {
    options.control.check();
    options.control.report("averaging", static_cast<double>(k) / static_cast<double>(size[2]));
    std::fill(sums.begin(), sums.end(), 0.0f);
    for (const auto& store : stores) store->add_slice(k, size, sums, pool);
    write_slice(sums, plane, static_cast<int>(stores.size()), dataset, labels.data());
    if (wide) {
      std::copy(labels.begin(), labels.end(), out.as<std::uint16_t>().begin() + k * plane);
    } else {
      std::transform(labels.begin(), labels.end(), out.as<std::uint8_t>().begin() + k * plane,
                     [](std::uint16_t label) { return static_cast<std::uint8_t>(label); });
    }
  }
  return Volume(geometry, wide ? ScalarType::u16 : ScalarType::u8, std::move(out));
}

}  // namespace sagittal::segment
