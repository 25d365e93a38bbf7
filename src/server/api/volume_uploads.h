#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "server/api/volume_shelf.h"

namespace sagittal::server {

/// A piece of a file: its bytes [begin, end) of `total`.
struct Piece {
  std::uint64_t begin = 0, end = 0, total = 0;
};

/// `bytes 0-1023/4096`; Error(bad_input) for anything else.
Piece parse_content_range(std::string_view header);

/// Files that arrive piece by piece, in order, by the hash that they will have. With a journal each piece is on the
/// disk before it is answered. Any thread; pieces of one file one after the other.
class VolumeUploads {
 public:
  /// `journal`: null keeps all in memory, where pieces count as bodies of requests; it must outlive this.
  VolumeUploads(SessionJournal* journal, const ShelfLimits& limits);

  /// Keeps a piece. Returns the whole file with the last one, which is then forgotten here. Error(conflict) for a piece
  /// that does not begin where the last one ended, Error(bad_input) for one of less than kMinPiece that is not the
  /// last.
  std::optional<Buffer> add(const std::string& owner, const std::string& id, const Piece& piece,
                            const http::Body& body);
  static constexpr std::uint64_t kMinPiece = 64 << 10;

  /// Bytes that are here; 0 where there is no such upload.
  std::uint64_t received(const std::string& owner, const std::string& id) const;
  void forget(const std::string& owner, const std::string& id);

  /// To be called every few seconds: ends those over their time.
  void sweep();

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Part {
    std::string entry;   ///< in the journal
    std::string volume;  ///< its file there
    http::Body body;     ///< without journal
    std::uint64_t begin = 0, end = 0;
  };
  struct Upload {
    std::string owner;
    std::uint64_t total = 0;
    std::vector<Part> parts;
    Time used;
    std::uint64_t received() const { return parts.empty() ? 0 : parts.back().end; }
  };
  using Uploads = std::map<std::string, Upload>;

  void restore();
  void prepare(const std::string& key, const Piece& piece, std::size_t bytes);
  void erase_parts(const Upload& upload) const;
  void check(const Upload* upload, const Piece& piece, std::size_t bytes) const;
  Upload& begin(const std::string& key, const std::string& owner, const Piece& piece);
  Part keep(const std::string& owner, const std::string& id, const Piece& piece, const http::Body& body);
  Buffer join(const Upload& upload) const;
  void erase(Uploads::iterator upload);

  SessionJournal* const journal_;
  const ShelfLimits limits_;
  mutable std::mutex mutex_;
  Uploads uploads_;  // by owner and id; guarded by mutex_
};

}  // namespace sagittal::server
