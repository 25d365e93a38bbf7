#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/buffer.h"
#include "base/bytes.h"

namespace sagittal::durable {

/// Large values as files that are named by their contents (XXH3, 128 bits) and never change; equal values are one file.
/// A name says nothing of who may read it. All functions may be called from any thread.
class Volumes {
 public:
  /// Keeps a file from being removed while it lives.
  using Pin = std::shared_ptr<const std::string>;

  /// Makes the folder where it is missing, for its owner only; removes what an interrupted `put` left.
  explicit Volumes(std::filesystem::path folder);

  /// The file's name; it is on the disk, whole, when this returns. Throws Error(io) for a full disk, and what
  /// `make_room` throws: nothing is left.
  Pin put(ByteView bytes);

  /// Keeps the file of that name, should there be one.
  Pin hold(const std::string& name) { return pin(name); }

  /// Called before each new file with its size, to remove others or refuse. To be set before the first `put`.
  void set_make_room(std::function<void(std::uint64_t bytes)> make_room) { make_room_ = std::move(make_room); }
  /// Of all files.
  std::uint64_t bytes() const;

  /// Error(not_found) where there is none, Error(bad_input) where its bytes are not those that were put,
  /// Error(too_large) beyond `max_bytes`.
  Buffer get(const std::string& name, std::uint64_t max_bytes) const;

  /// Removes the file unless it is pinned.
  void remove(const std::string& name);
  std::vector<std::string> names() const;

 private:
  Pin pin(const std::string& name);
  bool replace_if_broken(const std::string& name, ByteView bytes);
  void write(const std::string& name, ByteView bytes);

  struct Pins {
    std::mutex mutex;
    std::map<std::string, int> count;  // guarded by mutex
  };
  const std::filesystem::path folder_;
  std::function<void(std::uint64_t)> make_room_;
  const std::shared_ptr<Pins> pins_ = std::make_shared<Pins>();
};

}  // namespace sagittal::durable
