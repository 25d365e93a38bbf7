#pragma once
#include <algorithm>

#include "server/api/api_server.h"

namespace sagittal::server {

/// Everything holds on a disk and in memory.
class NativeApiTest : public testing::TestWithParam<bool> {
 protected:
  ApiServer server_{GetParam()};
  Json ask(const std::string& method, const std::string& target, const Json& body = nullptr, int status = 200,
           const std::string& owner = "") {
    return server_.ask(method, target, body, status, owner);
  }

  void open() {
    session_ = "/sessions/" + server_.open();
    segment_ = session_ + "/segments/1";
    ask("POST", session_ + "/segments", Json::object(), 201);
  }
  /// Sends a prompt and follows the mask by the replies alone.
  Json prompt(const Json& prompt) { return follow(ask("POST", segment_ + "/prompts", prompt)); }
  Json step(const char* what) { return follow(ask("POST", segment_ + "/" + what)); }
  Json follow(Json reply) {
    paste_reply(reply, seen_);
    EXPECT_EQ(std::count(seen_.begin(), seen_.end(), 1), reply.at("voxels").get<std::int64_t>());
    return reply;
  }
  Json click(int i, int j, int k, bool include = true) {
    return prompt({{"type", "point"}, {"ijk", {i, j, k}}, {"include", include}});
  }
  std::vector<std::uint8_t> mask() {
    const http::Response response = server_.send("GET", segment_ + "/mask?format=nii.gz");
    EXPECT_EQ(response.status, 200);
    const Volume image = to_mask(io::read_image(response.bytes(), "mask"));
    EXPECT_TRUE(same_grid(image.geometry(), api_geometry()));
    return {image.as<std::uint8_t>().begin(), image.as<std::uint8_t>().end()};
  }

  std::string session_, segment_;
  std::vector<std::uint8_t> seen_ = std::vector<std::uint8_t>(15 * 14 * 12);
};
}  // namespace sagittal::server
