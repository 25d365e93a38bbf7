#include "io/gzip_chunks.h"

#include <gtest/gtest.h>

#include <random>

#include "io/gzip.h"

namespace sagittal::io {
namespace {

Bytes unzipped(const Bytes& gzipped) {
  const Buffer raw = gunzip(gzipped, 1 << 24, "chunks");
  const auto* begin = reinterpret_cast<const std::uint8_t*>(raw.data());
  return {begin, begin + raw.size()};
}

TEST(GzipChunks, GivesOneMemberOfWhatTheBytesAreNow) {
  ThreadPool pool(2);
  std::mt19937 random(1);
  for (const std::size_t size : {0, 1, 32767, 32768, 32769, 300000}) {
    GzipChunks chunks;
    Bytes raw(size);
    ASSERT_EQ(unzipped(chunks.update(raw, 0, 0, pool)), raw);
    for (int round = 0; round < 20 && size > 0; ++round) {
      const std::size_t first = random() % size, last = first + 1 + random() % (size - first);
      for (std::size_t n = first; n < last; ++n) raw[n] = round % 3 == 0 ? 0 : static_cast<std::uint8_t>(random());
      ASSERT_EQ(unzipped(chunks.update(raw, first, last, pool)), raw);
    }
  }
}

TEST(GzipChunks, KeepsWhatIsSaidNotToHaveChanged) {
  ThreadPool pool(1);
  GzipChunks chunks;
  const Bytes before(100000, 1), after(100000, 2);
  chunks.update(before, 0, 0, pool);
  EXPECT_EQ(unzipped(chunks.update(after, 0, 0, pool)), before);
  chunks.forget();
  EXPECT_EQ(unzipped(chunks.update(after, 0, 0, pool)), after);
}

TEST(GzipChunks, AnotherSizeStartsOver) {
  ThreadPool pool(1);
  GzipChunks chunks;
  chunks.update(Bytes(100000, 1), 0, 0, pool);
  EXPECT_EQ(unzipped(chunks.update(Bytes(99999, 2), 0, 0, pool)), Bytes(99999, 2));
}

TEST(GzipChunks, AnEmptyMaskOfALargeScanIsSmall) {
  ThreadPool pool(1);
  EXPECT_LT(GzipChunks().update(Bytes(512 * 512 * 400 / 8), 0, 0, pool).size(), 40000u);
}

}  // namespace
}  // namespace sagittal::io
