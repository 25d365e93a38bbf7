#include "server/http/multipart.h"

#include <string>

#include "expect_error.h"

namespace sagittal::server::http {
namespace {

// As requests_toolbelt writes it.
const std::string kStroke =
    "--b1\r\nContent-Disposition: form-data; name=\"file\"; filename=\"volume.npy.gz\"\r\n"
    "Content-Type: application/octet-stream\r\n\r\n\x1f\x8b\r\n--b\r\n"
    "\r\n--b1\r\nContent-Disposition: form-data; name=\"positive_click\"\r\n\r\nTrue\r\n--b1--\r\n";

std::vector<Part> parse(const std::string& body, const char* boundary = "b1") {
  return parse_multipart(as_bytes(body), boundary);
}

TEST(Multipart, PartsAreFoundWithNameFilenameAndContent) {
  const auto parts = parse(kStroke);
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].name, "file");
  EXPECT_EQ(parts[0].filename, "volume.npy.gz");
  EXPECT_EQ(parts[0].content_type, "application/octet-stream");
  EXPECT_EQ(as_text(parts[0].content), "\x1f\x8b\r\n--b\r\n");
  EXPECT_EQ(as_text(find_part(parts, "positive_click").content), "True");
}

TEST(Multipart, PreambleAndEmptyContentAreLegal) {
  const auto parts = parse("hello\r\n--b1\r\nContent-Disposition: form-data; name=x\r\n\r\n\r\n--b1--");
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_TRUE(parts[0].content.empty());
}

TEST(Multipart, EveryTruncationIsRefused) {
  const std::size_t complete = kStroke.size() - 2;  // the last line break may be missing
  for (std::size_t length = 0; length < complete; ++length) {
    EXPECT_ERROR(parse(kStroke.substr(0, length)), ErrorCode::bad_input);
  }
  EXPECT_EQ(parse(kStroke.substr(0, complete)).size(), 2u);
}

TEST(Multipart, ForgedBodiesAreRefused) {
  EXPECT_ERROR(parse(kStroke, ""), ErrorCode::bad_input);
  EXPECT_ERROR(parse(kStroke, "other"), ErrorCode::bad_input);
  EXPECT_ERROR(parse("--b1\r\nno colon\r\n\r\nx\r\n--b1--"), ErrorCode::bad_input);
  EXPECT_ERROR(parse("--b1\r\nContent-Type: a\r\n\r\nno name\r\n--b1--"), ErrorCode::bad_input);
  EXPECT_ERROR(parse("--b1\r\nX: " + std::string(9000, 'x') + "\r\n\r\n\r\n--b1--"), ErrorCode::bad_input);
  std::string many;
  for (int i = 0; i < 17; ++i) many += "--b1\r\nContent-Disposition: form-data; name=x\r\n\r\n\r\n";
  EXPECT_ERROR(parse(many + "--b1--"), ErrorCode::bad_input);
}

TEST(Multipart, AMissingPartIsNamedInTheError) {
  try {
    find_part(parse(kStroke), "image");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "multipart body: expected a part \"image\", found file, positive_click");
  }
}

TEST(Multipart, BoundaryComesFromTheContentType) {
  EXPECT_EQ(multipart_boundary("multipart/form-data; boundary=abc"), "abc");
  EXPECT_EQ(multipart_boundary("Multipart/Form-Data; charset=x; boundary=\"a b\""), "a b");
  EXPECT_EQ(multipart_boundary("application/json; boundary=abc"), "");
  EXPECT_EQ(multipart_boundary("multipart/form-data; boundary=" + std::string(71, 'x')), "");
}

}  // namespace
}  // namespace sagittal::server::http
