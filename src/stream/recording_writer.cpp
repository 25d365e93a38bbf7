#include <fcntl.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "base/error.h"
#include "stream/recording_format.h"

namespace sagittal::stream {
namespace {

[[noreturn]] void throw_conflict(const std::filesystem::path& file) {
  throw Error(ErrorCode::conflict,
              fmt::format("{}: a recording is there; take another name or allow to overwrite it", file.string()));
}

Descriptor open_new(const std::filesystem::path& file, bool overwrite) {
  Descriptor opened(::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | (overwrite ? O_TRUNC : O_EXCL), 0644));
  if (opened) return opened;
  if (errno == EEXIST) throw_conflict(file);
  throw Error(ErrorCode::io, fmt::format("{}: cannot be written: {}", file.string(), std::strerror(errno)));
}

std::filesystem::path file_of(const RecordingPlace& place, const char* end) {
  if (place.name.empty() || place.name.find('/') != std::string::npos || place.name.find('\0') != std::string::npos) {
    throw Error(ErrorCode::bad_input,
                fmt::format("\"{}\" is no name of a recording, expected one of a file", place.name));
  }
  return place.folder / (place.name + end);
}

RecordingPlace made(RecordingPlace place, bool overwrite) {
  std::error_code failure;
  std::filesystem::create_directories(place.folder, failure);
  if (failure) {
    throw Error(ErrorCode::io, fmt::format("{}: cannot be made: {}", place.folder.string(), failure.message()));
  }
  for (const auto& file : {place.index(), place.entities(), place.notes()}) {
    if (!overwrite && std::filesystem::exists(file, failure)) throw_conflict(file);
  }
  return place;
}

}  // namespace

std::filesystem::path RecordingPlace::index() const { return file_of(*this, ".gxf_index"); }
std::filesystem::path RecordingPlace::entities() const { return file_of(*this, ".gxf_entities"); }
std::filesystem::path RecordingPlace::notes() const { return file_of(*this, ".notes"); }

// The index goes first: what it held must not point into new messages.
RecordingWriter::RecordingWriter(RecordingPlace place, Options options)
    : place_(made(std::move(place), options.overwrite)),
      options_(options),
      index_(open_new(place_.index(), options.overwrite)),
      entities_(open_new(place_.entities(), options.overwrite)),
      notes_(options.notes ? open_new(place_.notes(), options.overwrite) : Descriptor(-1)) {
  if (!options.notes) ::unlink(place_.notes().c_str());
}

void RecordingWriter::append(std::span<const RecordedTensor> tensors, const std::vector<Bytes>& heads) {
  for (std::size_t n = 0; n < heads.size(); ++n) {
    write_all(entities_, heads[n], place_.entities());
    if (n < tensors.size()) write_all(entities_, tensors[n].data.view(), place_.entities());
  }
}

void RecordingWriter::add(std::span<const RecordedTensor> tensors, UtcTime logged, const RecordedNote& note) {
  if (failed_) throw Error(ErrorCode::io, fmt::format("{}: writing failed before", place_.entities().string()));
  if (logged < 0) throw Error(ErrorCode::bad_input, "a message logged before 1970 cannot be recorded");
  const std::vector<Bytes> heads = entity_heads(tensors, messages_, options_.storage);
  std::uint64_t size = 0;
  for (const Bytes& head : heads) size += head.size();
  for (const RecordedTensor& tensor : tensors) size += tensor.data.size();
  const std::string line = options_.notes ? note_line(note, logged) + '\n' : std::string();
  if (line.size() > kMaxNoteBytes) throw Error(ErrorCode::too_large, "the metadata of a message are too long");
  try {
    append(tensors, heads);
    if (notes_) write_all(notes_, as_bytes(line), place_.notes());
    write_all(index_, index_record(logged, size, offset_), place_.index());
  } catch (...) {
    failed_ = true;
    // The index ends with the last whole message, which is what readers go by; the rest is only room given back.
    static_cast<void>(::ftruncate(index_.fd, static_cast<off_t>(messages_ * kIndexRecordBytes)) +
                      ::ftruncate(entities_.fd, static_cast<off_t>(offset_)));
    throw;
  }
  offset_ += size;
  ++messages_;
}

}  // namespace sagittal::stream
