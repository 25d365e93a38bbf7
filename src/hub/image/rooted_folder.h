#pragma once
#include <cstdint>
#include <ctime>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/descriptor.h"

namespace sagittal::hub {

/// A folder into which a stranger's paths are written: links in it are followed as if it were the root of the file
/// system (Linux' openat2), so that nothing outside is ever touched. Paths are relative, without empty parts, "." and
/// ".."; every function throws Error(bad_input) for others, Error(io) where the system refuses. One thread.
class RootedFolder {
 public:
  /// `folder` is there. Error(unsupported) before Linux 5.6.
  explicit RootedFolder(const std::filesystem::path& folder);

  /// A new file in the place of what was there; the folders above it are made. Permissions of others and rights to run
  /// as its owner are left out.
  Descriptor make_file(std::string_view path, unsigned mode);
  /// A folder that is there stays; anything else gives way.
  void make_folder(std::string_view path, unsigned mode);
  /// An empty file or a folder, where nothing is; the folders above it are made.
  void make_if_absent(std::string_view path, bool is_folder);
  void make_link(std::string_view path, const std::string& target);
  /// Another name for a file that is there.
  void make_hard_link(std::string_view path, std::string_view target);
  /// Removes what is there, with all below it; nothing where there is nothing.
  void remove(std::string_view path);
  /// Removes all below a folder for which `keep` (of a path) does not hold.
  void clear(std::string_view folder, const std::function<bool(const std::string&)>& keep);

 private:
  struct Place {
    Descriptor folder;
    std::string name;
  };
  Descriptor open(std::string_view path, int flags) const;
  Descriptor open_folder(std::string_view path);
  /// The folder above a path, made where it is not there, and the last name.
  Place place_of(std::string_view path);
  void clear(const Descriptor& folder, const std::string& prefix, const std::function<bool(const std::string&)>& keep);

  Descriptor root_;
};

void set_time(const Descriptor& file, std::time_t seconds);

}  // namespace sagittal::hub
