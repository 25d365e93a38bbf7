#include "server/http/file_stream.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/error.h"
#include "expect_error.h"
#include "scratch.h"

namespace sagittal::server::http {
namespace {

std::string all_of(Response& response) {
  std::string text;
  for (Bytes block = response.next_block(); !block.empty(); block = response.next_block()) text += as_text(block);
  return text;
}

class FileStream : public testing::Test {
 protected:
  FileStream() { write_file_atomically(file_, as_bytes("0123456789")); }

  Response ask(const std::string& range, std::vector<Header> more = {}) {
    Request request;
    request.headers = std::move(more);
    if (!range.empty()) request.headers.push_back({"Range", range});
    return stream_file(file_, "text/plain", request);
  }

  const Scratch scratch_;
  const std::filesystem::path file_ = scratch_ / "file";
};

TEST(ParseRange, TakesTheThreeForms) {
  EXPECT_EQ(parse_range("bytes=2-5", 10), (ByteRange{2, 6}));
  EXPECT_EQ(parse_range("bytes=2-", 10), (ByteRange{2, 10}));
  EXPECT_EQ(parse_range("bytes=-3", 10), (ByteRange{7, 10}));
  EXPECT_EQ(parse_range("bytes=2-500", 10), (ByteRange{2, 10}));
  EXPECT_EQ(parse_range("bytes=-500", 10), (ByteRange{0, 10}));
  EXPECT_EQ(parse_range("bytes=0-18446744073709551615", 10), (ByteRange{0, 10}));
}

TEST(ParseRange, IsEmptyWhereNothingOfItIsThere) {
  for (const char* header : {"bytes=10-", "bytes=11-12", "bytes=-0"}) {
    const auto range = parse_range(header, 10);
    ASSERT_TRUE(range) << header;
    EXPECT_EQ(range->begin, range->end) << header;
  }
  EXPECT_EQ(parse_range("bytes=0-", 0), (ByteRange{0, 0}));
}

TEST(ParseRange, IgnoresWhatIsNoneOrSeveral) {
  for (const char* header : {"", "bytes", "bytes=", "bytes=-", "bytes=5-2", "bytes=0-1,4-5", "lines=1-2", "bytes=a-b",
                             "bytes=1 - 2", "bytes=18446744073709551616-", "bytes=+1-2", "bytes=--1"}) {
    EXPECT_FALSE(parse_range(header, 10)) << header;
  }
}

TEST_F(FileStream, SendsAllWithItsLength) {
  Response response = ask("");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.stream_bytes, 10u);
  EXPECT_EQ(response.header("Accept-Ranges"), "bytes");
  EXPECT_EQ(all_of(response), "0123456789");
  EXPECT_EQ(ask("bytes=0-1,4-5").status, 200);
  EXPECT_EQ(ask("bytes=2-5", {{"If-Range", "\"x\""}}).status, 200);
}

TEST_F(FileStream, SendsThePartThatIsAskedFor) {
  Response response = ask("bytes=2-5");
  EXPECT_EQ(response.status, 206);
  EXPECT_EQ(response.stream_bytes, 4u);
  EXPECT_EQ(response.header("Content-Range"), "bytes 2-5/10");
  EXPECT_EQ(all_of(response), "2345");
  const Response outside = ask("bytes=10-");
  EXPECT_EQ(outside.status, 416);
  EXPECT_EQ(outside.header("Content-Range"), "bytes */10");
}

TEST_F(FileStream, BreaksOffWhereTheFileBecomesShorter) {
  Response response = ask("");
  std::filesystem::resize_file(file_, 4);
  EXPECT_EQ(as_text(response.next_block()), "0123");
  EXPECT_ERROR(response.next_block(), ErrorCode::io);
}

TEST_F(FileStream, FollowsNoLinkAndReadsNoFolder) {
  std::filesystem::create_symlink(file_, scratch_ / "link");
  EXPECT_ERROR(stream_file(scratch_ / "link", "text/plain", {}), ErrorCode::io);
  EXPECT_ERROR(stream_file(scratch_.path(), "text/plain", {}), ErrorCode::not_found);
  EXPECT_ERROR(stream_file(scratch_ / "none", "text/plain", {}), ErrorCode::not_found);
}

}  // namespace
}  // namespace sagittal::server::http
