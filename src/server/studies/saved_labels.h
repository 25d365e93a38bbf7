#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace sagittal::server {

/// Results that people handed in, as files that only the server's user may read:
/// `<folder>/<owner>/<image>/<tag>.nrrd`. They stay until somebody deletes the file. Any thread; of two results for one
/// tag the last counts.
class SavedLabels {
 public:
  /// Empty: nothing can be kept.
  explicit SavedLabels(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// Called before each new file with its size, to remove something else or refuse. To be set before the first `put`.
  void set_make_room(std::function<void(std::uint64_t bytes)> make_room) { make_room_ = std::move(make_room); }
  /// What all files take on the disk; files that somebody else removes or adds are noticed within seconds.
  std::uint64_t bytes() const;

  struct Label {
    std::string tag;        ///< as `file_name_of` writes it
    std::string extension;  ///< ".nrrd", ".nii.gz"
    std::filesystem::path path;
  };
  /// `check` sees the written file before it takes the place of the one before, and may throw. Files of the same tag in
  /// other formats go; a ".dcm" is put beside them. Error(unsupported)
  /// where nothing is kept, Error(io) for a full disk.
  Label put(const std::string& owner, const std::string& image, const std::string& tag, const std::string& extension,
            ByteView bytes, const std::function<void(const std::filesystem::path&)>& check = {});
  /// By tag and extension.
  std::vector<Label> of(const std::string& owner, const std::string& image) const;

 private:
  std::filesystem::path place(const std::string& owner, const std::string& image) const;
  const std::filesystem::path folder_;
  std::function<void(std::uint64_t)> make_room_;
  mutable std::mutex mutex_;
  mutable std::optional<std::uint64_t> counted_;                // guarded by mutex_
  mutable std::chrono::steady_clock::time_point counted_at_{};  // guarded by mutex_
};

/// `text` as one name in a folder: other characters than letters, digits, '-', '_' and '.' are written %XX. Different
/// texts have different names.
std::string file_name_of(std::string_view text);

}  // namespace sagittal::server
