#pragma once
#include <cstdint>
#include <memory>
#include <span>

#include "base/buffer_pool.h"
#include "base/bytes.h"
#include "volume/geometry.h"
#include "volume/volume.h"

namespace sagittal::stream {

/// Bytes that several messages share and nobody changes: a frame of a pool, the body of a message as it came.
class SharedBytes {
 public:
  SharedBytes() = default;
  /// `bytes` live as long as `owner`.
  SharedBytes(std::shared_ptr<const void> owner, ByteView bytes) : owner_(std::move(owner)), bytes_(bytes) {}
  /// Takes the memory over.
  explicit SharedBytes(Bytes bytes);

  ByteView view() const { return bytes_; }
  std::size_t size() const { return bytes_.size(); }
  /// Where `bytes` is a part of these.
  SharedBytes part(ByteView bytes) const { return {owner_, bytes}; }
  const std::shared_ptr<const void>& owner() const { return owner_; }

 private:
  std::shared_ptr<const void> owner_;
  ByteView bytes_;
};

/// Memory to be filled by one operator, aligned to 64 bytes, then shared. What it holds at first is not defined.
class FreshBytes {
 public:
  std::span<std::uint8_t> span() { return {reinterpret_cast<std::uint8_t*>(buffer_->data()), size_}; }
  template <class T>
  std::span<T> as() {
    return {reinterpret_cast<T*>(buffer_->data()), size_ / sizeof(T)};
  }
  /// No changes from here on.
  SharedBytes share() &&;

 private:
  friend class FramePool;
  FreshBytes(std::shared_ptr<Buffer> buffer, std::size_t size) : buffer_(std::move(buffer)), size_(size) {}
  std::shared_ptr<Buffer> buffer_;
  std::size_t size_;
};

/// Memory that goes round: what its last reader lets go is there for the next frame, without a system call. May end
/// before the frames that came from it. Any thread.
class FramePool {
 public:
  /// `idle_bytes` are kept while nobody uses them; at most `limit_bytes` are out at a time.
  explicit FramePool(std::size_t idle_bytes = std::size_t{256} << 20, std::size_t limit_bytes = std::size_t{4} << 30);

  /// Error(too_large) beyond the limit: some operator keeps frames and never lets them go.
  FreshBytes take(std::size_t bytes);
  std::size_t bytes_out() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// A picture or a volume on its way.
struct Frame {
  static constexpr std::string_view kValueName = "frame";

  Geometry geometry;                 ///< size (i, j, k), k = 1 for a picture; millimetres in LPS
  int components = 1;                ///< of a pixel, together in memory: 1 grey, 3 RGB, 4 RGBA
  ScalarType type = ScalarType::u8;  ///< in native byte order
  SharedBytes pixels;                ///< i fastest, then j, then k

  std::int64_t width() const { return geometry.size[0]; }
  std::int64_t height() const { return geometry.size[1]; }
  /// What its header asks for.
  std::size_t bytes_needed() const;
  template <class T>
  std::span<const T> as() const {
    return {reinterpret_cast<const T*>(pixels.view().data()), pixels.size() / sizeof(T)};
  }
};
inline constexpr int kMaxComponents = 255;
inline constexpr std::size_t kMaxFrameBytes = std::size_t{1} << 30;

/// Error(bad_input) unless sizes, components and bytes agree; Error(too_large) beyond kMaxFrameBytes.
void check_frame(const Frame& frame);
/// `like` with other pixels of the same grid.
Frame frame_with(const Frame& like, SharedBytes pixels, int components, ScalarType type);

}  // namespace sagittal::stream
