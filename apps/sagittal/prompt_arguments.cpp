#include "prompt_arguments.h"

#include <charconv>
#include <cmath>
#include <string_view>

#include <fmt/format.h>

#include "base/error.h"
#include "io/image_io.h"
#include "volume/bits.h"

namespace sagittal {
namespace {

/// The numbers or file name before a trailing `,-`, which makes the prompt negative.
struct Value {
  std::string_view text;
  bool include = true;
};

Value without_sign(std::string_view text) {
  const bool negative = text.ends_with(",-");
  return {text.substr(0, text.size() - (negative ? 2 : 0)), !negative};
}

template <std::size_t count>
std::array<double, count> parse_numbers(std::string_view text, const PromptArgument& argument, std::string_view form) {
  std::array<double, count> numbers{};
  const char* at = text.data();
  const char* end = text.data() + text.size();
  for (std::size_t n = 0; n < count; ++n) {
    const auto [next, failure] = std::from_chars(at, end, numbers[n]);
    const bool last = n + 1 == count;
    if (failure != std::errc{} || !std::isfinite(numbers[n]) || (last ? next != end : next == end || *next != ',')) {
      throw Error(ErrorCode::wrong_usage,
                  fmt::format("{} takes {}, found '{}'", argument.option, form, argument.value));
    }
    at = next + 1;
  }
  return numbers;
}

/// The voxel index (i, j, k) of typed coordinates.
Vec3 to_ijk(const Vec3& typed, TypedSpace space, const Geometry& geometry) {
  return space == TypedSpace::index_ijk ? typed : world_to_index(geometry, flip_lps_ras(typed));
}

interact::Prompt read_point(const PromptArgument& argument, TypedSpace space, const Geometry& geometry) {
  const Value value = without_sign(argument.value);
  return interact::PointPrompt{to_ijk(parse_numbers<3>(value.text, argument, "I,J,K[,-]"), space, geometry),
                               value.include};
}

/// Corners are typed inclusive and unordered; the prompt's box is half-open. Corners between voxels mean the nearest
/// voxel.
interact::Prompt read_box(const PromptArgument& argument, TypedSpace space, const Geometry& geometry) {
  const Value value = without_sign(argument.value);
  const auto n = parse_numbers<6>(value.text, argument, "I0,J0,K0,I1,J1,K1[,-]");
  const Vec3 a = to_ijk({n[0], n[1], n[2]}, space, geometry), b = to_ijk({n[3], n[4], n[5]}, space, geometry);
  interact::BoxPrompt box{{}, {}, value.include};
  for (int axis = 0; axis < 3; ++axis) {
    box.ijk0[axis] = std::nearbyint(std::min(a[axis], b[axis]));
    box.ijk1[axis] = std::nearbyint(std::max(a[axis], b[axis])) + 1;
  }
  return box;
}

interact::Prompt read_paint(const PromptArgument& argument, interact::PaintKind kind, const Geometry& geometry) {
  const Value value = without_sign(argument.value);
  const Volume mask = read_mask_on(std::string(value.text), geometry);
  return interact::PaintPrompt{kind, whole(geometry.size), pack_bits(mask.as<std::uint8_t>()), value.include};
}

std::vector<interact::Prompt> read_file(const std::string& path) {
  const Bytes text = sagittal::read_file(path, interact::kMaxPromptsFileBytes);
  try {
    return interact::parse_prompts_file(as_text(text));
  } catch (Error& error) {
    throw error.within(path);
  }
}

}  // namespace

Volume read_mask_on(const std::string& path, const Geometry& geometry) {
  Volume mask = to_mask(io::read_image(path));
  if (!same_grid(mask.geometry(), geometry)) {
    throw Error(ErrorCode::bad_input, fmt::format("{} lies on another grid than the image", path));
  }
  return mask;
}

std::vector<interact::Prompt> read_prompt_arguments(const std::vector<PromptArgument>& arguments, TypedSpace space,
                                                    const Geometry& geometry) {
  std::vector<interact::Prompt> prompts;
  for (const PromptArgument& argument : arguments) {
    if (argument.option == "--point") {
      prompts.push_back(read_point(argument, space, geometry));
    } else if (argument.option == "--box") {
      prompts.push_back(read_box(argument, space, geometry));
    } else if (argument.option == "--scribble") {
      prompts.push_back(read_paint(argument, interact::PaintKind::scribble, geometry));
    } else if (argument.option == "--lasso") {
      prompts.push_back(read_paint(argument, interact::PaintKind::lasso, geometry));
    } else if (argument.option == "--init") {
      prompts.push_back(interact::InitPrompt{pack_bits(read_mask_on(argument.value, geometry).as<std::uint8_t>())});
    } else {
      for (interact::Prompt& prompt : read_file(argument.value)) prompts.push_back(std::move(prompt));
    }
  }
  if (prompts.empty()) {
    throw Error(ErrorCode::wrong_usage, "no prompt: give --point, --box, --scribble, --lasso, --init or --prompts");
  }
  return prompts;
}

}  // namespace sagittal
