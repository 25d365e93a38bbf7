#include "volume/bit_volume.h"

#include <algorithm>
#include <bit>

#include "base/vectorised.h"
#include "volume/bits.h"

namespace sagittal {
namespace {

/// The lowest `count` bits, 0 <= count <= 64.
std::uint64_t low_bits(std::int64_t count) { return count >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1; }

/// Calls f(word index, mask of the voxels of [lo, hi) in it).
template <class F>
void for_each_word(std::int64_t lo, std::int64_t hi, F&& f) {
  for (std::int64_t word = lo / 64; word * 64 < hi; ++word) {
    const std::int64_t first = std::max<std::int64_t>(lo - word * 64, 0);
    const std::int64_t last = std::min<std::int64_t>(hi - word * 64, 64);
    f(static_cast<std::size_t>(word), low_bits(last) & ~low_bits(first));
  }
}

}  // namespace

BitVolume::BitVolume(const Index3& shape)
    : shape_(shape),
      words_per_row_((shape[2] + kWordBits - 1) / kWordBits),
      words_(static_cast<std::size_t>(shape[0] * shape[1] * words_per_row_), std::uint64_t{0}) {}

std::span<std::uint64_t> BitVolume::row(std::int64_t i, std::int64_t j) {
  return {words_.data() + (i * shape_[1] + j) * words_per_row_, static_cast<std::size_t>(words_per_row_)};
}

std::span<const std::uint64_t> BitVolume::row(std::int64_t i, std::int64_t j) const {
  return {words_.data() + (i * shape_[1] + j) * words_per_row_, static_cast<std::size_t>(words_per_row_)};
}

std::uint64_t BitVolume::bits_from(std::int64_t i, std::int64_t j, std::int64_t k) const {
  const auto words = row(i, j);
  const std::int64_t word = k >= 0 ? k / 64 : (k - 63) / 64;
  const std::int64_t shift = k - word * 64;
  const auto word_at = [&](std::int64_t w) {
    return w >= 0 && w < words_per_row_ ? words[static_cast<std::size_t>(w)] : std::uint64_t{0};
  };
  const std::uint64_t low = word_at(word) >> shift;
  return shift == 0 ? low : low | word_at(word + 1) << (64 - shift);
}

void BitVolume::set_bits(std::int64_t i, std::int64_t j, std::int64_t k, int count, std::uint64_t bits) {
  const auto words = row(i, j);
  const auto word = static_cast<std::size_t>(k / 64);
  const std::int64_t shift = k % 64;
  const std::uint64_t mask = low_bits(count);
  words[word] = (words[word] & ~(mask << shift)) | (bits & mask) << shift;
  if (shift + count > 64) {
    const std::uint64_t high = mask >> (64 - shift);
    words[word + 1] = (words[word + 1] & ~high) | ((bits & mask) >> (64 - shift));
  }
}

void BitVolume::set_row(std::int64_t i, std::int64_t j, std::int64_t k, std::span<const std::uint8_t> voxels) {
  for (std::size_t begin = 0; begin < voxels.size(); begin += 64) {
    const std::size_t count = std::min<std::size_t>(64, voxels.size() - begin);
    std::uint64_t bits = 0;
    std::size_t b = 0;
    for (; b + 8 <= count; b += 8) {
      std::uint64_t eight;
      std::memcpy(&eight, voxels.data() + begin + b, sizeof(eight));
      bits |= gather_eight(eight) << b;
    }
    for (; b < count; ++b) bits |= static_cast<std::uint64_t>(voxels[begin + b] != 0) << b;
    set_bits(i, j, k + static_cast<std::int64_t>(begin), static_cast<int>(count), bits);
  }
}

void BitVolume::fill(const Box& box, bool value) {
  if (box.empty()) return;
  for (std::int64_t i = box.lo[0]; i < box.hi[0]; ++i) {
    for (std::int64_t j = box.lo[1]; j < box.hi[1]; ++j) {
      const auto words = row(i, j);
      for_each_word(box.lo[2], box.hi[2],
                    [&](std::size_t w, std::uint64_t mask) { words[w] = value ? words[w] | mask : words[w] & ~mask; });
    }
  }
}

void BitVolume::copy_from(const BitVolume& source, const Box& box, const Index3& at) {
  if (box.empty()) return;
  const Index3 size = box.size();
  for (std::int64_t i = 0; i < size[0]; ++i) {
    for (std::int64_t j = 0; j < size[1]; ++j) {
      for (std::int64_t k = 0; k < size[2]; k += 64) {
        const int count = static_cast<int>(std::min<std::int64_t>(64, size[2] - k));
        set_bits(at[0] + i, at[1] + j, at[2] + k, count, source.bits_from(box.lo[0] + i, box.lo[1] + j, box.lo[2] + k));
      }
    }
  }
}

bool BitVolume::any() const {
  return std::any_of(words_.begin(), words_.end(), [](std::uint64_t word) { return word != 0; });
}

namespace {

/// Set bits of `rows` rows of `words` words, `stride` words apart, of which the first and last word count by these
/// masks.
SAGITTAL_VECTORISED std::int64_t count_bits(const std::uint64_t* data, std::int64_t rows, std::int64_t stride,
                                            std::int64_t words, std::uint64_t first, std::uint64_t last) {
  std::int64_t total = 0;
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::uint64_t* row = data + r * stride;
    total += std::popcount(row[0] & first);
    for (std::int64_t w = 1; w + 1 < words; ++w) total += std::popcount(row[w]);
    if (words > 1) total += std::popcount(row[words - 1] & last);
  }
  return total;
}

}  // namespace

std::int64_t BitVolume::count(const Box& box) const {
  if (box.empty()) return 0;
  const std::int64_t word = box.lo[2] / 64, words = (box.hi[2] - 1) / 64 + 1 - word;
  const std::uint64_t last = low_bits(box.hi[2] - (word + words - 1) * 64);
  const std::uint64_t first = ~low_bits(box.lo[2] - word * 64) & (words == 1 ? last : ~std::uint64_t{0});
  std::int64_t total = 0;
  for (std::int64_t i = box.lo[0]; i < box.hi[0]; ++i) {
    total += count_bits(row(i, box.lo[1]).data() + word, box.hi[1] - box.lo[1], words_per_row_, words, first, last);
  }
  return total;
}

std::optional<Box> BitVolume::bounds() const {
  Box box{shape_, {0, 0, 0}};
  std::vector<std::uint64_t> projection(static_cast<std::size_t>(words_per_row_));
  for (std::int64_t i = 0; i < shape_[0]; ++i) {
    for (std::int64_t j = 0; j < shape_[1]; ++j) {
      const auto words = row(i, j);
      std::uint64_t seen = 0;
      for (std::size_t w = 0; w < words.size(); ++w) {
        seen |= words[w];
        projection[w] |= words[w];
      }
      if (seen == 0) continue;
      box.lo[0] = std::min(box.lo[0], i);
      box.hi[0] = i + 1;
      box.lo[1] = std::min(box.lo[1], j);
      box.hi[1] = std::max(box.hi[1], j + 1);
    }
  }
  if (box.hi[0] == 0) return std::nullopt;
  for (std::int64_t w = 0; w < words_per_row_; ++w) {
    const std::uint64_t word = projection[static_cast<std::size_t>(w)];
    if (word == 0) continue;
    box.lo[2] = std::min<std::int64_t>(box.lo[2], w * 64 + std::countr_zero(word));
    box.hi[2] = w * 64 + 64 - std::countl_zero(word);
  }
  return box;
}

Index3 BitVolume::select(std::int64_t rank) const {
  std::size_t w = 0;
  for (std::int64_t i = 0; i < shape_[0]; ++i) {
    const std::int64_t here = count({{i, 0, 0}, {i + 1, shape_[1], shape_[2]}});
    if (rank < here) break;
    rank -= here;
    w += static_cast<std::size_t>(shape_[1] * words_per_row_);
  }
  for (; rank >= std::popcount(words_[w]); ++w) rank -= std::popcount(words_[w]);
  std::uint64_t word = words_[w];
  for (; rank > 0; --rank) word &= word - 1;
  const auto row_index = static_cast<std::int64_t>(w) / words_per_row_;
  const std::int64_t k = static_cast<std::int64_t>(w) % words_per_row_ * 64 + std::countr_zero(word);
  return {row_index / shape_[1], row_index % shape_[1], k};
}

BitVolume BitVolume::difference(const BitVolume& other) const {
  BitVolume out = *this;
  for (std::size_t w = 0; w < words_.size(); ++w) out.words_[w] ^= other.words_[w];
  return out;
}

BitVolume BitVolume::joined(const BitVolume& other) const {
  BitVolume out = *this;
  for (std::size_t w = 0; w < words_.size(); ++w) out.words_[w] |= other.words_[w];
  return out;
}

namespace {

constexpr std::int64_t kGrain = 8;

/// Sets each voxel of a row that has a set one within `radius` along axis 2.
SAGITTAL_VECTORISED void spread_along_row(std::span<std::uint64_t> words, std::int64_t length, int radius,
                                          std::vector<std::uint64_t>& source) {
  source.assign(words.begin(), words.end());
  const std::size_t last = words.size() - 1;
  for (std::size_t w = 0; w < words.size(); ++w) {
    const std::uint64_t before = w > 0 ? source[w - 1] : 0;
    const std::uint64_t after = w < last ? source[w + 1] : 0;
    for (int d = 1; d <= radius; ++d) {
      words[w] |= source[w] << d | before >> (64 - d);
      words[w] |= source[w] >> d | after << (64 - d);
    }
  }
  const std::int64_t used = length - static_cast<std::int64_t>(last) * 64;
  words[last] &= low_bits(used);
}

/// Sets row n of `rows` rows of `width` words, `stride` words apart, where a row within `radius` is set.
SAGITTAL_VECTORISED void spread_across_rows(std::uint64_t* data, std::int64_t rows, std::int64_t width,
                                            std::int64_t stride, int radius, std::vector<std::uint64_t>& source) {
  source.resize(static_cast<std::size_t>(rows * width));
  for (std::int64_t n = 0; n < rows; ++n) std::copy_n(data + n * stride, width, source.data() + n * width);
  for (std::int64_t n = 0; n < rows; ++n) {
    std::uint64_t* target = data + n * stride;
    for (std::int64_t m = std::max<std::int64_t>(0, n - radius); m <= std::min(rows - 1, n + radius); ++m) {
      const std::uint64_t* other = source.data() + m * width;
      for (std::int64_t w = 0; w < width; ++w) target[w] |= other[w];
    }
  }
}

SAGITTAL_VECTORISED void complement(BitVolume& volume) {
  const Index3& shape = volume.shape();
  for (std::int64_t i = 0; i < shape[0]; ++i) {
    for (std::int64_t j = 0; j < shape[1]; ++j) {
      const auto words = volume.row(i, j);
      for (std::uint64_t& word : words) word = ~word;
      words.back() &= low_bits(shape[2] - static_cast<std::int64_t>(words.size() - 1) * 64);
    }
  }
}

}  // namespace

void dilate_cube(BitVolume& volume, int radius, ThreadPool& pool) {
  const Index3 shape = volume.shape();
  if (radius == 0 || whole(shape).empty()) return;
  const std::int64_t width = volume.words_per_row();
  pool.parallel_for(shape[0], kGrain, [&](std::int64_t begin, std::int64_t end) {
    std::vector<std::uint64_t> scratch;
    for (std::int64_t i = begin; i < end; ++i) {
      for (std::int64_t j = 0; j < shape[1]; ++j) spread_along_row(volume.row(i, j), shape[2], radius, scratch);
      spread_across_rows(volume.row(i, 0).data(), shape[1], width, width, radius, scratch);
    }
  });
  pool.parallel_for(shape[1], kGrain, [&](std::int64_t begin, std::int64_t end) {
    std::vector<std::uint64_t> scratch;
    spread_across_rows(volume.row(0, begin).data(), shape[0], (end - begin) * width, shape[1] * width, radius, scratch);
  });
}

void erode_cube(BitVolume& volume, int radius, ThreadPool& pool) {
  complement(volume);
  dilate_cube(volume, radius, pool);
  complement(volume);
}

}  // namespace sagittal
