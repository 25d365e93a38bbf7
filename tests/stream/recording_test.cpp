#include "stream/recording.h"

#include <gmock/gmock.h>

#include <cstring>
#include <fstream>
#include <numeric>

#include "expect_error.h"
#include "scratch.h"
#include "stream/recording_format.h"

namespace sagittal::stream {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

void put(const std::filesystem::path& file, ByteView bytes) {
  std::ofstream(file, std::ios::binary).write(as_text(bytes).data(), static_cast<std::streamsize>(bytes.size()));
}

/// Made by Holoscan's own tools: recordings/make_recordings.py.
RecordingPlace stored(const std::string& name) { return {SAGITTAL_SOURCE_DIR "/tests/stream/recordings", name}; }

RecordedTensor tensor_of(std::vector<std::int64_t> shape, ScalarType type = ScalarType::u8, std::string name = {}) {
  std::size_t bytes = size_of(type);
  for (const auto size : shape) bytes *= static_cast<std::size_t>(size);
  Bytes data(bytes);
  std::iota(data.begin(), data.end(), std::uint8_t{1});
  return {std::move(name), type, std::move(shape), SharedBytes(std::move(data))};
}

std::vector<std::uint8_t> bytes_of(const RecordedTensor& tensor) {
  return {tensor.data.view().begin(), tensor.data.view().end()};
}

void write(const RecordingPlace& place, int messages, RecordingWriter::Options options = {}) {
  RecordingWriter writer(place, options);
  for (int n = 0; n < messages; ++n) {
    const RecordedTensor tensor = tensor_of({2, 3, 1});
    RecordedNote note{true, "probe", 1000 + n, static_cast<std::uint64_t>(n) + 1, {}, {}};
    note.metadata.set("depth", std::to_string(n));
    note.geometry.spacing_mm = {0.5, 0.25, 1};
    writer.add({&tensor, 1}, 2000 + 10 * n, note);
  }
}

TEST(Recording, WhatWasWrittenComesBack) {
  const Scratch scratch;
  const RecordingPlace place{scratch / "new" / "folder", "a"};
  write(place, 3);
  const RecordingReader reader(place);
  ASSERT_EQ(reader.size(), 3u);
  FramePool frames;
  for (const std::uint64_t n : {2u, 0u, 1u}) {
    const RecordedMessage message = reader.read(n, frames);
    EXPECT_EQ(message.logged, 2000 + 10 * static_cast<std::int64_t>(n));
    ASSERT_EQ(message.tensors.size(), 1u);
    EXPECT_THAT(message.tensors[0].shape, ElementsAre(2, 3, 1));
    EXPECT_THAT(bytes_of(message.tensors[0]), ElementsAre(1, 2, 3, 4, 5, 6));
    ASSERT_TRUE(message.note);
    EXPECT_EQ(message.note->device, "probe");
    EXPECT_EQ(message.note->acquired, 1000 + static_cast<std::int64_t>(n));
    EXPECT_EQ(message.note->sequence, n + 1);
    EXPECT_EQ(*message.note->metadata.find("depth"), std::to_string(n));
    EXPECT_EQ(message.note->geometry.spacing_mm, (Vec3{0.5, 0.25, 1}));
  }
}

TEST(Recording, EveryScalarTypeAndRankComesBack) {
  const Scratch scratch;
  const RecordingPlace place{scratch.path(), "types"};
  std::vector<RecordedTensor> all;
  for (const auto type : {ScalarType::u8, ScalarType::i8, ScalarType::u16, ScalarType::i16, ScalarType::u32,
                          ScalarType::i32, ScalarType::u64, ScalarType::i64, ScalarType::f32, ScalarType::f64}) {
    all.push_back(tensor_of({3}, type, std::string(name_of(type))));
  }
  all.push_back(tensor_of({1, 2, 1, 2, 1, 2, 1, 3}, ScalarType::u8, "deep"));
  RecordingWriter(place, {}).add(all, 1, {});
  FramePool frames;
  const RecordedMessage message = RecordingReader(place).read(0, frames);
  ASSERT_EQ(message.tensors.size(), all.size());
  for (std::size_t n = 0; n < all.size(); ++n) {
    EXPECT_EQ(message.tensors[n].name, all[n].name);
    EXPECT_EQ(message.tensors[n].type, all[n].type);
    EXPECT_EQ(message.tensors[n].shape, all[n].shape);
    EXPECT_EQ(bytes_of(message.tensors[n]), bytes_of(all[n]));
  }
}

TEST(Recording, ReadsWhatTheScriptOfHoloscanWrote) {
  const RecordingReader reader(stored("sdk"));
  ASSERT_EQ(reader.size(), 3u);
  EXPECT_EQ(reader.logged(1) - reader.logged(0), 40'000'000);
  FramePool frames;
  const RecordedMessage message = reader.read(2, frames);
  ASSERT_EQ(message.tensors.size(), 1u);
  EXPECT_THAT(message.tensors[0].shape, ElementsAre(2, 4, 3));
  std::vector<std::uint8_t> expected(24);
  std::iota(expected.begin(), expected.end(), std::uint8_t{20});
  EXPECT_EQ(bytes_of(message.tensors[0]), expected);
  EXPECT_FALSE(message.note);
}

TEST(Recording, ReadsWhatHoloscanRecorded) {
  const RecordingReader reader(stored("holoscan"));
  ASSERT_EQ(reader.size(), 4u);
  FramePool frames;
  const RecordedMessage last = reader.read(3, frames);
  ASSERT_EQ(last.tensors.size(), 1u);
  EXPECT_EQ(last.tensors[0].name, "image");
  EXPECT_EQ(last.acquired, 123456793);
  std::vector<std::uint8_t> expected(60);
  std::iota(expected.begin(), expected.end(), std::uint8_t{4});
  EXPECT_EQ(bytes_of(last.tensors[0]), expected);
  const RecordedMessage two = reader.read(1, frames);
  ASSERT_EQ(two.tensors.size(), 2u);
  const RecordedTensor& image = two.tensors[two.tensors[0].name == "image" ? 0 : 1];
  EXPECT_EQ(image.type, ScalarType::f32);
  float value = 0;
  std::memcpy(&value, image.data.view().data() + 19 * sizeof(float), sizeof(value));
  EXPECT_EQ(value, 19);
  EXPECT_ERROR(reader.read(2, frames), ErrorCode::bad_input);  // not packed
}

TEST(Recording, IsNotOverwrittenUnasked) {
  const Scratch scratch;
  const RecordingPlace place{scratch.path(), "a"};
  write(place, 2);
  EXPECT_ERROR(RecordingWriter(place, {}), ErrorCode::conflict);
  EXPECT_EQ(RecordingReader(place).size(), 2u);
  write(place, 1, {.overwrite = true});
  EXPECT_EQ(RecordingReader(place).size(), 1u);
  std::filesystem::remove(place.index());
  EXPECT_ERROR(RecordingWriter(place, {}), ErrorCode::conflict);
  EXPECT_FALSE(std::filesystem::exists(place.index())) << "nothing is left behind";
}

TEST(Recording, NotesOfARecordingThatWasHereBeforeAreNotBelieved) {
  const Scratch scratch;
  const RecordingPlace place{scratch.path(), "a"};
  write(place, 2);
  for (const auto& [from, to] :
       {std::pair{stored("sdk").index(), place.index()}, std::pair{stored("sdk").entities(), place.entities()}}) {
    std::filesystem::copy_file(from, to, std::filesystem::copy_options::overwrite_existing);
  }
  FramePool frames;
  EXPECT_FALSE(RecordingReader(place).read(0, frames).note);
}

TEST(Recording, WhatWasWrittenBeforeAKillIsThereWhereverItCame) {
  const Scratch scratch;
  const RecordingPlace place{scratch.path(), "a"}, cut{scratch.path(), "cut"};
  write(place, 2);
  const Bytes index = read_file(place.index(), 1000), entities = read_file(place.entities(), 10000),
              notes = read_file(place.notes(), 10000);
  const auto first = [](const Bytes& bytes, std::size_t count) { return ByteView(bytes).first(count); };
  const std::size_t half = entities.size() / 2;
  FramePool frames;
  // The second message: its numbers, then its note, then its record.
  const auto one_is_there = [&](std::size_t entity_bytes, std::size_t note_bytes, std::size_t index_bytes) {
    put(cut.entities(), first(entities, entity_bytes));
    put(cut.notes(), first(notes, note_bytes));
    put(cut.index(), first(index, index_bytes));
    const RecordingReader reader(cut);
    EXPECT_EQ(reader.size(), 1u);
    EXPECT_TRUE(reader.read(0, frames).note);
  };
  for (std::size_t bytes = half; bytes <= entities.size(); ++bytes) one_is_there(bytes, notes.size() / 2, 24);
  for (std::size_t bytes = notes.size() / 2; bytes <= notes.size(); ++bytes) one_is_there(entities.size(), bytes, 24);
  for (std::size_t bytes = 24; bytes < 48; ++bytes) one_is_there(entities.size(), notes.size(), bytes);
}

TEST(Recording, WithoutNotesItHasNoThirdFile) {
  const Scratch scratch;
  const RecordingPlace place{scratch.path(), "a"};
  write(place, 1);
  write(place, 1, {.notes = false, .overwrite = true});
  EXPECT_FALSE(std::filesystem::exists(place.notes()));
  FramePool frames;
  EXPECT_FALSE(RecordingReader(place).read(0, frames).note);
}

TEST(Recording, RefusesWhatItCannotWrite) {
  const Scratch scratch;
  for (const char* name : {"", "a/b", "../a"}) {
    EXPECT_ERROR(RecordingWriter({scratch.path(), name}, {}), ErrorCode::bad_input);
  }
  RecordingWriter writer({scratch.path(), "a"}, {});
  RecordedTensor short_of_bytes = tensor_of({2, 2});
  short_of_bytes.shape = {2, 3};
  EXPECT_ERROR(writer.add({&short_of_bytes, 1}, 1, {}), ErrorCode::bad_input);
  RecordedTensor flat = tensor_of({1});
  flat.shape = {};
  EXPECT_ERROR(writer.add({&flat, 1}, 1, {}), ErrorCode::bad_input);
  const RecordedTensor good = tensor_of({1});
  EXPECT_ERROR(writer.add({&good, 1}, -1, {}), ErrorCode::bad_input);
  const RecordedTensor long_name = tensor_of({1}, ScalarType::u8, std::string(2000, 'n'));
  EXPECT_ERROR(writer.add({&long_name, 1}, 1, {}), ErrorCode::bad_input);
  EXPECT_EQ(writer.messages(), 0u);
  writer.add({&good, 1}, 1, {});
  EXPECT_EQ(writer.messages(), 1u);
}

TEST(Recording, AFullDiskEndsItWithTheLastWholeMessage) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  const Scratch scratch;
  const RecordingPlace place{scratch.path(), "a"};
  std::filesystem::create_symlink("/dev/full", place.entities());
  RecordingWriter writer(place, {.overwrite = true});
  const RecordedTensor tensor = tensor_of({1});
  EXPECT_ERROR(writer.add({&tensor, 1}, 1, {}), ErrorCode::io);
  EXPECT_ERROR(writer.add({&tensor, 1}, 1, {}), ErrorCode::io);
  EXPECT_EQ(std::filesystem::file_size(place.index()), 0u);
}

TEST(Recording, SaysWhichFileIsMissing) {
  const Scratch scratch;
  EXPECT_ERROR(RecordingReader({scratch.path(), "none"}), ErrorCode::not_found);
  EXPECT_ERROR(RecordingReader({"/", "dev"}), ErrorCode::not_found);
  std::filesystem::create_directory(scratch / "a.gxf_index");
  std::filesystem::create_directory(scratch / "a.gxf_entities");
  EXPECT_ERROR(RecordingReader({scratch.path(), "a"}), ErrorCode::io);
}

// ---- forged bytes

/// One message with a u8 tensor "t" of [2, 3]: header 40, part 32, name 1, tensor 116, numbers 6.
Bytes good_entity() {
  const RecordedTensor tensor = tensor_of({2, 3}, ScalarType::u8, "t");
  Bytes bytes = entity_heads({&tensor, 1}, 0, RecordedStorage::system)[0];
  bytes.insert(bytes.end(), tensor.data.view().begin(), tensor.data.view().end());
  return bytes;
}
constexpr std::size_t kPart = 40, kTensor = kPart + 32 + 1;

RecordedMessage read(const Bytes& bytes) {
  FramePool frames(0, std::size_t{1} << 20);
  return read_entity(
      [&](std::uint64_t offset, std::span<std::uint8_t> to) {
        ASSERT_LE(offset + to.size(), bytes.size());
        std::memcpy(to.data(), bytes.data() + offset, to.size());
      },
      bytes.size(), frames);
}

struct Forged {
  const char* name;
  std::size_t at;
  std::uint64_t value;
  std::size_t bytes;
};

class ForgedRecording : public testing::TestWithParam<Forged> {};

TEST_P(ForgedRecording, IsRefused) {
  Bytes bytes = good_entity();
  ASSERT_EQ(read(bytes).tensors.size(), 1u);
  std::memcpy(bytes.data() + GetParam().at, &GetParam().value, GetParam().bytes);
  EXPECT_THROW(read(bytes), Error);
}

INSTANTIATE_TEST_SUITE_P(
    Fields, ForgedRecording,
    testing::Values(Forged{"OnePartTooMany", 24, 2, 8}, Forged{"PartsWithoutEnd", 24, ~0ull, 8},
                    Forged{"MorePartsThanAllowed", 24, 257, 8}, Forged{"NameBeyondTheEnd", kPart + 24, 1000, 8},
                    Forged{"NameWithoutEnd", kPart + 24, ~0ull, 8}, Forged{"NameTooLong", kPart + 24, 1025, 8},
                    Forged{"NameThatTakesTheTensor", kPart + 24, 100, 8}, Forged{"StorageUnknown", kTensor, 3, 4},
                    Forged{"StorageNegative", kTensor, 0xffffffff, 4}, Forged{"TypeCustom", kTensor + 4, 0, 4},
                    Forged{"TypeUnknown", kTensor + 4, 11, 4}, Forged{"TypeNegative", kTensor + 4, 0x80000000, 4},
                    Forged{"TypeWider", kTensor + 4, 9, 4}, Forged{"ElementBytesZero", kTensor + 8, 0, 8},
                    Forged{"ElementBytesOfAnother", kTensor + 8, 4, 8},
                    Forged{"ElementBytesWithoutEnd", kTensor + 8, ~0ull, 8}, Forged{"RankZero", kTensor + 16, 0, 4},
                    Forged{"RankNine", kTensor + 16, 9, 4}, Forged{"RankWithoutEnd", kTensor + 16, ~0ull, 4},
                    Forged{"AxisZero", kTensor + 20, 0, 4}, Forged{"AxisNegative", kTensor + 20, 0xfffffffe, 4},
                    Forged{"AxisLonger", kTensor + 20, 3, 4}, Forged{"AxisHuge", kTensor + 20, 0x7fffffff, 4},
                    Forged{"ProductOfAxesOverflows", kTensor + 20, 0x7fffffff7fffffff, 8},
                    Forged{"StepsOfRowsWider", kTensor + 52, 4, 8}, Forged{"StepsBackwards", kTensor + 52, ~2ull, 8},
                    Forged{"StepsOfColumnsWider", kTensor + 60, 2, 8}),
    [](const auto& forged) { return forged.param.name; });

TEST(ForgedRecording, CutAnywhereItIsRefused) {
  const Bytes bytes = good_entity();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_ERROR(read({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)}), ErrorCode::bad_input);
  }
}

TEST(ForgedRecording, APartOfAnUnknownKindEndsWhatIsReadAndIsCounted) {
  Bytes bytes = good_entity();
  bytes[kPart + 8] ^= 1;
  const RecordedMessage message = read(bytes);
  EXPECT_TRUE(message.tensors.empty());
  EXPECT_EQ(message.left_out, 1u);
}

TEST(ForgedRecording, RecordsOfTheIndexStayWithinTheFile) {
  const Scratch scratch;
  const RecordingPlace place{scratch.path(), "a"};
  write_file_atomically(place.entities(), good_entity());
  const std::uint64_t size = good_entity().size();
  FramePool frames;
  const auto read_with = [&](UtcTime logged, std::uint64_t bytes, std::uint64_t offset) {
    write_file_atomically(place.index(), index_record(logged, bytes, offset));
    return RecordingReader(place).read(0, frames);
  };
  EXPECT_EQ(read_with(5, size, 0).logged, 5);
  EXPECT_ERROR(read_with(-1, size, 0), ErrorCode::bad_input);
  EXPECT_ERROR(read_with(5, size, 1), ErrorCode::bad_input);
  EXPECT_ERROR(read_with(5, size + 1, 0), ErrorCode::bad_input);
  EXPECT_ERROR(read_with(5, 0, 0), ErrorCode::bad_input);
  EXPECT_ERROR(read_with(5, 8, ~0ull - 3), ErrorCode::bad_input);
  EXPECT_ERROR(read_with(5, ~0ull, 8), ErrorCode::bad_input);
}

TEST(ForgedRecording, MoreMessagesThanAllowedAreRefusedByTheirNumber) {
  const Scratch scratch;
  const RecordingPlace place{scratch.path(), "a"};
  write_file_atomically(place.entities(), good_entity());
  write_file_atomically(place.index(), {});
  std::filesystem::resize_file(place.index(), (RecordingReader::kMaxMessages + 1) * kIndexRecordBytes);
  EXPECT_ERROR(RecordingReader{place}, ErrorCode::too_large);
}

TEST(ForgedRecording, NotesAreChecked) {
  const RecordedNote note{true, "probe", 7, 1, {}, {}};
  const std::string good = note_line(note, 5);
  EXPECT_EQ(parse_note(good, 5)->device, "probe");
  EXPECT_FALSE(parse_note(good, 6)) << "of another time";
  const auto with = [&](std::string_view from, std::string_view to) {
    std::string line = good;
    const std::size_t at = line.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return line.replace(at, from.size(), to);
  };
  for (const std::string& line :
       {std::string("["), std::string("{}"), with(R"("kind":"frame")", R"("kind":"dance")"),
        with(R"("logged":5)", R"("logged":5.5)"), with(R"("sequence":1)", R"("sequence":-1)"),
        with(R"("acquired":7)", R"("acquired":1e99)"), with(R"("device":"probe")", R"("device":7)"),
        with(R"("metadata":[])", R"("metadata":[["key"]])"), with(R"("metadata":[])", R"("metadata":[[1,2]])"),
        with(R"("spacing_mm":[1.0,1.0,1.0])", R"("spacing_mm":[1,1])"),
        with(R"("spacing_mm":[1.0,1.0,1.0])", R"("spacing_mm":[0,1,1])"),
        with(R"("direction":[1.0,)", R"("direction":[2.0,)"), with(R"("direction":[1.0,)", R"("direction":[[1.0],)")}) {
    EXPECT_ERROR(parse_note(line, 5), ErrorCode::bad_input);
  }
}

}  // namespace
}  // namespace sagittal::stream
