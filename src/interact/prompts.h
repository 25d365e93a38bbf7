#pragma once
#include <array>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/json.h"
#include "interact/session.h"

namespace sagittal::interact {

/// Prompts as a prompts file holds them: voxel indices (i, j, k) of the image, i fastest; boxes are half-open.
/// A prompts file is {"version": 1, "prompts": [PROMPT, ...]}, a PROMPT one of
///   {"type": "point", "ijk": [i, j, k], "include": true}
///   {"type": "box", "ijk0": [i, j, k], "ijk1": [i, j, k], "include": true}
///   {"type": "scribble" | "lasso", "bounds": [[i0, i1], [j0, j1], [k0, k1]], "mask": BITS, "include": true}
///   {"type": "init", "mask": BITS, "predict": false}
///   {"type": "undo"}
/// BITS is base64 of one bit per voxel, i fastest, the first voxel in the highest bit (see `pack_bits`).
/// "include" may be left out where true. All but "undo" may have "predict": false only records the prompt, so that it
/// acts with the next one that predicts. It may be left out where true; an initial mask without it is refined where it
/// is the only prompt.

struct PointPrompt {
  std::array<double, 3> ijk{};
  bool include = true;
  bool predict = true;
  bool operator==(const PointPrompt&) const = default;
};

struct BoxPrompt {
  std::array<double, 3> ijk0{};
  std::array<double, 3> ijk1{};
  bool include = true;
  bool predict = true;
  bool operator==(const BoxPrompt&) const = default;
};

enum class PaintKind { scribble, lasso };

struct PaintPrompt {
  PaintKind kind = PaintKind::scribble;
  Box bounds_ijk;
  Bytes mask;  ///< packed bits of the voxels of the bounds
  bool include = true;
  bool predict = true;
  bool operator==(const PaintPrompt&) const = default;
};

struct InitPrompt {
  Bytes mask;  ///< packed bits of the whole image
  std::optional<bool> predict = {};
  bool operator==(const InitPrompt&) const = default;
};

struct UndoPrompt {
  bool operator==(const UndoPrompt&) const = default;
};

using Prompt = std::variant<PointPrompt, BoxPrompt, PaintPrompt, InitPrompt, UndoPrompt>;

inline constexpr std::size_t kMaxPromptsFileBytes = std::size_t{1} << 29;
inline constexpr std::size_t kMaxPrompts = 100'000;

/// Throws Error(bad_input) for anything but a prompt as above; a mask must have exactly the bits of its bounds.
Prompt parse_prompt(const Json& json);
Json to_json(const Prompt& prompt);

/// A whole prompts file. Error(too_large) beyond the limits above.
std::vector<Prompt> parse_prompts_file(std::string_view text);
std::string format_prompts_file(const std::vector<Prompt>& prompts);

/// Gives the prompt to the active segment. An initial mask that does not say whether it predicts does not, as in a
/// viewer, unless `run_initial`. `options.include` and `options.run_prediction` are overridden by the prompt.
Outcome apply(Session& session, const Prompt& prompt, PromptOptions options = {}, bool run_initial = false);

}  // namespace sagittal::interact
