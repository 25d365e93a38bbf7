#pragma once
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <vector>

#include "stream/frame.h"

namespace sagittal::stream {

/// A box of an image that came on its own.
struct ImagePart {
  Frame image;  ///< the whole one, without pixels
  Index3 offset{}, size{};
  SharedBytes pixels;  ///< of the box, i fastest
};

/// Puts images together that a connection sends in parts, by their names. Where the whole image came before, each part
/// brings it anew; else it comes once every voxel has. Holds up to kMaxImages and kMaxBytes, then forgets the oldest.
/// One thread at a time.
class ImageParts {
 public:
  static constexpr std::size_t kMaxImages = 8, kMaxBytes = std::size_t{512} << 20;

  /// An image that came whole.
  void whole(const std::string& name, const Frame& image);
  /// Nothing while voxels are missing. Error(too_large) beyond kMaxBytes, Error(bad_input) for a part that is not in
  /// its image or does not hold what it says.
  std::optional<Frame> add(const std::string& name, const ImagePart& part);

  struct Counters {
    std::uint64_t parts = 0, images = 0;
    std::uint64_t abandoned = 0;  ///< images of which not all came
  };
  const Counters& counters() const { return counters_; }

 private:
  struct Entry {
    std::string name;
    Frame image;            // its pixels: of the whole one
    Bytes pixels;           // while they come
    std::vector<bool> has;  // each voxel; empty for a whole one
    std::int64_t missing = 0;
    std::size_t bytes() const { return image.bytes_needed(); }
  };
  std::list<Entry>::iterator find(const std::string& name);
  void make_room(std::size_t bytes);
  void forget(std::list<Entry>::iterator entry);

  std::list<Entry> entries_;  // the latest last
  std::size_t bytes_ = 0;
  Counters counters_;
};

}  // namespace sagittal::stream
