#pragma once
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "interact/prompts.h"

namespace sagittal::server {

/// What the history of a segment keeps of each step: the prompt, packed. Undo and redo need none of it; they take the
/// notes away and bring them back.

Bytes note_of(const interact::Prompt& prompt);
Bytes note_of_reset();

/// The prompts that made the segment what it is, oldest first: those since the last initial mask, which is one of them,
/// or the last reset. `with_mask` false: without that mask, which is as large as the image. Error(bad_input) for notes
/// that are none.
std::vector<interact::Prompt> prompts_of(const std::vector<ByteView>& notes, bool with_mask = true);
std::int64_t count_prompts(const std::vector<ByteView>& notes);

}  // namespace sagittal::server
