#include "server/api/results.h"

#include <gmock/gmock.h>

#include "interact/prompts.h"
#include "io/segmentation_io.h"
#include "server/api/native_api_fixture.h"

namespace sagittal::server {
namespace {

using testing::ElementsAre;

class NativeResultsTest : public NativeApiTest {};
INSTANTIATE_TEST_SUITE_P(OnDiskAndInMemory, NativeResultsTest, testing::Bool(),
                         [](const auto& kind) { return kind.param ? "OnDisk" : "InMemory"; });

// ---- results

TEST_P(NativeResultsTest, ResultsCarryNamesAndCodes) {
  open();
  ask("PATCH", segment_, {{"term", "liver"}});
  click(5, 6, 7);
  for (const char* format : {"nrrd", "seg.dcm", "nii.gz"}) {
    for (const std::string& of : {segment_, session_}) {
      const http::Response response = server_.send("GET", of + "/mask?format=" + format);
      ASSERT_EQ(response.status, 200) << format << as_text(response.bytes());
      const Scratch folder;
      const std::string ending = std::string(format) == "nrrd" ? "a.seg.nrrd" : std::string("a.") + format;
      write_file_atomically(folder / ending, response.bytes());
      const io::Segmentation result = io::read_segmentation(folder / ending);
      ASSERT_EQ(result.segments.size(), 1U) << format;
      EXPECT_EQ(result.segments[0].name, "Liver");
      ASSERT_TRUE(result.segments[0].codes) << format;
      EXPECT_EQ(result.segments[0].codes->type.value, "10200004");
      std::vector<std::uint8_t> voxels(seen_.size());
      io::paste_mask(result.segments[0].mask, kApiShape, voxels);
      EXPECT_EQ(voxels, seen_) << format;
      EXPECT_TRUE(same_grid(result.geometry, api_geometry())) << format;
    }
  }
}

TEST_P(NativeResultsTest, ASurfaceIsAnStlFile) {
  open();
  const std::string empty(as_text(server_.send("GET", segment_ + "/mask?format=stl").bytes()));
  EXPECT_EQ(empty.size(), 84U);
  click(5, 6, 7);
  const http::Response response = server_.send("GET", session_ + "/mask?format=stl");
  ASSERT_EQ(response.status, 200);
  ByteReader reader(response.bytes(), "stl");
  EXPECT_NE(as_text(reader.take(80)).find("SPACE=LPS"), std::string_view::npos);
  const auto triangles = reader.read<std::uint32_t>();
  EXPECT_GT(triangles, 0U);
  EXPECT_EQ(reader.remaining(), 50U * triangles);
}

TEST_P(NativeResultsTest, OverlappingSegmentsNeedAFormatThatHoldsThem) {
  open();
  ask("POST", session_ + "/segments", Json::object(), 201);
  for (const char* n : {"1", "2"}) {
    ask("POST", session_ + "/segments/" + n + "/prompts", {{"type", "point"}, {"ijk", {5, 6, 7}}});
  }
  EXPECT_EQ(server_.send("GET", session_ + "/mask?format=nii.gz").status, 422);
  EXPECT_EQ(server_.send("GET", session_ + "/mask?format=nrrd").status, 200);
  EXPECT_EQ(server_.send("GET", session_ + "/mask?format=seg.dcm").status, 200);
  ask("GET", session_ + "/mask?format=exe", nullptr, 400);
}

// ---- the prompts file

TEST_P(NativeResultsTest, ThePromptsFileMakesTheVerySameMask) {
  open();
  click(3, 3, 3);
  step("reset");
  std::vector<std::uint8_t> start(15 * 14 * 12);
  std::fill_n(start.begin() + 700, 20, std::uint8_t{1});
  prompt({{"type", "init"}, {"mask", encode_base64(pack_bits(start))}});
  click(9, 6, 7);
  click(2, 2, 2);
  step("undo");
  prompt({{"type", "point"}, {"ijk", {5, 6, 7}}, {"predict", false}});
  prompt({{"type", "box"}, {"ijk0", {2, 3, 6}}, {"ijk1", {6, 6, 7}}});
  click(11, 11, 9);
  step("undo");
  step("redo");
  const std::string file = ask("GET", segment_ + "/prompts").dump();
  const auto prompts = interact::parse_prompts_file(file);
  EXPECT_EQ(prompts.size(), 5U);
  interact::StubSession replayed({8, 8, 8}, prompted);
  replayed.session.set_image({12, 14, 15}, store(api_image()));
  for (const auto& prompt : prompts) interact::apply(replayed.session, prompt, {}, prompts.size() == 1);
  EXPECT_EQ(replayed.mask(), seen_);
}

TEST_P(NativeResultsTest, AnInitialMaskAloneIsReplayedAsItIs) {
  open();
  std::vector<std::uint8_t> start(15 * 14 * 12);
  start[700] = 1;
  prompt({{"type", "init"}, {"mask", encode_base64(pack_bits(start))}});
  const auto prompts = interact::parse_prompts_file(ask("GET", segment_ + "/prompts").dump());
  interact::StubSession replayed({8, 8, 8}, prompted);
  replayed.session.set_image({12, 14, 15}, store(api_image()));
  for (const auto& prompt : prompts) interact::apply(replayed.session, prompt, {}, prompts.size() == 1);
  EXPECT_EQ(replayed.mask(), start);
}

}  // namespace
}  // namespace sagittal::server
