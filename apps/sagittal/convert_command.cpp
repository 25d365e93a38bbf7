#include <filesystem>
#include <memory>

#include <fmt/format.h>

#include "base/error.h"
#include "choose_image.h"
#include "commands.h"

namespace sagittal::commands {
namespace {

struct Arguments {
  std::filesystem::path in, out;
  io::ReadOptions read;
};

void convert(const Arguments& arguments) {
  if (!io::can_write_image(arguments.out)) {  // said before a long read
    throw Error(ErrorCode::wrong_usage,
                fmt::format("{}: expected a name that ends in .nii.gz, .nii, .nrrd, .nhdr, .mha, .mhd or .npy",
                            arguments.out.string()));
  }
  io::write_image(read_chosen_image(arguments.in, arguments.read), arguments.out);
}

}  // namespace

void add_convert(CLI::App& app) {
  auto* command =
      app.add_subcommand("convert", "Write an image or a DICOM series to another format; geometry and values are kept");
  const auto arguments = std::make_shared<Arguments>();
  command->add_option("IN", arguments->in, "NIfTI, NRRD, MetaImage, NumPy, a DICOM file or a DICOM folder")->required();
  command->add_option("OUT", arguments->out, ".nii.gz, .nii, .nrrd, .nhdr, .mha, .mhd or .npy")->required();
  command->add_option("--series", arguments->read.series_uid, "Series UID, where a folder holds several");
  command->add_option("--frame", arguments->read.frame, "Volume, from 0, where a file holds several");
  command->add_flag("--fill-missing", arguments->read.fill_missing_slices, "Interpolate slices that a series lacks");
  command->callback([arguments] { convert(*arguments); });
}

}  // namespace sagittal::commands
