#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hub/licence.h"
#include "terms/terminology.h"

namespace sagittal::hub {

/// The program that a model's result comes from.
enum class ModelEngine { nnunet_v1, nnunet_v2, totalsegmentator, nninteractive, other, unknown };
enum class Source { mhub, local };

/// All texts are plain, UTF-8, without control characters but '\n', and cut to a length; addresses are http or https.

/// A segment of a result. `codes` is empty for an id that is in no table; it is white then.
struct Structure {
  std::string id;  ///< SegDB's; "LIVER+CYST" is a finding in an organ
  std::string name;
  Rgb colour{255, 255, 255};
  std::optional<int> label = {};  ///< in the label map, where the card fixes it
  std::optional<Terminology> codes = {};
};

struct CardInput {
  std::string label, description, format;
  std::vector<std::string> modalities;  ///< DICOM's: "CT", "MR", "PT"
  std::string body_part, slice_thickness;
  std::optional<bool> contrast, non_contrast;
};

struct CardOutput {
  std::string type = {};  ///< "segmentation", "prediction" or "classification"
  std::string label = {}, description = {}, value_type = {};
  std::vector<Structure> structures = {};
};

struct Link {
  std::string title;
  std::string uri;  ///< empty: none that is safe to follow
};

struct Section {
  struct Table {
    std::string label;
    std::vector<std::pair<std::string, std::string>> entries;
  };
  std::string key, title, text;
  std::vector<Table> tables;
  std::vector<Link> references;
};

/// A way to run the model: a file of its config folder.
struct Workflow {
  std::string name, description;
  std::vector<std::string> steps;       ///< modules in their order
  std::vector<std::string> inputs;      ///< data queries of the steps, e.g. "nifti:mod=ct"
  std::vector<std::string> layout;      ///< path patterns of the input folder; none for DICOM series
  std::vector<std::string> structures;  ///< SegDB ids in label order, where the file fixes them
  std::vector<std::string> outputs;     ///< paths below the output folder
  std::string text;                     ///< the file itself, as its author wrote it
};

/// A container image by name; its digest is known once it was resolved.
struct Image {
  std::string name, tag, digest;
};

/// Everything that is known of a model, whatever it was read from.
struct ModelCard {
  std::string name;
  Source source = Source::mhub;
  ModelEngine engine = ModelEngine::unknown;
  std::string title, version, summary, type, team, citation;
  std::vector<std::string> authors;
  Licence code_licence, weights_licence;
  std::string page, code, weights, notebook;  ///< addresses
  std::string code_date, weights_date, publication_date;
  std::vector<Link> publications;
  std::vector<CardInput> inputs;
  std::vector<CardOutput> outputs;
  std::string architecture, training, approach;
  std::optional<std::int64_t> training_volumes, evaluation_volumes;
  std::vector<Section> sections;
  std::vector<Link> figures;
  std::optional<Image> image;
  std::vector<Workflow> workflows;  ///< "default" first
  std::string test_data;            ///< address of an archive with sample and reference
  std::string folder;               ///< of a local model
  bool interactive = false;         ///< answers prompts
  std::vector<std::string> warnings;

  /// Each once, in their order.
  std::vector<std::string> modalities() const;
  std::vector<std::string> body_parts() const;
};

/// True, false, or nothing where the licences do not tell.
std::optional<bool> commercial_use(const ModelCard& card);

std::string_view name_of(ModelEngine engine);
std::string_view name_of(Source source);

}  // namespace sagittal::hub
