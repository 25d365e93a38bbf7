#include "server/api/prompt_notes.h"

#include <algorithm>
#include <iterator>

#include "base/error.h"
#include "io/zstd.h"

namespace sagittal::server {
namespace {

enum class NoteKind : std::uint8_t { prompt = 1, start = 2, reset = 3 };

constexpr std::size_t kMaxNoteBytes = std::size_t{2} << 30;

bool has_kind(ByteView note, NoteKind kind) { return !note.empty() && note[0] == static_cast<std::uint8_t>(kind); }

/// Of the notes that count: from the last initial mask on, or behind the last reset.
std::vector<ByteView>::const_iterator first_note(const std::vector<ByteView>& notes) {
  for (auto note = notes.end(); note != notes.begin(); --note) {
    if (has_kind(*std::prev(note), NoteKind::reset)) return note;
    if (has_kind(*std::prev(note), NoteKind::start)) return std::prev(note);
  }
  return notes.begin();
}

}  // namespace

Bytes note_of(const interact::Prompt& prompt) {
  const bool starts = std::holds_alternative<interact::InitPrompt>(prompt);
  const Bytes packed = io::pack_zstd(as_bytes(interact::to_json(prompt).dump()));
  Bytes note(1 + packed.size(), static_cast<std::uint8_t>(starts ? NoteKind::start : NoteKind::prompt));
  std::copy(packed.begin(), packed.end(), note.begin() + 1);
  return note;
}

Bytes note_of_reset() { return {static_cast<std::uint8_t>(NoteKind::reset)}; }

std::vector<interact::Prompt> prompts_of(const std::vector<ByteView>& notes, bool with_mask) {
  std::vector<interact::Prompt> prompts;
  for (auto note = first_note(notes); note != notes.end(); ++note) {
    if (!with_mask && has_kind(*note, NoteKind::start)) continue;
    if (note->empty()) throw Error(ErrorCode::bad_input, "a step of the segment's history has no prompt");
    const Bytes text = io::unpack_zstd(note->subspan(1), kMaxNoteBytes, "kept prompt");
    prompts.push_back(interact::parse_prompt(parse_json(as_text(text), "kept prompt")));
  }
  return prompts;
}

std::int64_t count_prompts(const std::vector<ByteView>& notes) { return notes.end() - first_note(notes); }

}  // namespace sagittal::server
