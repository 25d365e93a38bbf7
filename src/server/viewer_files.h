#pragma once
#include <cstdint>
#include <span>
#include <string_view>

namespace sagittal::server {

/// One file of the browser viewer.
struct ViewerFile {
  std::string_view path;  ///< "/" for the page, "/assets/index-a1b2c3.js" for what it loads; such names hold a hash
  std::string_view content_type;
  std::string_view etag;                ///< with its quotes
  std::span<const unsigned char> gzip;  ///< one gzip member
  std::uint64_t size = 0;               ///< unpacked, bytes
};

/// The files built from web/ that are part of the program; none where it was built with SAGITTAL_WEB=OFF.
std::span<const ViewerFile> viewer_files();

}  // namespace sagittal::server
