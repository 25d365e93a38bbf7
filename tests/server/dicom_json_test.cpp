#include "server/studies/dicom_json.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <string>

#include "expect_error.h"
#include "io/image_io.h"
#include "scratch.h"
#include "server/studies/series_cache.h"

namespace sagittal::server {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(DicomJson, ASearchForSeriesIsRead) {
  const auto found = parse_archive_series(R"([{
      "0020000D": {"vr": "UI", "Value": ["1.2"]}, "0020000E": {"vr": "UI", "Value": ["1.2.3"]},
      "00080060": {"vr": "CS", "Value": ["CT"]}, "0008103E": {"vr": "LO", "Value": ["Thorax"]},
      "00080020": {"vr": "DA", "Value": ["20250102"]}, "00201209": {"vr": "IS", "Value": [120]}}])",
                                          "");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].study_uid, "1.2");
  EXPECT_EQ(found[0].series_uid, "1.2.3");
  EXPECT_EQ(found[0].modality + found[0].description + found[0].study_date, "CTThorax20250102");
  EXPECT_EQ(found[0].images, 120);
}

TEST(DicomJson, WhatIsMissingIsEmpty) {
  const auto found = parse_archive_series(R"([{"0020000E": {"vr": "UI", "Value": ["1.2.3"]}, "00080060": {"vr": "CS"},
      "0008103E": {"vr": "LO", "Value": [null]}, "00201209": {"vr": "IS", "Value": ["7"]}}])",
                                          "1.9");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].study_uid, "1.9");
  EXPECT_EQ(found[0].modality + found[0].description, "");
  EXPECT_EQ(found[0].images, 7);
  EXPECT_THAT(parse_archive_series("", ""), IsEmpty());
}

TEST(DicomJson, EntriesWithoutUsableUidsArePassedOver) {
  for (const char* uid : {R"("../../etc")", R"("")", R"("1.2/3")", R"("1.2.")", "7.5", "{}", "[]", R"("a")"}) {
    EXPECT_THAT(parse_archive_series(std::string(R"([{"0020000E": {"Value": [)") + uid + "]}}, 5, null, []]", "1.2"),
                IsEmpty());
  }
  EXPECT_THAT(parse_archive_uids(R"([{"00080018": {"Value": ["1.2"]}}, {"00080018": {"Value": ["x"]}}])", "00080018"),
              ElementsAre("1.2"));
}

TEST(DicomJson, AnAnswerTellsWhatWasNotStored) {
  const auto failed = [](const char* reason) {
    return parse_store_failures(fmt::format(
        R"({{"00081198":{{"vr":"SQ","Value":[{{"00081155":{{"vr":"UI","Value":["1.2"]}},"00081197":{{"vr":"US","Value":[{}]}}}}]}}}})",
        reason));
  };
  EXPECT_EQ(failed("290"), "it takes no objects of this kind (reason 0122)");
  EXPECT_EQ(failed("42752"), "it is out of resources (reason A700)");
  EXPECT_EQ(failed("49442"), "it does not understand the object (reason C122)");
  EXPECT_EQ(failed("\"?\""), "it does not say why");
  EXPECT_EQ(parse_store_failures(R"([{"0008119A":{"vr":"SQ","Value":[{}]}}])"), "it does not say why");
  EXPECT_EQ(parse_store_failures(R"({"00081198":{"vr":"SQ"},"00081199":{"vr":"SQ","Value":[{}]}})"), "");
  EXPECT_EQ(parse_store_failures("{}"), "");
  EXPECT_EQ(parse_store_failures(" "), "");
  EXPECT_ERROR(parse_store_failures("<html>"), ErrorCode::bad_input);
  EXPECT_ERROR(parse_store_failures("3"), ErrorCode::bad_input);
}

TEST(DicomJson, ForgedAnswersAreRefused) {
  const std::string deep = std::string(10000, '[') + std::string(10000, ']');
  for (const std::string& text :
       {std::string("<html>"), std::string("{}"), std::string("7"), std::string("[{"), deep}) {
    EXPECT_ERROR(parse_archive_series(text, ""), ErrorCode::bad_input);
  }
  std::string many = "[0";
  for (int n = 0; n < 20000; ++n) many += ",0";
  EXPECT_ERROR(parse_archive_series(many + "]", ""), ErrorCode::too_large);
}

TEST(DicomJson, AUidHasDigitsAndDots) {
  EXPECT_TRUE(is_dicom_uid("1.2.840.10008"));
  for (const char* text : {"", ".", "..", ".1", "1.", "1.2a", "1 2"}) EXPECT_FALSE(is_dicom_uid(text)) << text;
  EXPECT_FALSE(is_dicom_uid(std::string(65, '1')));
}

TEST(SeriesCache, AFetchThatFailsLeavesNothing) {
  const Scratch scratch;
  SeriesCache cache(scratch.path() / "archive", {});
  EXPECT_ERROR(cache.get("1.2.3", {}, [](SeriesCache::Writer&) {}), ErrorCode::not_found);
  EXPECT_ERROR(cache.get("1.2.3", {}, [](SeriesCache::Writer& writer) { writer.put({'x'}); }), ErrorCode::bad_input);
  EXPECT_ERROR(cache.get("../x", {}, [](SeriesCache::Writer&) {}), ErrorCode::bad_input);
  EXPECT_TRUE(std::filesystem::is_empty(scratch.path() / "archive"));
}

TEST(SeriesCache, WhatAnInterruptedFetchLeftIsRemoved) {
  const Scratch scratch;
  std::filesystem::create_directories(scratch.path() / "archive/1.2.part");
  const SeriesCache cache(scratch.path() / "archive", {});
  EXPECT_TRUE(std::filesystem::is_empty(scratch.path() / "archive"));
}

}  // namespace
}  // namespace sagittal::server
