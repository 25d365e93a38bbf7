#include "interact/prompts.h"

#include <cmath>

#include <fmt/format.h>

#include "base/base64.h"
#include "base/error.h"
#include "volume/bits.h"
#include "volume/volume.h"

namespace sagittal::interact {
namespace {

constexpr const char* kWhat = "prompt";
constexpr const char* kFile = "prompts file";

[[noreturn]] void refuse(std::string_view where, std::string sentence) {
  throw Error(ErrorCode::bad_input, fmt::format("{}: {}", where, sentence));
}

std::array<double, 3> read_index(const Json& json, const char* key) {
  const auto values = json_get<std::vector<double>>(json, key, kWhat);
  if (values.size() != 3) refuse(kWhat, fmt::format("\"{}\" has {} numbers, expected 3", key, values.size()));
  for (const double value : values) {
    if (!std::isfinite(value)) refuse(kWhat, fmt::format("\"{}\" is not finite", key));
  }
  return {values[0], values[1], values[2]};
}

Box read_bounds(const Json& json) {
  const Json bounds = json_get<Json>(json, "bounds", kWhat);
  if (!bounds.is_array() || bounds.size() != 3) refuse(kWhat, "\"bounds\" must be three pairs of integers");
  Box box;
  for (int axis = 0; axis < 3; ++axis) {
    const Json& pair = bounds[static_cast<std::size_t>(axis)];
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_number_integer() || !pair[1].is_number_integer()) {
      refuse(kWhat, "\"bounds\" must be three pairs of integers");
    }
    const auto limited = [](const Json& value) {
      return value.is_number_unsigned() && value.get<std::uint64_t>() > kMaxVoxels ? kMaxVoxels + 1
                                                                                   : value.get<std::int64_t>();
    };
    box.lo[axis] = limited(pair[0]);
    box.hi[axis] = limited(pair[1]);
    if (box.lo[axis] < 0 || box.hi[axis] <= box.lo[axis] || box.hi[axis] > kMaxVoxels) {
      refuse(kWhat, fmt::format("bounds [{}, {}) hold no voxels of an image", box.lo[axis], box.hi[axis]));
    }
  }
  return box;
}

Bytes read_mask(const Json& json) {
  return decode_base64(json_get<std::string>(json, "mask", kWhat), "prompt: \"mask\"");
}

bool read_include(const Json& json) { return json_get_or<bool>(json, "include", kWhat, true); }
bool read_predict(const Json& json) { return json_get_or<bool>(json, "predict", kWhat, true); }

PaintPrompt read_paint(const Json& json, PaintKind kind) {
  PaintPrompt prompt{kind, read_bounds(json), read_mask(json), read_include(json), read_predict(json)};
  const Index3 size = prompt.bounds_ijk.size();
  const auto plane = checked_product(size[0], size[1], "prompt: bounds");
  const auto voxels = checked_product(plane, size[2], "prompt: bounds");
  if (voxels / 8 + (voxels % 8 != 0) != prompt.mask.size()) {
    refuse(kWhat, fmt::format("bounds of {} x {} x {} voxels need a mask of {} bytes, found {}", size[0], size[1],
                              size[2], voxels / 8 + (voxels % 8 != 0), prompt.mask.size()));
  }
  return prompt;
}

/// (i, j, k) to array order and back.
template <class T>
std::array<T, 3> reversed(const std::array<T, 3>& a) {
  return {a[2], a[1], a[0]};
}

std::vector<std::uint8_t> unpack(const Bytes& bits, std::int64_t voxels, std::string_view what) {
  if (packed_size(static_cast<std::size_t>(voxels)) != bits.size()) {
    refuse(what, fmt::format("{} voxels need {} bytes, found {}", voxels, packed_size(static_cast<std::size_t>(voxels)),
                             bits.size()));
  }
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(voxels));
  unpack_bits(bits, mask);
  return mask;
}

Json index_json(const std::array<double, 3>& ijk) {
  Json list = Json::array();
  for (const double value : ijk) {
    constexpr double largest_exact = 0x1p53;
    if (value == std::floor(value) && std::abs(value) <= largest_exact) {
      list.push_back(static_cast<std::int64_t>(value));
    } else {
      list.push_back(value);
    }
  }
  return list;
}

Json with_predict(Json json, bool predict) {
  if (!predict) json["predict"] = false;
  return json;
}

struct ToJson {
  Json operator()(const PointPrompt& p) const {
    return with_predict({{"type", "point"}, {"ijk", index_json(p.ijk)}, {"include", p.include}}, p.predict);
  }
  Json operator()(const BoxPrompt& p) const {
    return with_predict(
        {{"type", "box"}, {"ijk0", index_json(p.ijk0)}, {"ijk1", index_json(p.ijk1)}, {"include", p.include}},
        p.predict);
  }
  Json operator()(const PaintPrompt& p) const {
    Json bounds = Json::array();
    for (int axis = 0; axis < 3; ++axis) bounds.push_back({p.bounds_ijk.lo[axis], p.bounds_ijk.hi[axis]});
    return with_predict({{"type", p.kind == PaintKind::scribble ? "scribble" : "lasso"},
                         {"bounds", bounds},
                         {"mask", encode_base64(p.mask)},
                         {"include", p.include}},
                        p.predict);
  }
  Json operator()(const InitPrompt& p) const {
    Json json{{"type", "init"}, {"mask", encode_base64(p.mask)}};
    if (p.predict) json["predict"] = *p.predict;
    return json;
  }
  Json operator()(const UndoPrompt&) const { return {{"type", "undo"}}; }
};

struct Apply {
  Session& session;
  PromptOptions options;
  bool run_initial;

  Outcome operator()(const PointPrompt& p) {
    options.include = p.include;
    options.run_prediction = p.predict;
    return session.add_point(reversed(p.ijk), options);
  }
  Outcome operator()(const BoxPrompt& p) {
    options.include = p.include;
    options.run_prediction = p.predict;
    return session.add_box(reversed(p.ijk0), reversed(p.ijk1), options);
  }
  Outcome operator()(const PaintPrompt& p) {
    options.include = p.include;
    options.run_prediction = p.predict;
    const Box bounds{reversed(p.bounds_ijk.lo), reversed(p.bounds_ijk.hi)};
    if (bounds.empty() || intersect(bounds, whole(session.shape())) != bounds) {
      const Index3 size = reversed(session.shape());
      refuse(kWhat, fmt::format("bounds [{}, {}) x [{}, {}) x [{}, {}) leave the image of {} x {} x {} voxels",
                                p.bounds_ijk.lo[0], p.bounds_ijk.hi[0], p.bounds_ijk.lo[1], p.bounds_ijk.hi[1],
                                p.bounds_ijk.lo[2], p.bounds_ijk.hi[2], size[0], size[1], size[2]));
    }
    const auto mask = unpack(p.mask, bounds.volume(), "prompt: mask");
    return p.kind == PaintKind::scribble ? session.add_scribble(bounds, mask, options)
                                         : session.add_lasso(bounds, mask, options);
  }
  Outcome operator()(const InitPrompt& p) {
    options.run_prediction = p.predict.value_or(run_initial);
    const auto mask = unpack(p.mask, whole(session.shape()).volume(), "initial mask of the whole image");
    return session.add_initial_mask(mask, options);
  }
  Outcome operator()(const UndoPrompt&) { return session.undo(); }
};

}  // namespace

Prompt parse_prompt(const Json& json) {
  const auto type = json_get<std::string>(json, "type", kWhat);
  if (type == "point") return PointPrompt{read_index(json, "ijk"), read_include(json), read_predict(json)};
  if (type == "box") {
    return BoxPrompt{read_index(json, "ijk0"), read_index(json, "ijk1"), read_include(json), read_predict(json)};
  }
  if (type == "scribble") return read_paint(json, PaintKind::scribble);
  if (type == "lasso") return read_paint(json, PaintKind::lasso);
  if (type == "init") {
    InitPrompt prompt{read_mask(json)};
    if (json.contains("predict")) prompt.predict = json_get<bool>(json, "predict", kWhat);
    return prompt;
  }
  if (type == "undo") return UndoPrompt{};
  refuse(kWhat, fmt::format("unknown type \"{}\", expected point, box, scribble, lasso, init or undo", type));
}

Json to_json(const Prompt& prompt) { return std::visit(ToJson{}, prompt); }

std::vector<Prompt> parse_prompts_file(std::string_view text) {
  if (text.size() > kMaxPromptsFileBytes) {
    throw Error(ErrorCode::too_large,
                fmt::format("{}: {} bytes, at most {} are read", kFile, text.size(), kMaxPromptsFileBytes));
  }
  const Json json = parse_json(text, kFile);
  constexpr int version = 1;
  if (const int stated = json_get<int>(json, "version", kFile); stated != version) {
    refuse(kFile, fmt::format("version {}, this program reads version {}", stated, version));
  }
  const auto found = json.find("prompts");
  if (found == json.end() || !found->is_array()) refuse(kFile, "\"prompts\" must be a list");
  const Json& list = *found;
  if (list.size() > kMaxPrompts) {
    throw Error(ErrorCode::too_large, fmt::format("{}: {} prompts, at most {}", kFile, list.size(), kMaxPrompts));
  }
  std::vector<Prompt> prompts;
  prompts.reserve(list.size());
  for (std::size_t n = 0; n < list.size(); ++n) {
    try {
      prompts.push_back(parse_prompt(list[n]));
    } catch (Error& error) {
      throw error.within(fmt::format("{}: number {}", kFile, n + 1));
    }
  }
  return prompts;
}

std::string format_prompts_file(const std::vector<Prompt>& prompts) {
  Json list = Json::array();
  for (const Prompt& prompt : prompts) list.push_back(to_json(prompt));
  return Json{{"version", 1}, {"prompts", list}}.dump();
}

Outcome apply(Session& session, const Prompt& prompt, PromptOptions options, bool run_initial) {
  return std::visit(Apply{session, std::move(options), run_initial}, prompt);
}

}  // namespace sagittal::interact
