#include "net/multipart_related.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "expect_error.h"

namespace sagittal::net {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kType = "multipart/related; type=\"application/dicom\"; boundary=b1";

/// The parts of a body that arrives in blocks of `step` bytes.
std::vector<std::string> parts_of(const std::string& body, std::size_t step = std::string::npos,
                                  const char* type = kType, const MultipartLimits& limits = {}) {
  std::vector<std::string> parts;
  MultipartReader reader(type, limits, [&](const Bytes& part) { parts.emplace_back(as_text(part)); });
  for (std::size_t at = 0; at < body.size(); at += std::min(step, body.size() - at)) {
    reader.feed(as_bytes(std::string_view(body).substr(at, step)));
  }
  reader.finish();
  return parts;
}

const std::string kBody =
    "--b1\r\nContent-Type: application/dicom\r\nContent-Length: 5\r\n\r\none\r\n-\r\n--b1 \r\n\r\n\r\n--b1\r\nX: "
    "y\r\n\r\n--b\r\n"
    "--b1--\r\nepilogue";

TEST(MultipartRelated, ABodyMayArriveInAnyBlocks) {
  for (const std::size_t step : {std::string::npos, std::size_t{1}, std::size_t{2}, std::size_t{7}}) {
    EXPECT_THAT(parts_of(kBody, step), ElementsAre("one\r\n-", "", "--b"));
  }
}

TEST(MultipartRelated, APreambleAndAQuotedBoundaryAreUnderstood) {
  EXPECT_THAT(parts_of("hello\r\n--a b\r\n\r\nx\r\n--a b--", 1, "Multipart/Related;boundary=\"a b\""),
              ElementsAre("x"));
  EXPECT_THAT(parts_of("--b1--"), IsEmpty());
}

TEST(MultipartRelated, TypesWithoutABoundaryAreRefused) {
  const std::string longest(71, 'x');
  for (const std::string& type :
       {std::string(), std::string("application/json"), std::string("multipart/related"),
        std::string("multipart/form-data; boundary=b1"), "multipart/related; boundary=" + longest,
        std::string("multipart/related; boundary=\"b1"), std::string("multipart/related; xboundary=b1")}) {
    EXPECT_ERROR(parts_of("--b1--", 1, type.c_str()), ErrorCode::bad_input);
  }
}

TEST(MultipartRelated, EveryTruncationIsSeen) {
  const std::string whole = kBody.substr(0, kBody.rfind("--b1--") + 6);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_ERROR(parts_of(whole.substr(0, length)), ErrorCode::bad_input);
  }
}

TEST(MultipartRelated, LimitsHoldWhileThePartArrives) {
  const std::string part = "--b1\r\n\r\n" + std::string(200, 'x') + "\r\n";
  EXPECT_ERROR(parts_of(part + "--b1--", 10, kType, {.max_part_bytes = 100}), ErrorCode::too_large);
  EXPECT_ERROR(parts_of(part, 10, kType, {.max_part_bytes = 100}), ErrorCode::too_large);
  EXPECT_ERROR(parts_of(part + part + "--b1--", 10, kType, {.max_parts = 1}), ErrorCode::too_large);
}

TEST(MultipartRelated, HeadersPreamblesAndPaddingHaveAnEnd) {
  EXPECT_ERROR(parts_of("--b1\r\n" + std::string(9000, 'h'), 100), ErrorCode::bad_input);
  EXPECT_ERROR(parts_of(std::string(70000, 'p'), 100), ErrorCode::bad_input);
  EXPECT_ERROR(parts_of("--b1" + std::string(100, ' '), 1), ErrorCode::bad_input);
  EXPECT_ERROR(parts_of("--b1x\r\n\r\n--b1--"), ErrorCode::bad_input);
}

}  // namespace
}  // namespace sagittal::net
