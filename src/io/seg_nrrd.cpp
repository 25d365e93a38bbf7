#include "io/seg_nrrd.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "base/text.h"
#include "io/gzip.h"
#include "io/header_text.h"
#include "io/image_header.h"
#include "io/nrrd.h"
#include "io/segmentation_json.h"

namespace sagittal::io {
namespace {

using KeyValues = std::map<std::string, std::string>;

constexpr std::int64_t kMaxNumber = 65535;
constexpr const char* kContextKey = "Sagittal_Dicom";
constexpr const char* kKindKey = "Sagittal_Fractional";  // "PROBABILITY 255"
constexpr std::string_view kListName = "Segmentation category and type - 3D Slicer General Anatomy list";
constexpr std::string_view kRegionListName = "Anatomic codes - DICOM master list";

// ---- texts of one segment

/// Terminology entries and tags have no escapes: their separators become blanks.
std::string plain(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '^' || c == '~' || c == '|' || c == '\n' || c == '\r'; }, ' ');
  return text;
}

std::string entry_code(const std::optional<Code>& code) {
  if (!code) return "^^";
  return fmt::format("{}^{}^{}", plain(code->scheme), plain(code->value), plain(code->meaning));
}

/// 3D Slicer's terminology entry: list~category~type~modifier~region list~region~region modifier.
std::string terminology_entry(const Terminology& t) {
  return fmt::format("{}~{}~{}~{}~{}~{}~{}", kListName, entry_code(t.category), entry_code(t.type),
                     entry_code(t.modifier), kRegionListName, entry_code(t.region), entry_code(t.region_modifier));
}

std::optional<Code> code_of_entry(std::string_view text) {
  const auto parts = split(text, '^');
  if (parts.size() != 3 || parts[1].empty()) return std::nullopt;
  return Code{std::string(parts[1]), std::string(parts[0]), std::string(parts[2])};
}

std::optional<Terminology> terminology_of_entry(std::string_view text) {
  auto parts = split(text, '~');
  parts.resize(7);
  const auto category = code_of_entry(parts[1]), type = code_of_entry(parts[2]);
  if (!category || !type) return std::nullopt;
  return Terminology{*category, *type, code_of_entry(parts[3]), code_of_entry(parts[5]), code_of_entry(parts[6])};
}

std::string tags_of(const Segment& s) {
  std::string tags = "Segmentation.Status:inprogress|";
  const auto add = [&](std::string_view key, const std::string& value) {
    if (!value.empty()) tags += fmt::format("{}:{}|", key, plain(value));
  };
  if (s.codes) tags += fmt::format("TerminologyEntry:{}|", terminology_entry(*s.codes));
  add("DICOM.SegmentAlgorithmType", std::string(name_of(s.algorithm_type)));
  add("DICOM.SegmentAlgorithmName", s.algorithm_name);
  add("DICOM.SegmentDescription", s.description);
  add("DICOM.TrackingID", s.tracking_id);
  add("DICOM.TrackingUID", s.tracking_uid);
  if (s.cielab) add("DICOM.RecommendedDisplayCIELabValue", fmt::format("{}", fmt::join(*s.cielab, " ")));
  return tags;
}

void read_tags(const std::string& tags, Segment& s, std::string_view what) {
  for (const std::string_view tag : split(tags, '|')) {
    const auto colon = tag.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string key(trimmed(tag.substr(0, colon))), value(tag.substr(colon + 1));
    if (key == "TerminologyEntry") s.codes = terminology_of_entry(value);
    if (key == "DICOM.SegmentAlgorithmType") s.algorithm_type = algorithm_type_from_name(value);
    if (key == "DICOM.SegmentAlgorithmName") s.algorithm_name = value;
    if (key == "DICOM.SegmentDescription") s.description = value;
    if (key == "DICOM.TrackingID") s.tracking_id = value;
    if (key == "DICOM.TrackingUID") s.tracking_uid = value;
    if (key == "DICOM.RecommendedDisplayCIELabValue") {
      const auto lab = whole_numbers_of(value, what);
      if (lab.size() != 3 || std::any_of(lab.begin(), lab.end(), [](auto v) { return v < 0 || v > 65535; })) continue;
      s.cielab = {static_cast<std::uint16_t>(lab[0]), static_cast<std::uint16_t>(lab[1]),
                  static_cast<std::uint16_t>(lab[2])};
    }
  }
}

Rgb colour_of(const std::string& text, std::string_view what) {
  const auto levels = numbers_of(text, what);
  if (levels.size() != 3)
    throw Error(ErrorCode::bad_input, fmt::format("{}: a colour of {} numbers", what, levels.size()));
  Rgb colour{};
  for (std::size_t c = 0; c < 3; ++c)
    colour[c] = levels[c] >= 0 ? static_cast<std::uint8_t>(std::lround(255 * std::min(levels[c], 1.0))) : 0;
  return colour;
}

// ---- reading

/// A segment and where its voxels are.
struct Entry {
  Segment segment;
  std::int64_t layer = 0;
  std::int64_t label = 1;
};

std::vector<Entry> read_entries(const KeyValues& pairs, std::string_view what) {
  std::vector<Entry> entries;
  const auto value = [&](std::size_t n, const char* key) -> const std::string* {
    const auto found = pairs.find(fmt::format("Segment{}_{}", n, key));
    return found == pairs.end() ? nullptr : &found->second;
  };
  for (std::size_t n = 0; value(n, "ID") != nullptr || value(n, "Name") != nullptr; ++n) {
    Entry entry;
    const auto number = static_cast<std::int64_t>(n) + 1;
    if (number > kMaxNumber) throw Error(ErrorCode::too_large, fmt::format("{}: more than 65535 segments", what));
    entry.label = value(n, "LabelValue") == nullptr ? number : whole_number_of(*value(n, "LabelValue"), what);
    entry.layer = value(n, "Layer") == nullptr ? 0 : whole_number_of(*value(n, "Layer"), what);
    Segment& s = entry.segment;
    s.number = entry.label;
    s.name = value(n, "Name") != nullptr ? *value(n, "Name") : *value(n, "ID");
    s.colour = value(n, "Color") == nullptr ? default_colour(number) : colour_of(*value(n, "Color"), what);
    if (value(n, "Tags") != nullptr) read_tags(*value(n, "Tags"), s, what);
    entries.push_back(std::move(entry));
  }
  std::set<std::int64_t> numbers;
  const bool unique = std::all_of(entries.begin(), entries.end(), [&](const Entry& e) {
    return e.label >= 1 && e.label <= kMaxNumber && numbers.insert(e.label).second;
  });
  for (std::size_t n = 0; n < entries.size() && !unique; ++n)  // labels may return in every layer
    entries[n].segment.number = static_cast<std::int64_t>(n) + 1;
  return entries;
}

void read_kind(const KeyValues& pairs, Segmentation& out, std::string_view what) {
  const auto found = pairs.find(kKindKey);
  if (found == pairs.end()) return;
  const auto words = words_of(found->second);
  const auto max = words.size() == 2 ? whole_number_of(words[1], what) : 0;
  if (max < 1 || max > 255 || (words[0] != "PROBABILITY" && words[0] != "OCCUPANCY"))
    throw Error(ErrorCode::bad_input, fmt::format("{}: {} is \"{}\"", what, kKindKey, found->second.substr(0, 40)));
  out.kind = words[0] == "PROBABILITY" ? SegmentationKind::probability : SegmentationKind::occupancy;
  out.max_value = static_cast<std::uint8_t>(max);
}

/// All layers of the file, `layers` values of each voxel together.
Volume read_layers(ImageHeader header, ByteView file, std::uint64_t max_bytes, std::string_view what) {
  if (header.frames > 1 && !header.frames_fastest) {
    throw Error(ErrorCode::unsupported, fmt::format("{}: its layers are on the last axis, expected the first", what));
  }
  if (!header.data_file.empty())
    throw Error(ErrorCode::unsupported,
                fmt::format("{}: its voxels are in another file; save it as one .seg.nrrd", what));
  stored_bytes(header, what);  // the product below fits
  header.geometry.size[0] *= header.frames;
  header.frames = 1;
  header.frames_fastest = false;
  return read_voxels(header, file, std::nullopt, max_bytes, what);
}

/// The values of one layer as masks see them: the label of the voxel.
template <class T>
struct Layer {
  std::span<const T> voxels;
  std::size_t stride, offset;
  T operator[](std::size_t n) const { return voxels[n * stride + offset]; }
};

/// The bounds of each value; of all values where they are fractions, under 1.
template <class T>
std::map<double, Box> boxes_of(const Layer<T>& layer, const Index3& size, bool fractions, std::string_view what) {
  std::map<double, Box> boxes;
  std::size_t n = 0;
  for (std::int64_t k = 0; k < size[2]; ++k) {
    for (std::int64_t j = 0; j < size[1]; ++j) {
      double last = 0;
      Box* box = nullptr;  // of `last`
      for (std::int64_t i = 0; i < size[0]; ++i, ++n) {
        const auto value = static_cast<double>(layer[n]);
        if (value == 0) continue;
        const Box voxel{{i, j, k}, {i + 1, j + 1, k + 1}};
        if (box == nullptr || value != last) box = &boxes.try_emplace(fractions ? 1.0 : value, voxel).first->second;
        last = value;
        *box = hull(*box, voxel);
        if (boxes.size() > static_cast<std::size_t>(kMaxNumber))
          throw Error(ErrorCode::bad_input, fmt::format("{}: more than 65535 labels", what));
      }
    }
  }
  return boxes;
}

/// Masks of the entries of one layer. In fractional files each value is the fraction itself.
template <class T>
void fill_masks(const Layer<T>& layer, std::vector<Entry*>& entries, const Segmentation& out, std::uint64_t& budget,
                std::string_view what) {
  const Index3& size = out.geometry.size;
  const bool fractions = out.kind != SegmentationKind::binary;
  const auto value_of = [&](const Entry& e, std::size_t n) -> std::uint8_t {
    const auto v = static_cast<double>(layer[n]);
    if (!fractions) return v == static_cast<double>(e.label) ? 1 : 0;
    return v >= 0 && v <= out.max_value ? static_cast<std::uint8_t>(v) : 0;
  };
  const std::map<double, Box> boxes = boxes_of(layer, size, fractions, what);
  for (Entry* e : entries) {
    const auto found = boxes.find(fractions ? 1.0 : static_cast<double>(e->label));
    if (found == boxes.end()) continue;
    const Box& box = found->second;
    const auto bytes = static_cast<std::uint64_t>(box.volume());
    if (bytes > budget) throw Error(ErrorCode::too_large, fmt::format("{}: its segments take too much memory", what));
    budget -= bytes;
    SegmentMask& mask = e->segment.mask;
    mask.bounds_ijk = box;
    mask.values.reserve(bytes);
    for (std::int64_t k = box.lo[2]; k < box.hi[2]; ++k)
      for (std::int64_t j = box.lo[1]; j < box.hi[1]; ++j)
        for (std::int64_t i = box.lo[0]; i < box.hi[0]; ++i)
          mask.values.push_back(value_of(*e, static_cast<std::size_t>((k * size[1] + j) * size[0] + i)));
  }
}

}  // namespace

bool is_seg_nrrd(ByteView file, std::string_view what) {
  if (!looks_like_nrrd(file)) return false;
  const KeyValues pairs = nrrd_key_values(file, what);
  return pairs.contains("Segment0_ID") || pairs.contains("Segment0_Name");
}

Segmentation read_seg_nrrd(ByteView file, std::uint64_t max_bytes, std::string_view what) {
  const ImageHeader header = parse_nrrd_header(file, what);
  const KeyValues pairs = nrrd_key_values(file, what);
  Segmentation out;
  out.geometry = header.geometry;
  read_kind(pairs, out, what);
  std::vector<Entry> entries = read_entries(pairs, what);
  const Volume voxels = read_layers(header, file, max_bytes, what);
  std::uint64_t budget = max_bytes;
  std::map<std::int64_t, std::vector<Entry*>> by_layer;
  for (Entry& entry : entries) {
    if (entry.layer < 0 || entry.layer >= header.frames)
      throw Error(ErrorCode::bad_input, fmt::format("{}: segment \"{}\" is in layer {} of {}", what, entry.segment.name,
                                                    entry.layer, header.frames));
    by_layer[entry.layer].push_back(&entry);
  }
  for (auto& [layer, members] : by_layer) {
    visit_voxels(voxels, [&, at = layer, &group = members](auto all) {
      using T = typename decltype(all)::value_type;
      fill_masks(Layer<T>{all, static_cast<std::size_t>(header.frames), static_cast<std::size_t>(at)}, group, out,
                 budget, what);
    });
  }
  for (Entry& entry : entries) out.segments.push_back(std::move(entry.segment));
  if (const auto found = pairs.find(kContextKey); found != pairs.end())
    out.dicom = context_from_json(found->second, what);
  check_segmentation(out, what);
  return out;
}

namespace {

// ---- writing

std::string extent_of(const Box& box) {
  if (box.empty()) return "0 -1 0 -1 0 -1";
  return fmt::format("{} {} {} {} {} {}", box.lo[0], box.hi[0] - 1, box.lo[1], box.hi[1] - 1, box.lo[2], box.hi[2] - 1);
}

KeyValues key_values_of(const Segmentation& s, const std::vector<std::vector<std::size_t>>& layers) {
  KeyValues pairs{{"Segmentation_ContainedRepresentationNames", "Binary labelmap|"},
                  {"Segmentation_MasterRepresentation", "Binary labelmap"},
                  {"Segmentation_ReferenceImageExtentOffset", "0 0 0"}};
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    for (const std::size_t n : layers[layer]) {
      const Segment& segment = s.segments[n];
      const auto set = [&](const char* key, std::string value) {
        pairs[fmt::format("Segment{}_{}", n, key)] = std::move(value);
      };
      set("ID", fmt::format("Segment_{}", segment.number));
      set("Name", segment.name);
      set("NameAutoGenerated", "0");
      set("Color", fmt::format("{:.6g} {:.6g} {:.6g}", segment.colour[0] / 255.0, segment.colour[1] / 255.0,
                               segment.colour[2] / 255.0));
      set("ColorAutoGenerated", "0");
      set("LabelValue", std::to_string(s.kind == SegmentationKind::binary ? segment.number : s.max_value));
      set("Layer", std::to_string(layer));
      set("Extent", extent_of(segment.mask.bounds_ijk));
      set("Tags", tags_of(segment));
    }
  }
  if (s.kind != SegmentationKind::binary)
    pairs[kKindKey] =
        fmt::format("{} {}", s.kind == SegmentationKind::probability ? "PROBABILITY" : "OCCUPANCY", s.max_value);
  if (s.dicom) pairs[kContextKey] = context_to_json(*s.dicom);
  return pairs;
}

template <class T>
Bytes packed_layers(const Segmentation& s, const std::vector<std::vector<std::size_t>>& layers) {
  const std::size_t stride = std::max<std::size_t>(layers.size(), 1);
  const Index3& size = s.geometry.size;
  std::vector<T> voxels(  // zeros
      checked_product(static_cast<std::uint64_t>(s.geometry.voxel_count()), stride, "its layers"));
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    for (const std::size_t n : layers[layer]) {
      const Segment& segment = s.segments[n];
      const Box& box = segment.mask.bounds_ijk;
      std::size_t from = 0;
      for (std::int64_t k = box.lo[2]; k < box.hi[2]; ++k)
        for (std::int64_t j = box.lo[1]; j < box.hi[1]; ++j)
          for (std::int64_t i = box.lo[0]; i < box.hi[0]; ++i, ++from) {
            const std::uint8_t value = segment.mask.values[from];
            if (value == 0) continue;
            const auto at = static_cast<std::size_t>((k * size[1] + j) * size[0] + i) * stride + layer;
            voxels[at] = s.kind == SegmentationKind::binary ? static_cast<T>(segment.number) : static_cast<T>(value);
          }
    }
  }
  return gzip({reinterpret_cast<const std::uint8_t*>(voxels.data()), voxels.size() * sizeof(T)});
}

}  // namespace

Bytes write_seg_nrrd(const Segmentation& s) {
  check_segmentation(s, "the segmentation to write");
  const auto layers = layers_of(s);
  const bool small = s.kind != SegmentationKind::binary ||
                     std::all_of(s.segments.begin(), s.segments.end(), [](const Segment& g) { return g.number < 256; });
  const std::string header = nrrd_header(s.geometry, small ? ScalarType::u8 : ScalarType::u16,
                                         static_cast<std::int64_t>(layers.size()), key_values_of(s, layers));
  const Bytes voxels = small ? packed_layers<std::uint8_t>(s, layers) : packed_layers<std::uint16_t>(s, layers);
  Bytes file(header.begin(), header.end());
  file.insert(file.end(), voxels.begin(), voxels.end());
  return file;
}

}  // namespace sagittal::io
