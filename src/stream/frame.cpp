#include "stream/frame.h"

#include <atomic>

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal::stream {

SharedBytes::SharedBytes(Bytes bytes) {
  const auto kept = std::make_shared<const Bytes>(std::move(bytes));
  bytes_ = *kept;
  owner_ = kept;
}

SharedBytes FreshBytes::share() && {
  const ByteView view = span();
  return {std::shared_ptr<const void>(std::move(buffer_)), view};
}

struct FramePool::State {
  State(std::size_t idle_bytes, std::size_t limit) : pool(idle_bytes), limit_bytes(limit) {}
  BufferPool pool;
  const std::size_t limit_bytes;
  std::atomic<std::size_t> out{0};
};

FramePool::FramePool(std::size_t idle_bytes, std::size_t limit_bytes)
    : state_(std::make_shared<State>(idle_bytes, limit_bytes)) {}

FreshBytes FramePool::take(std::size_t bytes) {
  const std::size_t out = state_->out.fetch_add(bytes) + bytes;
  const auto give_back = [state = state_, bytes](Buffer* buffer) {
    if (buffer != nullptr) state->pool.give_back(std::move(*buffer));
    state->out.fetch_sub(bytes);
    delete buffer;
  };
  if (out > state_->limit_bytes || bytes > kMaxFrameBytes) {
    state_->out.fetch_sub(bytes);
    throw Error(ErrorCode::too_large,
                fmt::format("frames of {} MiB are held, the limit is {} MiB", out >> 20, state_->limit_bytes >> 20));
  }
  Buffer buffer = state_->pool.find(bytes);
  if (buffer.size() == 0) {
    try {
      buffer = Buffer(std::max<std::size_t>(bytes, 1));
    } catch (...) {
      state_->out.fetch_sub(bytes);
      throw;
    }
  }
  return {std::shared_ptr<Buffer>(new Buffer(std::move(buffer)), give_back), bytes};
}

std::size_t FramePool::bytes_out() const { return state_->out.load(); }

std::size_t Frame::bytes_needed() const {
  return static_cast<std::size_t>(geometry.voxel_count()) * static_cast<std::size_t>(components) * size_of(type);
}

void check_frame(const Frame& frame) {
  check_geometry(frame.geometry, "a frame");
  if (frame.components < 1 || frame.components > kMaxComponents) {
    throw Error(ErrorCode::bad_input,
                fmt::format("a frame has {} components, expected 1 to {}", frame.components, kMaxComponents));
  }
  std::uint64_t bytes = static_cast<std::uint64_t>(frame.components) * size_of(frame.type);
  for (const std::int64_t size : frame.geometry.size) {
    bytes = checked_product(bytes, static_cast<std::uint64_t>(size), "a frame");
  }
  if (bytes > kMaxFrameBytes) {
    throw Error(ErrorCode::too_large,
                fmt::format("a frame of {} bytes, at most {} are allowed", bytes, kMaxFrameBytes));
  }
  if (bytes != frame.pixels.size()) {
    throw Error(ErrorCode::bad_input, fmt::format("a frame of {} with {} x {} holds {} bytes, expected {}",
                                                  describe_shape(frame.geometry.size), frame.components,
                                                  name_of(frame.type), frame.pixels.size(), bytes));
  }
}

Frame frame_with(const Frame& like, SharedBytes pixels, int components, ScalarType type) {
  return {like.geometry, components, type, std::move(pixels)};
}

}  // namespace sagittal::stream
