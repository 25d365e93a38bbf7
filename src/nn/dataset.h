#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sagittal::nn {

/// What a model calls an object: one label, or the union of several (a region).
struct DatasetLabel {
  std::string name;
  std::vector<int> values;  ///< 0 to 65534, ascending
};

/// The dataset.json of nnU-Net: what goes into a network and what its heads mean.
struct Dataset {
  std::vector<std::string> channel_names;  ///< "CT", "T2"; channel 0 first
  std::vector<DatasetLabel> labels;        ///< in the file's order; without background and `ignore`
  /// Where the labels are regions: what head i paints, in this order. Else empty, and head i is the label i.
  std::vector<int> regions_class_order;
  std::optional<int> ignore_label;
  std::string reader_writer;  ///< overwrite_image_reader_writer, e.g. "SimpleITKIO"; else empty

  bool has_regions() const { return !regions_class_order.empty(); }
  /// Output channels of the network: regions, or labels with the background.
  int heads() const;
  /// The labels that are not background, ascending, each once.
  std::vector<int> foreground() const;
  /// What a voxel of this label is called; regions go by the label that they are painted with. Empty: no name.
  std::string name_of(int label) const;
};

/// `labels` as nnU-Net v2 has them (name: label or list of labels) or v1 ("label": name). Throws Error(bad_input) for
/// labels that are no such numbers or contradict each other, or where a region has no place in regions_class_order.
Dataset parse_dataset(std::string_view text, std::string_view what);

}  // namespace sagittal::nn
