#include "io/unzip.h"

#include <gtest/gtest.h>
#include <libdeflate.h>

#include "expect_error.h"
#include "io/dicom_memory.h"
#include "io/dicom_writer.h"

namespace sagittal::io {
namespace {

template <class T>
void put(Bytes& out, T value) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(&value);
  out.insert(out.end(), bytes, bytes + sizeof(T));
}

struct Entry {
  std::string name;
  Bytes content;
  bool deflated = true;
  std::uint32_t claimed_size = 0;  ///< 0: the true one
};

Bytes deflate(const Bytes& content) {
  libdeflate_compressor* compressor = libdeflate_alloc_compressor(6);
  Bytes packed(content.size() + 100);
  packed.resize(libdeflate_deflate_compress(compressor, content.data(), content.size(), packed.data(), packed.size()));
  libdeflate_free_compressor(compressor);
  return packed;
}

/// A ZIP archive written field by field.
Bytes zip(const std::vector<Entry>& entries) {
  Bytes file, directory;
  for (const Entry& entry : entries) {
    const Bytes stored = entry.deflated ? deflate(entry.content) : entry.content;
    const auto put_common = [&](Bytes& out) {
      put<std::uint16_t>(out, 20);
      put<std::uint16_t>(out, 0);
      put<std::uint16_t>(out, entry.deflated ? 8 : 0);
      put<std::uint32_t>(out, 0);
      put<std::uint32_t>(out, libdeflate_crc32(0, entry.content.data(), entry.content.size()));
      put(out, static_cast<std::uint32_t>(stored.size()));
      put(out, entry.claimed_size != 0 ? entry.claimed_size : static_cast<std::uint32_t>(entry.content.size()));
      put(out, static_cast<std::uint16_t>(entry.name.size()));
      put<std::uint16_t>(out, 0);
    };
    put<std::uint32_t>(directory, 0x02014b50);
    put<std::uint16_t>(directory, 20);
    put_common(directory);
    put<std::uint16_t>(directory, 0);
    put<std::uint64_t>(directory, 0);
    put(directory, static_cast<std::uint32_t>(file.size()));
    directory.insert(directory.end(), entry.name.begin(), entry.name.end());
    put<std::uint32_t>(file, 0x04034b50);
    put_common(file);
    file.insert(file.end(), entry.name.begin(), entry.name.end());
    file.insert(file.end(), stored.begin(), stored.end());
  }
  const auto offset = static_cast<std::uint32_t>(file.size());
  file.insert(file.end(), directory.begin(), directory.end());
  put<std::uint32_t>(file, 0x06054b50);
  put<std::uint32_t>(file, 0);
  put(file, static_cast<std::uint16_t>(entries.size()));
  put(file, static_cast<std::uint16_t>(entries.size()));
  put(file, static_cast<std::uint32_t>(directory.size()));
  put(file, offset);
  put<std::uint16_t>(file, 0);
  return file;
}

Bytes text(std::string_view words) { return {words.begin(), words.end()}; }

std::vector<Entry> slices(const std::string& series, int count) {
  std::vector<Entry> entries{{"scan/", {}, false}, {"scan/README.txt", text("not an image"), true}};
  for (int k = 0; k < count; ++k) {
    SliceWriter slice;
    slice.series = series;
    slice.number = k + 1;
    slice.position[2] = 2.5 * k;
    slice.pixels.assign(12, static_cast<Uint16>(100 + k));
    entries.push_back({"scan/" + std::to_string(k) + ".dcm", slice.bytes(), k % 2 == 0});
  }
  return entries;
}

TEST(Unzip, GivesStoredAndDeflatedEntries) {
  const Bytes long_text = text(std::string(5000, 'x') + "end");
  const Bytes file = zip({{"a", long_text, true}, {"b", text("plain"), false}});
  EXPECT_TRUE(looks_zipped(file));
  const ZipArchive archive(file, "a.zip");
  const Buffer a = unzip(archive, "a", 10000, "a.zip"), b = unzip(archive, "b", 5, "a.zip");
  EXPECT_TRUE(std::ranges::equal(a.as<const std::uint8_t>(), long_text));
  EXPECT_EQ(as_text(b.as<const std::uint8_t>()), "plain");
  EXPECT_ERROR(unzip(archive, "a", 5002, "a.zip"), ErrorCode::too_large);
  EXPECT_ERROR(unzip(archive, "c", 5002, "a.zip"), ErrorCode::not_found);
}

TEST(Unzip, DamageIsFound) {
  Bytes file = zip({{"a", text(std::string(500, 'x')), true}});
  file[32] ^= 0x10;
  EXPECT_ERROR(unzip(ZipArchive(file, "x"), "a", 1000, "x"), ErrorCode::bad_input);
  for (const std::uint32_t claimed : {499U, 501U, 0xfffffffeU}) {
    const Bytes forged = zip({{"a", text(std::string(500, 'x')), true, claimed}});
    EXPECT_ERROR(unzip(ZipArchive(forged, "x"), "a", SIZE_MAX, "x"), ErrorCode::bad_input);
  }
}

TEST(Unzip, AnArchiveOfSlicesIsAnImage) {
  const Bytes file = zip(slices("1.2.3", 5));
  const Volume image = read_image(file, "scan.zip");
  EXPECT_EQ(image.geometry().size, (Index3{4, 3, 5}));
  const DicomSource source = read_dicom_source(file, "scan.zip", {});
  EXPECT_EQ(source.context.images.size(), 5U);
  EXPECT_EQ(source.context.images[3].slice, 3);
  EXPECT_TRUE(same_grid(source.geometry, image.geometry()));
}

TEST(Unzip, OneOfSeveralSeriesIsChosen) {
  auto entries = slices("1.2.3", 5);
  for (Entry& entry : slices("4.5.6", 3)) {
    entry.name = "other/" + entry.name;
    entries.push_back(std::move(entry));
  }
  const Bytes file = zip(entries);
  const ImageInfo info = describe_image(file, "scan.zip", {});
  ASSERT_EQ(info.series.size(), 2U);
  EXPECT_EQ(info.series[0].uid, "1.2.3");
  EXPECT_ERROR(read_image(file, "scan.zip"), ErrorCode::wrong_usage);
  ReadOptions options;
  options.series_uid = "4.5.6";
  EXPECT_EQ(read_image(file, "scan.zip", options).geometry().size[2], 3);
}

TEST(Unzip, ArchivesThatAreNoImageAreRefused) {
  EXPECT_ERROR(read_image(zip({{"a.txt", text("hello"), true}}), "x"), ErrorCode::unsupported);
  ReadOptions little;
  little.max_bytes = 1000;
  EXPECT_ERROR(read_image(zip({{"a.txt", text(std::string(2000, 'x')), true}}), "x", little), ErrorCode::too_large);
  const Bytes file = zip(slices("1.2.3", 3));
  for (std::size_t size = 4; size < file.size(); size += 97) {
    EXPECT_THROW(read_image(ByteView(file.data(), size), "cut"), Error) << size;
  }
}

}  // namespace
}  // namespace sagittal::io
