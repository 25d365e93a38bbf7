#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <limits>

#include <fmt/format.h>

#include "base/error.h"
#include "stream/recording_format.h"

namespace sagittal::stream {
namespace {

Descriptor open_there(const std::filesystem::path& file) {
  Descriptor opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (opened) return opened;
  throw Error(errno == ENOENT ? ErrorCode::not_found : ErrorCode::io,
              fmt::format("{}: cannot be read: {}", file.string(), std::strerror(errno)));
}

std::uint64_t size_of_file(const Descriptor& file, const std::filesystem::path& path) {
  struct stat about {};
  if (::fstat(file.fd, &about) != 0 || !S_ISREG(about.st_mode)) {
    throw Error(ErrorCode::io, fmt::format("{}: is no file that can be read", path.string()));
  }
  return static_cast<std::uint64_t>(about.st_size);
}

void read_at(const Descriptor& file, const std::filesystem::path& path, std::uint64_t offset,
             std::span<std::uint8_t> to) {
  while (!to.empty()) {
    const ssize_t count = ::pread(file.fd, to.data(), to.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      throw Error(ErrorCode::io, fmt::format("{}: cannot be read: {}", path.string(), std::strerror(errno)));
    }
    if (count == 0) throw Error(ErrorCode::bad_input, fmt::format("{}: ends at byte {}", path.string(), offset));
    to = to.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
}

}  // namespace

RecordingReader::RecordingReader(RecordingPlace place)
    : place_(std::move(place)),
      index_(open_there(place_.index())),
      entities_(open_there(place_.entities())),
      notes_(::open(place_.notes().c_str(), O_RDONLY | O_CLOEXEC)) {
  size_ = size_of_file(index_, place_.index()) / kIndexRecordBytes;  // a writer that was killed may leave a part of one
  if (size_ > kMaxMessages) {
    throw Error(ErrorCode::too_large, fmt::format("{}: has {} messages, at most {} are allowed",
                                                  place_.index().string(), size_, kMaxMessages));
  }
  entities_size_ = size_of_file(entities_, place_.entities());
  if (notes_) find_notes();
}

void RecordingReader::find_notes() {
  const std::uint64_t end = size_of_file(notes_, place_.notes());
  Bytes part(std::size_t{64} << 10);
  note_starts_ = {0};
  for (std::uint64_t at = 0; at < end && note_starts_.size() <= size_; at += part.size()) {
    const std::span<std::uint8_t> now(part.data(),
                                      static_cast<std::size_t>(std::min<std::uint64_t>(part.size(), end - at)));
    read_at(notes_, place_.notes(), at, now);
    for (std::size_t n = 0; n < now.size() && note_starts_.size() <= size_; ++n) {
      if (now[n] == '\n') note_starts_.push_back(at + n + 1);
    }
  }
}

RecordingReader::Record RecordingReader::record(std::uint64_t n) const {
  if (n >= size_) throw Error(ErrorCode::internal, fmt::format("message {} of {} is asked for", n, size_));
  Bytes bytes(kIndexRecordBytes);
  read_at(index_, place_.index(), n * kIndexRecordBytes, bytes);
  ByteReader reader(bytes, "a record of the index");
  Record record{};
  record.logged = reader.read<std::uint64_t>();
  record.size = reader.read<std::uint64_t>();
  record.offset = reader.read<std::uint64_t>();
  return record;
}

UtcTime RecordingReader::logged(std::uint64_t n) const {
  const std::uint64_t time = record(n).logged;
  if (time > static_cast<std::uint64_t>(std::numeric_limits<UtcTime>::max())) {
    throw Error(ErrorCode::bad_input,
                fmt::format("{}: message {} was logged at {} ns, which is no time", place_.index().string(), n, time));
  }
  return static_cast<UtcTime>(time);
}

std::optional<RecordedNote> RecordingReader::note_of(std::uint64_t n, UtcTime logged) const {
  if (n + 1 >= note_starts_.size()) return std::nullopt;
  const std::uint64_t start = note_starts_[n], bytes = note_starts_[n + 1] - start - 1;
  if (bytes > kMaxNoteBytes) {
    throw Error(ErrorCode::too_large,
                fmt::format("its note has {} bytes, at most {} are allowed", bytes, kMaxNoteBytes));
  }
  Bytes line(static_cast<std::size_t>(bytes));
  read_at(notes_, place_.notes(), start, line);
  return parse_note(as_text(line), logged);
}

RecordedMessage RecordingReader::read(std::uint64_t n, FramePool& frames) const {
  const Record place = record(n);
  try {
    const UtcTime time = logged(n);
    if (place.offset > entities_size_ || place.size > entities_size_ - place.offset) {
      throw Error(ErrorCode::bad_input, fmt::format("{} bytes from {} on are beyond the {} of the file", place.size,
                                                    place.offset, entities_size_));
    }
    RecordedMessage message = read_entity(
        [&](std::uint64_t offset, std::span<std::uint8_t> to) {
          read_at(entities_, place_.entities(), place.offset + offset, to);
        },
        place.size, frames);
    message.logged = time;
    message.note = note_of(n, time);
    return message;
  } catch (Error& error) {
    throw error.within(fmt::format("{}: message {}", place_.entities().string(), n));
  }
}

}  // namespace sagittal::stream
