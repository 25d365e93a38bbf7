#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/progress.h"

namespace sagittal::hub {

/// What an archive may cost. More is Error(too_large).
struct ArchiveLimits {
  std::uint64_t max_files = 200'000;
  std::uint64_t max_bytes = std::uint64_t{1} << 30;  ///< unpacked, also of what is not wanted
  std::uint64_t max_path = 1024;
};

/// One file or folder of an archive. `path` has neither "..", nor an empty part, nor a root.
struct ArchiveMember {
  std::string path;
  bool is_folder = false;
  std::uint64_t size = 0;  ///< as the archive says it; 0 where it does not
  bool executable = false;
};

/// Takes the content of a member, block by block; an empty function leaves it out.
using MemberSink = std::function<void(ByteView block)>;
/// Asked for each member that is a plain file or a folder; the sink is used before the next call.
using ChooseMember = std::function<MemberSink(const ArchiveMember& member)>;

/// Whether `bytes` begin like a ZIP, gzip, or tar file.
bool looks_like_archive(ByteView bytes);

/// Reads a ZIP, tar or compressed tar file from memory. Links and devices in it are passed over.
/// Error(bad_input) for damage and for paths out of the archive.
void read_archive(ByteView bytes, const ArchiveLimits& limits, const ChooseMember& choose);

/// Unpacks a ZIP or tar file into the new folder `into`; nothing is written outside it, no file is overwritten, and no
/// link made. Errors as above for links as well; what was unpacked so far stays for the caller to remove.
void unpack_archive(const std::filesystem::path& archive, const std::filesystem::path& into,
                    const ArchiveLimits& limits, const RunControl& control);

}  // namespace sagittal::hub
