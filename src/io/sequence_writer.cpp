#include "io/sequence_writer.h"

#include <fcntl.h>
#include <zlib.h>

#include <array>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/descriptor.h"
#include "base/error.h"
#include "base/random.h"
#include "io/sequence_header.h"

namespace sagittal::io {
namespace {

constexpr std::size_t kChunk = 1 << 16;
constexpr int kLevel = 1;  // fast: frames come live

/// What Plus writes where nothing else is said.
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kGeometry{
    {{"AnatomicalOrientation", "RAI"},
     {"CenterOfRotation", "0 0 0"},
     {"ElementSpacing", "1 1 1"},
     {"Offset", "0 0 0"},
     {"TransformMatrix", "1 0 0 0 1 0 0 0 1"}}};

/// A file that is removed unless it is renamed.
class Temporary {
 public:
  Temporary(const std::filesystem::path& beside, std::string_view kind)
      : path_(beside.string() + fmt::format(".{}.{}.tmp", random_hex(32), kind)),
        file_(::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644)) {
    if (!file_) throw Error(ErrorCode::io, fmt::format("{} cannot be written", path_.string()));
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  ~Temporary() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }

  void write(ByteView bytes) {
    write_all(file_, bytes, path_);
    size_ += bytes.size();
  }
  void append(Temporary& other);
  std::uint64_t size() const { return size_; }
  void rename_to(const std::filesystem::path& path) {
    if (::fsync(file_.fd) != 0 || ::rename(path_.c_str(), path.c_str()) != 0) {
      throw Error(ErrorCode::io, fmt::format("{} cannot be written", path.string()));
    }
    path_.clear();
  }

 private:
  std::filesystem::path path_;
  Descriptor file_;
  std::uint64_t size_ = 0;
};

void Temporary::append(Temporary& other) {
  std::array<std::uint8_t, kChunk> bytes{};
  for (std::uint64_t at = 0; at < other.size_;) {
    const ssize_t count = ::pread(other.file_.fd, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (count <= 0) throw Error(ErrorCode::io, fmt::format("{} cannot be read again", other.path_.string()));
    write({bytes.data(), static_cast<std::size_t>(count)});
    at += static_cast<std::uint64_t>(count);
  }
}

std::string_view type_name(ScalarType type) {
  switch (type) {
    case ScalarType::u8:
      return "MET_UCHAR";
    case ScalarType::u16:
      return "MET_USHORT";
    case ScalarType::i16:
      return "MET_SHORT";
    case ScalarType::f32:
      return "MET_FLOAT";
    default:
      throw Error(ErrorCode::bad_input, fmt::format("a recording of {} values", name_of(type)));
  }
}

/// One line of the header; what would break it is refused.
void add_line(std::string& text, std::string_view name, std::string_view value) {
  const bool plain = !name.empty() && name.find_first_of("= \t\r\n") == std::string_view::npos;
  if (!plain || value.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) {
    throw Error(ErrorCode::bad_input, fmt::format("field \"{}\" does not fit one line", name.substr(0, 80)));
  }
  if (text.size() + name.size() + value.size() > kMaxSequenceHeader) {
    throw Error(ErrorCode::too_large, "a recording with more than 64 MiB of fields");
  }
  text.append(name).append(" = ").append(value).append("\n");
}

}  // namespace

struct SequenceWriter::State {
  State(const std::filesystem::path& file, const SequenceHeader& shape, bool pack)
      : path(file), header(shape), compressed(pack), pixels(file, "pixels") {
    if (compressed && ::deflateInit(&deflater, kLevel) != Z_OK) throw Error(ErrorCode::too_large, "no memory to pack");
  }
  ~State() {
    if (compressed) ::deflateEnd(&deflater);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void pack(std::span<const std::byte> bytes, int flush) {
    deflater.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));
    deflater.avail_in = static_cast<uInt>(bytes.size());
    do {
      deflater.next_out = packed.data();
      deflater.avail_out = kChunk;
      ::deflate(&deflater, flush);
      pixels.write({packed.data(), kChunk - deflater.avail_out});
    } while (deflater.avail_out == 0);
  }

  std::filesystem::path path;
  SequenceHeader header;
  bool compressed, finished = false;
  Temporary pixels;
  std::string texts;  // of the frames
  z_stream deflater{};
  std::array<Bytef, kChunk> packed{};
};

SequenceWriter::SequenceWriter(const std::filesystem::path& path, const SequenceHeader& header, bool compressed) {
  type_name(header.type);
  if (header.width < 1 || header.height < 1 || header.width > 65535 || header.height > 65535 ||
      (header.channels != 1 && header.channels != 3)) {
    throw Error(ErrorCode::bad_input, fmt::format("a recording of {} x {} pixels with {} channels", header.width,
                                                  header.height, header.channels));
  }
  state_ = std::make_unique<State>(path, header, compressed);
  state_->header.frames = 0;
}

SequenceWriter::~SequenceWriter() = default;

void SequenceWriter::check_open() const {
  if (state_->finished) throw Error(ErrorCode::conflict, fmt::format("{} is finished", state_->path.string()));
}

void SequenceWriter::append(std::span<const std::byte> pixels, const SequenceFields& fields) {
  SequenceHeader& header = state_->header;
  const auto expected = static_cast<std::size_t>(header.width * header.height * header.channels) * size_of(header.type);
  if (pixels.size() != expected || header.frames >= kMaxSequenceFrames) {
    throw Error(ErrorCode::bad_input, fmt::format("{}: frame {} of {} bytes, expected {}", state_->path.string(),
                                                  header.frames, pixels.size(), expected));
  }
  check_open();
  std::string lines;
  for (const auto& [name, text] : fields) {
    add_line(lines, fmt::format("{}{:04}_{}", kFramePrefix, header.frames, name), text);
  }
  if (state_->texts.size() + lines.size() > kMaxSequenceHeader) {
    throw Error(ErrorCode::too_large, fmt::format("{}: more than 64 MiB of fields", state_->path.string()));
  }
  if (state_->compressed) {
    state_->pack(pixels, Z_NO_FLUSH);
  } else {
    state_->pixels.write({reinterpret_cast<const std::uint8_t*>(pixels.data()), pixels.size()});
  }
  state_->texts += lines;
  ++header.frames;
}

void SequenceWriter::finish() {
  const SequenceHeader& header = state_->header;
  if (header.frames == 0) throw Error(ErrorCode::bad_input, "a recording without frames");
  check_open();
  if (state_->compressed) state_->pack({}, Z_FINISH);
  std::string text = "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n";
  text += state_->compressed ? fmt::format("CompressedData = True\nCompressedDataSize = {}\n", state_->pixels.size())
                             : "CompressedData = False\n";
  text += fmt::format("DimSize = {} {} {}\nKinds = domain domain list\n", header.width, header.height, header.frames);
  if (header.channels != 1) text += fmt::format("ElementNumberOfChannels = {}\n", header.channels);
  text += fmt::format("ElementType = {}\n", type_name(header.type));
  for (const auto& [name, value] : kGeometry) {
    if (!field_of(header.fields, name)) add_line(text, name, value);
  }
  const std::string_view kind = header.channels == 3 ? "RGB_COLOR" : "BRIGHTNESS";
  add_line(text, "UltrasoundImageOrientation", header.orientation.empty() ? "MF" : header.orientation);
  add_line(text, "UltrasoundImageType", header.image_type.empty() ? kind : std::string_view(header.image_type));
  for (const auto& [name, value] : header.fields) add_line(text, name, value);
  text += state_->texts + "ElementDataFile = LOCAL\n";
  Temporary whole(state_->path, "whole");
  whole.write(as_bytes(text));
  whole.append(state_->pixels);
  whole.rename_to(state_->path);
  state_->finished = true;
}

}  // namespace sagittal::io
