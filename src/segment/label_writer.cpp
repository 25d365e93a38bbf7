#include "segment/label_writer.h"

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "segment/logit_store.h"

namespace sagittal::segment {
/// What a thread needs for one line of the target.
struct LabelWriter::Line {
  std::vector<float> blended, best;
  std::vector<std::uint16_t> labels;
};

LabelWriter::LabelWriter(const Geometry& geometry, const NetworkImage& image, const Plan& plan, int heads,
                         std::vector<int> regions, int widest_label, ThreadPool& pool)
    : geometry_(geometry),
      target_(image.grid.cropped(image.crop)),
      shape_(image.shape()),
      heads_(heads),
      regions_(std::move(regions)),
      likely_(plan.generation == 1 ? 0.5f : 0.0f),
      pool_(pool),
      pairs_(pairs_to_image(image, plan)),
      wide_(widest_label >= 255),
      labels_(static_cast<std::size_t>(geometry.voxel_count()) * (wide_ ? 2 : 1)) {
  std::fill(labels_.as<std::uint8_t>().begin(), labels_.as<std::uint8_t>().end(), std::uint8_t{0});
}

const float* LabelWriter::source(const LogitRows& rows, std::int64_t row, std::int64_t head, std::int64_t j) const {
  if (row >= rows.first) return rows.line(row, head, j);
  return last_.data() + (head * shape_[1] + j) * shape_[2];
}

/// One line of one head, between the rows and lines that it lies between.
void LabelWriter::blend(const LogitRows& rows, const SamplePair& p0, const SamplePair& p1, std::int64_t head,
                        float* out) const {
  std::fill_n(out, shape_[2], 0.0f);
  const auto add = [&](std::int64_t row, std::int64_t j, double weight) {
    if (weight == 0) return;
    const float* from = source(rows, row, head, j);
    const auto w = static_cast<float>(weight);
    for (std::int64_t k = 0; k < shape_[2]; ++k) out[k] += w * from[k];
  };
  add(p0.index0, p1.index0, p0.weight0 * p1.weight0);
  add(p0.index0, p1.index1, p0.weight0 * p1.weight1);
  add(p0.index1, p1.index0, p0.weight1 * p1.weight0);
  add(p0.index1, p1.index1, p0.weight1 * p1.weight1);
}

void LabelWriter::write_line(const LogitRows& rows, std::int64_t i, std::int64_t j, Line& line) {
  const auto width = static_cast<std::size_t>(target_.shape[2]);
  line.blended.resize(static_cast<std::size_t>(shape_[2]));
  line.best.assign(width, regions_.empty() ? -std::numeric_limits<float>::infinity() : likely_);
  line.labels.assign(width, 0);
  const std::vector<SamplePair>& pairs = pairs_[2];
  for (int head = 0; head < heads_; ++head) {
    blend(rows, pairs_[0][static_cast<std::size_t>(i)], pairs_[1][static_cast<std::size_t>(j)], head,
          line.blended.data());
    const float* from = line.blended.data();
    const bool labels = regions_.empty();
    const auto label = static_cast<std::uint16_t>(labels ? head : regions_[static_cast<std::size_t>(head)]);
    for (std::size_t k = 0; k < width; ++k) {
      const SamplePair& pair = pairs[k];
      const float logit =
          static_cast<float>(pair.weight0) * from[pair.index0] + static_cast<float>(pair.weight1) * from[pair.index1];
      if (!(logit > line.best[k])) continue;
      line.labels[k] = label;
      if (labels) line.best[k] = logit;
    }
  }
  store(i, j, line.labels);
}

void LabelWriter::store(std::int64_t i, std::int64_t j, const std::vector<std::uint16_t>& labels) {
  const std::int64_t first = target_.at(i, j, 0);
  for (std::size_t k = 0; k < labels.size(); ++k) {
    const auto at = static_cast<std::size_t>(first + static_cast<std::int64_t>(k) * target_.stride[2]);
    if (wide_) {
      labels_.as<std::uint16_t>()[at] = labels[k];
    } else {
      labels_.as<std::uint8_t>()[at] = static_cast<std::uint8_t>(labels[k]);
    }
  }
}

void LabelWriter::keep_last(const LogitRows& rows) {
  last_.resize(static_cast<std::size_t>(heads_ * shape_[1] * shape_[2]));
  float* to = last_.data();
  for (std::int64_t head = 0; head < heads_; ++head) {
    for (std::int64_t j = 0; j < shape_[1]; ++j, to += shape_[2]) {
      std::copy_n(rows.line(rows.last - 1, head, j), shape_[2], to);
    }
  }
}

void LabelWriter::take(const LogitRows& rows) {
  const std::int64_t begin = next_;
  while (next_ < target_.shape[0] && pairs_[0][static_cast<std::size_t>(next_)].index1 < rows.last) ++next_;
  pool_.parallel_for((next_ - begin) * target_.shape[1], 4, [&](std::int64_t from, std::int64_t to) {
    Line line;
    for (std::int64_t n = from; n < to; ++n) {
      write_line(rows, begin + n / target_.shape[1], n % target_.shape[1], line);
    }
  });
  if (rows.last < shape_[0]) keep_last(rows);
}

Volume LabelWriter::finish() {
  if (next_ != target_.shape[0]) throw Error(ErrorCode::internal, "labels were asked for before all logits came");
  return Volume(geometry_, wide_ ? ScalarType::u16 : ScalarType::u8, std::move(labels_));
}

}  // namespace sagittal::segment
