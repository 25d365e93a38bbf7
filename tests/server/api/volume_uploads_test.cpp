#include "server/api/volume_uploads.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "expect_error.h"
#include "server/api/api_server.h"

namespace sagittal::server {
namespace {

constexpr std::size_t kPiece = VolumeUploads::kMinPiece;

/// A file of several pieces.
std::string large_file() {
  std::vector<std::uint8_t> voxels(kPiece * 3);
  for (std::size_t v = 0; v < voxels.size(); ++v) voxels[v] = static_cast<std::uint8_t>(v * 7919 >> 5);
  const auto side = static_cast<std::int64_t>(kPiece / 256);
  const Bytes file = io::encode_image(make_volume<std::uint8_t>({.size = {256, side, 3}}, voxels), "nrrd", false);
  return std::string(as_text(file));
}

http::Response put(ApiServer& server, const std::string& id, const std::string& file, std::size_t begin,
                   std::size_t end, std::size_t total = 0) {
  const std::string range = fmt::format("bytes {}-{}/{}", begin, end - 1, total == 0 ? file.size() : total);
  return server.send("PUT", "/volumes/" + id, file.substr(begin, end - begin), {{"Content-Range", range}});
}

TEST(VolumeUploads, AFileMayComePieceByPiece) {
  for (const bool on_disk : {false, true}) {
    ApiServer server(on_disk);
    const std::string file = large_file(), id = net::sha256_hex(as_bytes(file));
    EXPECT_EQ(put(server, id, file, 0, kPiece).status, 202);
    const http::Response look = server.send("HEAD", "/volumes/" + id);
    EXPECT_EQ(look.status, 206);
    EXPECT_EQ(look.header("Sagittal-Received"), std::to_string(kPiece));
    if (on_disk) server.start();
    EXPECT_EQ(put(server, id, file, kPiece, 2 * kPiece).status, 202);
    EXPECT_EQ(put(server, id, file, 2 * kPiece, file.size()).status, 201);
    EXPECT_EQ(server.send("HEAD", "/volumes/" + id).status, 200);
    EXPECT_EQ(put(server, id, file, 0, kPiece).status, 200);  // it is here
  }
}

TEST(VolumeUploads, PiecesComeInOrder) {
  ApiServer server(true);
  const std::string file = large_file(), id = net::sha256_hex(as_bytes(file));
  EXPECT_EQ(put(server, id, file, kPiece, 2 * kPiece).status, 409);
  EXPECT_EQ(put(server, id, file, 0, kPiece).status, 202);
  EXPECT_EQ(put(server, id, file, 2 * kPiece, file.size()).status, 409);
  EXPECT_EQ(put(server, id, file, kPiece, 2 * kPiece, file.size() + 1).status, 409);
  EXPECT_EQ(put(server, id, file, 0, 2 * kPiece).status, 202);  // from the start
  EXPECT_EQ(put(server, id, file, 2 * kPiece, file.size()).status, 201);
}

TEST(VolumeUploads, AnotherFileThanItsHashSaysIsForgotten) {
  ApiServer server(true);
  const std::string file = large_file(), id(64, 'b');
  EXPECT_EQ(put(server, id, file, 0, 2 * kPiece).status, 202);
  EXPECT_EQ(put(server, id, file, 2 * kPiece, file.size()).status, 422);
  EXPECT_EQ(server.send("HEAD", "/volumes/" + id).status, 404);
}

TEST(VolumeUploads, TooManyAtOnceMakeRoom) {
  ApiServer server(true);
  const std::string file = large_file();
  for (const char c : {'a', 'b', 'c'}) EXPECT_EQ(put(server, std::string(64, c), file, 0, kPiece).status, 202);
  EXPECT_EQ(server.send("HEAD", "/volumes/" + std::string(64, 'a')).status, 404);
  EXPECT_EQ(server.send("HEAD", "/volumes/" + std::string(64, 'c')).status, 206);
}

TEST(VolumeUploads, ForgedRangesAreRefused) {
  ApiServer server(false);
  const std::string id(64, 'a'), body(kPiece, 'x');
  for (const char* range :
       {"bytes", "bytes 0-65535", "bytes 0-65535/", "bytes 0-65535/*", "bytes -1-65535/100000", "items 0-65535/100000",
        "bytes 5-4/100000", "bytes 0-65535/65535", "bytes 0-65534/100000", "bytes 0-65536/100000",
        "bytes 0-99999999999999999999/100000", "bytes 0-65535/18446744073709551615"}) {
    const int status = server.send("PUT", "/volumes/" + id, body, {{"Content-Range", range}}).status;
    EXPECT_TRUE(status == 400 || status == 413) << range << ": " << status;
  }
  EXPECT_EQ(server.send("PUT", "/volumes/" + id, "x", {{"Content-Range", "bytes 0-0/100000"}}).status, 400);
  EXPECT_EQ(server.send("HEAD", "/volumes/" + id).status, 404);
}

}  // namespace
}  // namespace sagittal::server
