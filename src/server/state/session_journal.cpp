#include "server/state/session_journal.h"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "io/gzip.h"
#include "io/image_io.h"
#include "io/nnia.h"
#include "io/zstd.h"

namespace sagittal::server {
namespace {

constexpr std::size_t kMaxRecordBytes = std::size_t{2} << 30;
/// A session without history starts its record over from here on.
constexpr std::uint64_t kManyRecordBytes = std::uint64_t{1} << 20;
constexpr std::size_t kRecordsPerCheck = 16;
/// A session may grow beyond the limit while it is in use; only what nobody can have drawn is refused.
constexpr std::uint64_t kGrownBytes = std::uint64_t{1} << 30;
constexpr const char* kHead = "kept session";

constexpr std::array<std::pair<ImageEncoding, const char*>, 4> kEncodings{{{ImageEncoding::voxels, "voxels"},
                                                                           {ImageEncoding::nnia, "nnia"},
                                                                           {ImageEncoding::gzip, "gzip"},
                                                                           {ImageEncoding::file, "file"}}};

ImageEncoding parse_encoding(const std::string& name) {
  for (const auto& [encoding, known] : kEncodings) {
    if (name == known) return encoding;
  }
  throw Error(ErrorCode::bad_input, fmt::format("{}: unknown encoding '{}'", kHead, name));
}

Json describe_image(const KeptImage& image) {
  Json json{{"encoding", kEncodings[static_cast<std::size_t>(image.encoding)].second},
            {"type", name_of(image.type)},
            {"shape", image.shape}};
  if (!image.series.empty()) json["series"] = image.series;
  if (image.frame) json["frame"] = *image.frame;
  return json;
}

KeptImage parse_image(const Json& json, const std::string& volume) {
  KeptImage image;
  image.volume = std::make_shared<const std::string>(volume);  // its entry is what holds it
  image.encoding = parse_encoding(json_get<std::string>(json, "encoding", kHead));
  const auto type = scalar_type_from_name(json_get<std::string>(json, "type", kHead));
  const auto shape = json_get<std::vector<std::int64_t>>(json, "shape", kHead);
  if (!type || shape.size() != 3) throw Error(ErrorCode::bad_input, fmt::format("{}: not an image", kHead));
  image.type = *type;
  image.series = json_get_or<std::string>(json, "series", kHead, "");
  if (json.contains("frame")) image.frame = json_get<std::int64_t>(json, "frame", kHead);
  std::int64_t room = kMaxVoxels;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    image.shape[axis] = shape[axis];
    if (shape[axis] < 1 || shape[axis] > room) throw Error(ErrorCode::bad_input, fmt::format("{}: its shape", kHead));
    room /= shape[axis];
  }
  return image;
}

ByteView view(const Buffer& bytes) { return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}; }

}  // namespace

Json parse_head(const std::string& head) {
  Json json = parse_json(head, kHead);
  if (!json.is_object()) throw Error(ErrorCode::bad_input, fmt::format("{}: not an object", kHead));
  return json;
}

KeptSession parse_kept(const durable::Entry& entry) {
  KeptSession kept;
  kept.kind = entry.kind;
  kept.head = entry.head;
  kept.note = entry.note;
  const Json head = parse_head(entry.head);
  if (!entry.volume.empty()) kept.image = parse_image(json_get<Json>(head, "image", kHead), entry.volume);
  kept.model = json_get_or<std::string>(head, "model", kHead, "");
  kept.auto_zoom = json_get_or(head, "auto_zoom", kHead, true);
  kept.revision = json_get_or<std::uint64_t>(head, "revision", kHead, 0);
  kept.about = json_get_or<Json>(head, "about", kHead, Json::object());
  return kept;
}

SessionJournal::SessionJournal(durable::Store& store, ThreadPool& pool, LogSink log)
    : store_(store), pool_(pool), log_(std::move(log)) {}

KeptImage SessionJournal::put_image(ImageEncoding encoding, ScalarType type, const Index3& shape, ByteView bytes) {
  return {store_.volumes().put(bytes), encoding, type, shape};
}

std::optional<KeptSession> SessionJournal::find(const std::string& key) const {
  const auto entry = store_.find(key);
  return entry ? std::optional(parse_kept(*entry)) : std::nullopt;
}

void SessionJournal::load_image(const KeptImage& image, interact::Session& session, std::uint64_t max_bytes) const {
  Buffer bytes = store_.volumes().get(*image.volume, max_bytes);
  if (image.encoding == ImageEncoding::file) return load_file(image, view(bytes), session, max_bytes);
  const std::uint64_t expected = static_cast<std::uint64_t>(whole(image.shape).volume()) * size_of(image.type);
  if (expected > max_bytes) throw Error(ErrorCode::too_large, "the image does not fit this server's memory any more");
  if (image.encoding == ImageEncoding::nnia) {
    bytes = std::move(io::read_nnia(view(bytes), expected, "image", pool_).data);
  } else if (image.encoding == ImageEncoding::gzip) {
    bytes = io::gunzip(view(bytes), static_cast<std::size_t>(expected), "image");
  }
  if (bytes.size() != expected) {
    throw Error(ErrorCode::bad_input, fmt::format("the image has {} bytes, expected {}", bytes.size(), expected));
  }
  session.set_image(image.shape, sagittal::store(image.type, std::move(bytes)));
}

void SessionJournal::load_file(const KeptImage& image, ByteView file, interact::Session& session,
                               std::uint64_t max_bytes) const {
  io::ReadOptions options;
  options.series_uid = image.series;
  options.frame = image.frame;
  options.max_bytes = max_bytes;
  options.pool = &pool_;
  const Volume volume = io::read_image(file, "image", options);
  const Index3& size = volume.geometry().size;
  if (volume.type() != image.type || Index3{size[2], size[1], size[0]} != image.shape) {
    throw Error(ErrorCode::bad_input, "the image is not what it was");
  }
  session.set_image(image.shape, sagittal::store(volume));
}

void SessionJournal::load_without_record(const KeptSession& kept, interact::Session& session,
                                         std::uint64_t max_bytes) const {
  session.set_auto_zoom(kept.auto_zoom);
  if (kept.image) load_image(*kept.image, session, max_bytes);
}

void SessionJournal::load(const std::string& key, KeptSession& kept, interact::Session& session,
                          std::uint64_t max_bytes) const {
  load_without_record(kept, session, max_bytes);
  if (!kept.image) return;
  const std::vector<Bytes> records = store_.records(key);
  for (std::size_t n = 0; n < records.size(); ++n) {
    kept.record_bytes += records[n].size();
    session.replay(io::unpack_zstd(records[n], kMaxRecordBytes, "session record"));
    if (n % kRecordsPerCheck == 0 && session.memory_bytes() > 4 * max_bytes + kGrownBytes) {
      throw Error(ErrorCode::bad_input, "its record is larger than any session");
    }
  }
}

void SessionJournal::write(const std::string& key, KeptSession& kept, interact::Session& session,
                           const std::string& note) {
  const bool new_image = kept.new_image.has_value();
  const std::optional<KeptImage>& image = new_image ? kept.new_image : kept.image;
  Bytes record = session.take_record();
  const std::uint64_t revision = kept.revision + (record.empty() ? 0 : 1);
  Json head = {{"auto_zoom", session.auto_zoom()}, {"about", kept.about}, {"revision", revision}};
  if (image) {
    head["image"] = describe_image(*image);
    head["model"] = session.model().name;
  }
  const bool has_history = session.has_history();
  const bool start_over = !new_image && session.has_image() && !has_history && kept.record_bytes > kManyRecordBytes;
  if (start_over) record = session.snapshot();
  std::string text = head.dump();
  if (!new_image && record.empty() && text == kept.head && note == kept.note) return;
  if (!record.empty()) record = io::pack_zstd(record);
  const std::int64_t now = store_.now_ms();
  const bool replace = new_image || start_over;
  store_.write({.name = key,
                .kind = kept.kind.empty() ? "client" : kept.kind,
                .head = text,
                .note = note,
                .volume = image ? *image->volume : std::string(),
                .used_ms = now,
                .active_ms = now},
               replace ? durable::Store::Records::replace : durable::Store::Records::keep, record);
  if (new_image) {
    kept.image = std::exchange(kept.new_image, std::nullopt);
    kept.image->volume = std::make_shared<const std::string>(*kept.image->volume);  // now its entry holds it
  }
  kept.record_bytes = (replace ? 0 : kept.record_bytes) + record.size();
  if (start_over) kept.record_bytes = 0;  // a large snapshot is no reason for the next one
  kept.revision = revision;
  kept.model = image ? session.model().name : "";
  kept.auto_zoom = session.auto_zoom();
  kept.head = std::move(text);
  kept.note = note;
}

void SessionJournal::announce(const std::string& key, const std::string& kind) {
  const std::int64_t now = store_.now_ms();
  store_.write({.name = key, .kind = kind, .head = "{}", .used_ms = now, .active_ms = now},
               durable::Store::Records::replace, {});
}

void SessionJournal::give_up(const std::string& key, const char* why) {
  // Keys of leases are secrets.
  const auto entry = store_.find(key);
  log(LogLevel::error, fmt::format("a session of kind {} is lost: {}", entry ? entry->kind : "unknown", why));
  store_.erase(key);
}

}  // namespace sagittal::server
