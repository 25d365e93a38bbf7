#include "hub/image/image_layer.h"

#include <archive.h>
#include <archive_entry.h>

#include <memory>
#include <set>
#include <string>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "hub/image/rooted_folder.h"
#include "hub/plain_text.h"

namespace sagittal::hub {
namespace {

constexpr std::size_t kBlock = 1 << 20;
constexpr std::uint64_t kRoomLeft = std::uint64_t{1} << 30;  // of the disk, for everybody else
constexpr std::uint64_t kRoomEvery = std::uint64_t{64} << 20;
constexpr std::string_view kWhiteout = ".wh.", kOpaque = ".wh..wh..opq", kReserved = ".wh..wh.";

struct CloseArchive {
  void operator()(archive* handle) const { archive_read_free(handle); }
};

class Layer {
 public:
  Layer(const std::filesystem::path& file, const std::filesystem::path& root, const UnpackLimits& limits,
        const RunControl& control)
      : handle_(archive_read_new()),
        packed_bytes_(std::filesystem::file_size(file)),
        root_path_(root),
        root_(root),
        limits_(limits),
        control_(control) {
    archive_read_support_format_tar(handle_.get());
    archive_read_support_format_empty(handle_.get());
    archive_read_support_filter_gzip(handle_.get());
    archive_read_support_filter_zstd(handle_.get());
    if (archive_read_open_filename(handle_.get(), file.c_str(), kBlock) != ARCHIVE_OK) fail();
  }

  UnpackedLayer unpack() {
    archive_entry* entry = nullptr;
    while (true) {
      const int code = archive_read_next_header(handle_.get(), &entry);
      if (code == ARCHIVE_EOF) return done_;
      if (code != ARCHIVE_OK && code != ARCHIVE_WARN) fail();
      control_.check();
      control_.report("unpacking", packed_bytes_ == 0 ? 0
                                                      : static_cast<double>(archive_filter_bytes(handle_.get(), -1)) /
                                                            static_cast<double>(packed_bytes_));
      if (++done_.files > limits_.max_files) {
        throw Error(ErrorCode::too_large, fmt::format("the image has more than {} files", limits_.max_files));
      }
      take(entry);
    }
  }

 private:
  [[noreturn]] void fail() const {
    const char* why = archive_error_string(handle_.get());
    throw Error(ErrorCode::bad_input,
                fmt::format("a layer of the image is damaged: {}", plain_line(why ? why : "no reason", 200)));
  }

  /// Relative, without a "./" in front; empty for the root itself. `utf8` is for names that this locale lacks.
  static std::string path_of(const char* raw, const char* utf8) {
    if (raw == nullptr && utf8 == nullptr) {
      throw Error(ErrorCode::bad_input, "the image has a file whose name cannot be read");
    }
    std::string path = raw == nullptr ? utf8 : raw;
    while (path.starts_with("./") || path.starts_with('/')) path.erase(0, path.front() == '/' ? 1 : 2);
    while (path.ends_with('/')) path.pop_back();
    return path == "." ? "" : path;
  }

  void take(archive_entry* entry) {
    const std::string path = path_of(archive_entry_pathname(entry), archive_entry_pathname_utf8(entry));
    if (path.empty()) return;
    const std::size_t slash = path.rfind('/');
    const std::string above = slash == std::string::npos ? "" : path.substr(0, slash);
    const std::string_view name = std::string_view(path).substr(slash == std::string::npos ? 0 : slash + 1);
    if (name.starts_with(kWhiteout)) {
      remove(above, name);
      return;
    }
    make(entry, path);
    for (std::string known = path; !known.empty() && own_.insert(known).second;) {
      const auto at = known.rfind('/');
      known.resize(at == std::string::npos ? 0 : at);
    }
  }

  /// A mark that something of the layers below is gone; what this layer brought itself stays.
  void remove(const std::string& above, std::string_view mark) {
    if (mark == kOpaque) {
      root_.clear(above, [this](const std::string& path) { return own_.contains(path); });
    } else if (!mark.starts_with(kReserved)) {
      root_.remove((above.empty() ? "" : above + "/") + std::string(mark.substr(kWhiteout.size())));
    }
  }

  void make(archive_entry* entry, const std::string& path) {
    const unsigned mode = archive_entry_perm(entry);
    const char* linked = archive_entry_hardlink(entry);
    const char* linked_utf8 = archive_entry_hardlink_utf8(entry);
    if (linked != nullptr || linked_utf8 != nullptr) return root_.make_hard_link(path, path_of(linked, linked_utf8));
    switch (archive_entry_filetype(entry)) {
      case AE_IFDIR:
        return root_.make_folder(path, mode);
      case AE_IFLNK: {
        const char* target = archive_entry_symlink(entry);
        if (target == nullptr) target = archive_entry_symlink_utf8(entry);
        return root_.make_link(path, target == nullptr ? "" : target);
      }
      case AE_IFREG: {
        const Descriptor file = root_.make_file(path, mode);
        write(file, path);
        set_time(file, archive_entry_mtime(entry));  // Python trusts its compiled files by it
        return;
      }
      default:
        return;  // devices and pipes: a sandbox brings its own
    }
  }

  void write(const Descriptor& file, const std::string& path) {
    const void* block = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0, expected = 0;
    while (true) {
      const int code = archive_read_data_block(handle_.get(), &block, &size, &offset);
      if (code == ARCHIVE_EOF) return;
      if (code != ARCHIVE_OK) fail();
      control_.check();
      count(size);
      if (offset != expected) throw Error(ErrorCode::unsupported, "the image has sparse files");
      expected += static_cast<la_int64_t>(size);
      write_all(file, {static_cast<const std::uint8_t*>(block), size}, path);
    }
  }

  void count(std::uint64_t bytes) {
    done_.bytes += bytes;
    if (done_.bytes > limits_.max_bytes) {
      throw Error(ErrorCode::too_large, fmt::format("the image unpacks to more than {}", size_text(limits_.max_bytes)));
    }
    if (done_.bytes < next_look_) return;
    next_look_ = done_.bytes + kRoomEvery;
    std::error_code failure;
    const auto space = std::filesystem::space(root_path_, failure);
    if (!failure && space.available < kRoomLeft) {
      throw Error(ErrorCode::io,
                  fmt::format("less than {} are left on the disk of {}", size_text(kRoomLeft), root_path_.string()));
    }
  }

  const std::unique_ptr<archive, CloseArchive> handle_;
  const std::uint64_t packed_bytes_;
  const std::filesystem::path root_path_;
  RootedFolder root_;
  const UnpackLimits limits_;
  const RunControl& control_;
  UnpackedLayer done_;
  std::uint64_t next_look_ = 0;
  std::set<std::string> own_;  ///< paths of this layer and the folders above them
};

}  // namespace

UnpackedLayer unpack_layer(const std::filesystem::path& layer, const std::filesystem::path& root,
                           const UnpackLimits& limits, const RunControl& control) {
  return Layer(layer, root, limits, control).unpack();
}

}  // namespace sagittal::hub
