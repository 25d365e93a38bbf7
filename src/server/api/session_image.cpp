#include "server/api/session_image.h"

#include "base/error.h"
#include "io/dicom_memory.h"
#include "io/unzip.h"

namespace sagittal::server {
namespace {

/// The uploaded file in the store, and how the session's image is read from it.
struct KeptFile {
  Buffer bytes;
  io::ReadOptions options;
  ByteView view() const { return bytes.as<const std::uint8_t>(); }
};

KeptFile open_file(const NativeTurn& native, const ApiServices& services) {
  SessionJournal* journal = services.sessions.journal();
  const auto& kept = native.turn->kept.image;
  if (journal == nullptr || !kept) throw Error(ErrorCode::conflict, "the session has no image");
  KeptFile file{{}, services.volumes.read_options()};
  file.options.series_uid = kept->series;
  file.options.frame = kept->frame;
  file.bytes = journal->store().volumes().get(*kept->volume, file.options.max_bytes);
  return file;
}

}  // namespace

Volume image_of(const NativeTurn& native, const ApiServices& services) {
  if (const auto* held = std::any_cast<SessionImage>(&native.turn->note)) return held->image;
  const KeptFile file = open_file(native, services);
  return io::read_image(file.view(), native.native.name, file.options);
}

std::optional<io::DicomSource> dicom_source_of(const NativeTurn& native, const ApiServices& services) {
  if (const auto* held = std::any_cast<SessionImage>(&native.turn->note)) return held->source;
  const KeptFile file = open_file(native, services);
  return dicom_source_of(file.view(), file.options);
}

std::optional<io::DicomSource> dicom_source_of(ByteView file, const io::ReadOptions& options) {
  if (!io::looks_zipped(file) && !io::looks_like_dicom(file)) return std::nullopt;
  return io::read_dicom_source(file, "image", options);
}

}  // namespace sagittal::server
