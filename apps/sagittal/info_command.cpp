#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/json.h"
#include "choose_image.h"
#include "commands.h"
#include "io/segmentation_io.h"

namespace sagittal::commands {
namespace {

struct Arguments {
  std::filesystem::path image;
  io::ReadOptions read;
  bool json = false;
};

/// Least and greatest finite voxel, where there is one.
std::optional<std::pair<double, double>> value_range(const Volume& volume) {
  return visit_voxels(volume, [](auto voxels) {
    std::optional<std::pair<double, double>> range;
    for (const auto voxel : voxels) {
      const auto value = static_cast<double>(voxel);
      if (!std::isfinite(value)) continue;
      if (!range) range = {value, value};
      range->first = std::min(range->first, value);
      range->second = std::max(range->second, value);
    }
    return range;
  });
}

/// What is printed of one image. `range` is absent where no single volume is chosen.
struct Report {
  io::ImageInfo info;
  std::optional<std::pair<double, double>> range;
};

bool is_open(const io::ImageInfo& info, const io::ReadOptions& options) {
  return (info.series.size() > 1 && options.series_uid.empty()) || (info.frames > 1 && !options.frame);
}

Report examine(const Arguments& arguments) {
  Report report{io::describe_image(arguments.image, arguments.read), {}};
  if (is_open(report.info, arguments.read)) return report;
  const Volume volume = read_chosen_image(arguments.image, arguments.read);
  report.info.geometry = volume.geometry();
  report.info.type = volume.type();
  report.range = value_range(volume);
  return report;
}

bool has_geometry(const Report& report, const Arguments& arguments) {
  return report.info.series.size() < 2 || !arguments.read.series_uid.empty();
}

void print_series(const io::SeriesInfo& series) {
  fmt::print("series      {}  {}  {} images  {}\n", series.uid, series.modality, series.images, series.description);
}

void print_report(const Report& report, const Arguments& arguments) {
  fmt::print("format      {}\n", report.info.format);
  for (const auto& series : report.info.series) print_series(series);
  if (!has_geometry(report, arguments)) return;
  const Geometry& g = report.info.geometry;
  fmt::print("size        {} voxels\n", fmt::join(g.size, " x "));
  fmt::print("spacing     {:.6g} mm\n", fmt::join(g.spacing_mm, " x "));
  fmt::print("origin      {:.6g} mm (LPS)\n", fmt::join(g.origin_mm, ", "));
  fmt::print("orientation {}{}\n", orientation_code(g), determinant(g.direction) < 0 ? ", left-handed" : "");
  fmt::print("type        {}\n", name_of(report.info.type));
  if (report.info.frames > 1) fmt::print("frames      {}\n", report.info.frames);
  if (report.range) fmt::print("range       {:.6g} to {:.6g}\n", report.range->first, report.range->second);
}

void print_json(const Report& report, const Arguments& arguments) {
  Json out{{"file", arguments.image.string()}, {"format", report.info.format}, {"frames", report.info.frames}};
  for (const auto& s : report.info.series) {
    out["series"].push_back({{"uid", s.uid},
                             {"modality", s.modality},
                             {"description", s.description},
                             {"number", s.number},
                             {"images", s.images}});
  }
  if (has_geometry(report, arguments)) {
    const Geometry& g = report.info.geometry;
    out.update({{"size", g.size},
                {"spacing_mm", g.spacing_mm},
                {"origin_mm", g.origin_mm},
                {"direction", g.direction},
                {"orientation", orientation_code(g)},
                {"type", name_of(report.info.type)}});
  }
  if (report.range) out["range"] = {report.range->first, report.range->second};
  fmt::print("{}\n", out.dump());
}

// ---- segmentations

std::int64_t voxel_count(const io::SegmentMask& mask) {
  return static_cast<std::int64_t>(mask.values.size()) -
         std::count(mask.values.begin(), mask.values.end(), std::uint8_t{0});
}

std::string_view kind_name(io::SegmentationKind kind) {
  switch (kind) {
    case io::SegmentationKind::probability:
      return "probability";
    case io::SegmentationKind::occupancy:
      return "occupancy";
    case io::SegmentationKind::binary:
      break;
  }
  return "binary";
}

std::size_t source_count(const io::Segmentation& s) { return s.dicom ? s.dicom->images.size() : 0; }

std::string described(const Code& code) { return fmt::format("{} ({}:{})", code.meaning, code.scheme, code.value); }

void print_segments(const io::Segmentation& s) {
  const Geometry& g = s.geometry;
  fmt::print("format      segmentation, {}{}\n", kind_name(s.kind), io::layers_of(s).size() > 1 ? ", overlapping" : "");
  fmt::print("size        {} voxels\n", fmt::join(g.size, " x "));
  fmt::print("spacing     {:.6g} mm\n", fmt::join(g.spacing_mm, " x "));
  fmt::print("origin      {:.6g} mm (LPS)\n", fmt::join(g.origin_mm, ", "));
  fmt::print("orientation {}{}\n", orientation_code(g), determinant(g.direction) < 0 ? ", left-handed" : "");
  if (source_count(s) > 0) fmt::print("source      {} images of {}\n", source_count(s), s.dicom->images[0].series_uid);
  const double millilitres = g.spacing_mm[0] * g.spacing_mm[1] * g.spacing_mm[2] / 1000;
  for (const io::Segment& segment : s.segments) {
    const auto voxels = voxel_count(segment.mask);
    fmt::print("segment {:<3} #{:02x}{:02x}{:02x}  {}, {} voxels, {:.1f} ml{}\n", segment.number, segment.colour[0],
               segment.colour[1], segment.colour[2], segment.name, voxels, static_cast<double>(voxels) * millilitres,
               segment.codes ? "  " + described(segment.codes->type) : "");
  }
}

Json json_of(const std::optional<Code>& code) {
  if (!code) return nullptr;
  return {{"value", code->value}, {"scheme", code->scheme}, {"meaning", code->meaning}};
}

Json json_of(const io::Segment& s) {
  Json out{{"number", s.number},
           {"name", s.name},
           {"rgb", s.colour},
           {"voxels", voxel_count(s.mask)},
           {"algorithm_type", io::name_of(s.algorithm_type)},
           {"algorithm_name", s.algorithm_name}};
  if (!s.codes) return out;
  out["category"] = json_of(s.codes->category);
  out["type"] = json_of(s.codes->type);
  out["modifier"] = json_of(s.codes->modifier);
  out["region"] = json_of(s.codes->region);
  out["region_modifier"] = json_of(s.codes->region_modifier);
  return out;
}

void print_segments_json(const io::Segmentation& s, const Arguments& arguments) {
  const Geometry& g = s.geometry;
  Json out{{"file", arguments.image.string()},
           {"format", "segmentation"},
           {"kind", kind_name(s.kind)},
           {"overlapping", io::layers_of(s).size() > 1},
           {"size", g.size},
           {"spacing_mm", g.spacing_mm},
           {"origin_mm", g.origin_mm},
           {"direction", g.direction},
           {"orientation", orientation_code(g)},
           {"source_images", source_count(s)},
           {"segments", Json::array()}};
  if (source_count(s) > 0) out["source_series"] = s.dicom->images[0].series_uid;
  for (const io::Segment& segment : s.segments) out["segments"].push_back(json_of(segment));
  fmt::print("{}\n", out.dump(-1, ' ', false, Json::error_handler_t::replace));
}

void describe(const Arguments& arguments) {
  if (!arguments.read.frame && io::holds_segments(arguments.image)) {
    const io::Segmentation s = io::read_segmentation(arguments.image, arguments.read);
    return arguments.json ? print_segments_json(s, arguments) : print_segments(s);
  }
  const Report report = examine(arguments);
  arguments.json ? print_json(report, arguments) : print_report(report, arguments);
}

}  // namespace

void add_info(CLI::App& app) {
  auto* command = app.add_subcommand("info", "Describe an image, a segmentation or a folder of DICOM files");
  const auto arguments = std::make_shared<Arguments>();
  command->add_option("IMAGE", arguments->image, "NIfTI, NRRD, MetaImage, NumPy, a DICOM file or a DICOM folder")
      ->required();
  command->add_option("--series", arguments->read.series_uid, "Series UID, where a folder holds several");
  command->add_option("--frame", arguments->read.frame, "Volume, from 0, where a file holds several");
  command->add_flag("--json", arguments->json, "One JSON object; positions in LPS millimetres");
  command->callback([arguments] {
    arguments->read.fill_missing_slices = true;
    describe(*arguments);
  });
}

}  // namespace sagittal::commands
