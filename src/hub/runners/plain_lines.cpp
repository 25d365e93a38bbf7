#include "hub/runners/plain_lines.h"

#include "base/text.h"

namespace sagittal::hub {
namespace {

std::string utf8_of(std::string_view text) {
  std::string clean;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    clean += length == 0 ? std::string_view("?") : text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return clean;
}

}  // namespace

void PlainLines::add(std::string_view bytes) {
  for (const char byte : bytes) add(byte);
}

/// Escape sequences as ECMA-48 writes them: ESC [ … letter, ESC ] … BEL or ESC \, ESC letter.
void PlainLines::add(char byte) {
  const auto code = static_cast<unsigned char>(byte);
  if (byte == '\n' || byte == '\r') {
    finish();
  } else if (byte == '\x1b') {
    state_ = State::escape;
  } else if (state_ == State::escape) {
    state_ = byte == '[' ? State::sequence : byte == ']' ? State::command : State::text;
  } else if (state_ == State::sequence) {
    if (code >= 0x40 && code <= 0x7e) state_ = State::text;
  } else if (state_ == State::command) {
    if (byte == '\a') state_ = State::text;
  } else if (byte == '\t') {
    if (line_.size() < kMaxLineBytes) line_ += ' ';
  } else if (code >= 0x20 && code != 0x7f && line_.size() < kMaxLineBytes) {
    line_ += byte;
  }
}

void PlainLines::finish() {
  state_ = State::text;
  if (line_.empty()) return;
  const std::string line = utf8_of(line_);
  line_.clear();
  sink_(line);
}

}  // namespace sagittal::hub
