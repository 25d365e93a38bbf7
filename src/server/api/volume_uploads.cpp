#include "server/api/volume_uploads.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "server/state/client_key.h"

namespace sagittal::server {
namespace {

constexpr const char* kKind = "piece";
constexpr const char* kWhat = "kept piece";

[[noreturn]] void refuse(std::string why) { throw Error(ErrorCode::bad_input, std::move(why)); }

std::string key_of(const std::string& owner, const std::string& id) { return owned_key(owner, id); }

std::chrono::steady_clock::time_point now() { return std::chrono::steady_clock::now(); }

std::uint64_t take_number(std::string_view& text, char end) {
  std::uint64_t value = 0;
  const char* last = text.data() + text.size();
  const auto [at, failure] = std::from_chars(text.data(), last, value);
  if (failure != std::errc() || (end == '\0' ? at != last : at == last || *at != end)) {
    refuse("Content-Range: expected bytes FIRST-LAST/TOTAL");
  }
  text.remove_prefix(static_cast<std::size_t>(at - text.data()) + (end == '\0' ? 0 : 1));
  return value;
}

}  // namespace

Piece parse_content_range(std::string_view header) {
  constexpr std::string_view unit = "bytes ";
  if (!header.starts_with(unit)) refuse("Content-Range: expected bytes FIRST-LAST/TOTAL");
  header.remove_prefix(unit.size());
  Piece piece;
  piece.begin = take_number(header, '-');
  const std::uint64_t last = take_number(header, '/');
  piece.total = take_number(header, '\0');
  if (last < piece.begin || last >= piece.total) refuse("Content-Range: the piece lies outside its file");
  piece.end = last + 1;
  return piece;
}

VolumeUploads::VolumeUploads(SessionJournal* journal, const ShelfLimits& limits) : journal_(journal), limits_(limits) {
  if (journal_ != nullptr) restore();
}

void VolumeUploads::restore() {
  durable::Store& store = journal_->store();
  for (const durable::Entry& entry : store.entries()) {
    if (entry.kind != kKind) continue;
    try {
      const Json head = parse_head(entry.head);
      const std::string owner = owner_of(entry.name), id = json_get<std::string>(head, "id", kWhat);
      Upload& upload = uploads_[key_of(owner, id)];
      upload.owner = owner;
      upload.total = json_get<std::uint64_t>(head, "total", kWhat);
      upload.used = std::max(upload.used, now() - std::chrono::milliseconds(store.now_ms() - entry.used_ms));
      upload.parts.push_back({entry.name,
                              entry.volume,
                              {},
                              json_get<std::uint64_t>(head, "begin", kWhat),
                              json_get<std::uint64_t>(head, "end", kWhat)});
    } catch (const Error& error) {
      journal_->give_up(entry.name, error.what());
    }
  }
  for (auto upload = uploads_.begin(); upload != uploads_.end();) {
    const auto next = std::next(upload);
    auto& parts = upload->second.parts;
    std::sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) { return a.begin < b.begin; });
    std::uint64_t end = 0;
    const bool whole = std::all_of(parts.begin(), parts.end(), [&](const Part& part) {
      return part.begin == std::exchange(end, part.end) && part.end > part.begin && part.end <= upload->second.total;
    });
    if (!whole || end == upload->second.total || upload->second.total > limits_.max_file_bytes) erase(upload);
    upload = next;
  }
}

void VolumeUploads::check(const Upload* upload, const Piece& piece, std::size_t bytes) const {
  if (piece.total > limits_.max_file_bytes) {
    throw Error(ErrorCode::too_large,
                fmt::format("a file of {} bytes, this server takes {}", piece.total, limits_.max_file_bytes));
  }
  if (bytes != piece.end - piece.begin) {
    refuse(fmt::format("Content-Range names {} bytes, the body has {}", piece.end - piece.begin, bytes));
  }
  if (piece.end < piece.total && bytes < kMinPiece) {
    refuse(fmt::format("a piece of {} bytes, expected {} or more until the last one", bytes, kMinPiece));
  }
  const std::uint64_t received = upload == nullptr ? 0 : upload->received();
  if (piece.begin != received || (upload != nullptr && upload->total != piece.total)) {
    throw Error(ErrorCode::conflict,
                fmt::format("the piece begins at {} of {}, expected {} of {}: a HEAD request tells where to go on",
                            piece.begin, piece.total, received, upload == nullptr ? piece.total : upload->total));
  }
}

/// A new upload; where an owner has too many, the longest unused one makes room.
VolumeUploads::Upload& VolumeUploads::begin(const std::string& key, const std::string& owner, const Piece& piece) {
  while (true) {
    std::size_t owned = 0;
    auto oldest = uploads_.end();
    for (auto upload = uploads_.begin(); upload != uploads_.end(); ++upload) {
      if (upload->second.owner != owner) continue;
      ++owned;
      if (oldest == uploads_.end() || upload->second.used < oldest->second.used) oldest = upload;
    }
    if (owned < limits_.max_uploads_per_owner) break;
    erase(oldest);
  }
  return uploads_[key] = {owner, piece.total, {}, now()};
}

VolumeUploads::Part VolumeUploads::keep(const std::string& owner, const std::string& id, const Piece& piece,
                                        const http::Body& body) {
  Part part{{}, {}, body, piece.begin, piece.end};
  if (journal_ == nullptr) return part;
  durable::Store& store = journal_->store();
  part.body = {};
  part.entry = owned_key(owner, fmt::format("piece {} {:016x}", id, piece.begin));
  const auto pin = store.volumes().put(body.bytes());
  part.volume = *pin;
  const Json head{{"id", id}, {"begin", piece.begin}, {"end", piece.end}, {"total", piece.total}};
  const std::int64_t time = store.now_ms();
  store.write({.name = part.entry,
               .kind = kKind,
               .head = head.dump(),
               .volume = part.volume,
               .used_ms = time,
               .active_ms = time},
              durable::Store::Records::replace, {});
  return part;
}

Buffer VolumeUploads::join(const Upload& upload) const {
  Buffer file(upload.total);
  for (const Part& part : upload.parts) {
    Buffer kept;
    if (journal_ != nullptr) kept = journal_->store().volumes().get(part.volume, part.end - part.begin);
    const ByteView bytes = journal_ != nullptr ? kept.as<const std::uint8_t>() : part.body.bytes();
    if (bytes.size() != part.end - part.begin) throw Error(ErrorCode::io, "a piece of the upload was lost");
    std::copy(bytes.begin(), bytes.end(), file.as<std::uint8_t>().begin() + static_cast<std::ptrdiff_t>(part.begin));
  }
  return file;
}

std::optional<Buffer> VolumeUploads::add(const std::string& owner, const std::string& id, const Piece& piece,
                                         const http::Body& body) {
  const std::string key = key_of(owner, id);
  prepare(key, piece, body.size());
  Part part = keep(owner, id, piece, body);
  Upload complete;
  {
    const std::lock_guard lock(mutex_);
    const auto found = uploads_.find(key);
    Upload& upload = found == uploads_.end() ? begin(key, owner, piece) : found->second;
    upload.parts.push_back(std::move(part));
    upload.used = now();
    if (upload.received() < upload.total) return std::nullopt;
    complete = std::move(upload);
    uploads_.erase(key);
  }
  try {
    Buffer file = join(complete);
    erase_parts(complete);
    return file;
  } catch (...) {
    erase_parts(complete);
    throw;
  }
}

/// Error where the piece does not fit. The first one of a file that was begun before starts it over.
void VolumeUploads::prepare(const std::string& key, const Piece& piece, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  auto found = uploads_.find(key);
  if (piece.begin == 0 && found != uploads_.end()) {
    erase(found);
    found = uploads_.end();
  }
  check(found == uploads_.end() ? nullptr : &found->second, piece, bytes);
}

std::uint64_t VolumeUploads::received(const std::string& owner, const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = uploads_.find(key_of(owner, id));
  return found == uploads_.end() ? 0 : found->second.received();
}

void VolumeUploads::forget(const std::string& owner, const std::string& id) {
  const std::lock_guard lock(mutex_);
  if (const auto found = uploads_.find(key_of(owner, id)); found != uploads_.end()) erase(found);
}

void VolumeUploads::erase_parts(const Upload& upload) const {
  for (const Part& part : upload.parts) {
    if (journal_ != nullptr) journal_->erase(part.entry);
  }
}

void VolumeUploads::erase(Uploads::iterator upload) {
  erase_parts(upload->second);
  uploads_.erase(upload);
}

void VolumeUploads::sweep() {
  const std::lock_guard lock(mutex_);
  for (auto upload = uploads_.begin(); upload != uploads_.end();) {
    const auto next = std::next(upload);
    if (now() - upload->second.used > limits_.keep_for) erase(upload);
    upload = next;
  }
}

}  // namespace sagittal::server
