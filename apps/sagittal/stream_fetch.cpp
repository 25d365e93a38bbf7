#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "commands.h"
#include "hub/fetch.h"
#include "licence_question.h"
#include "stream/json_text.h"
#include "stream_assets.h"
#include "stream_operators.h"

namespace sagittal::commands {
namespace {

struct FetchOptions : StreamOptions {
  std::vector<std::string> accepted;
  std::string mirror;
};

/// Named on the command line, or accepted at a terminal.
void require_licence(const stream::Asset& asset, const FetchOptions& options) {
  const auto same = [&](const std::string& name) { return lower_case(name) == lower_case(asset.licence); };
  if (std::any_of(options.accepted.begin(), options.accepted.end(), same)) return;
  const bool asked = options.accepted.empty() && can_ask();
  if (asked && accepts_licence(asset.title, asset.licence, asset.licence_url)) return;
  hub::require_licence(asset.title, asset.licence, asset.licence_url,
                       options.accepted.empty() ? "" : options.accepted.back());
}

void fetch(const FetchOptions& options) {
  const stream::PipelineFile pipeline = load_pipeline(options);
  const auto assets = assets_directory(options.data_directory);
  for (const stream::Asset& asset : pipeline.assets) {
    if (!stream::is_there(asset, assets)) require_licence(asset, options);
  }
  Json rows = Json::array();
  for (const stream::Asset& asset : pipeline.assets) {
    const FetchedAsset fetched = fetch_asset(asset, assets, options.mirror);
    rows.push_back({{"name", asset.name},
                    {"path", fetched.path.string()},
                    {"was_there", fetched.was_there},
                    {"licence", asset.licence},
                    {"sha256", asset.sha256}});
    if (options.json) continue;
    fmt::print("{}{}\n", fetched.path.string(), fetched.was_there ? " was there already" : "");
    fmt::print("  {}, {}{}{}\n", asset.title, asset.licence, asset.attribution.empty() ? "" : ": ", asset.attribution);
  }
  if (options.json) {
    fmt::print("{}\n", stream::json_text({{"pipeline", options.pipeline}, {"assets", rows}}));
  } else if (rows.empty()) {
    fmt::print("{} needs nothing from elsewhere\n", options.pipeline);
  }
}

}  // namespace

void add_stream_fetch(CLI::App& stream) {
  const auto options = std::make_shared<FetchOptions>();
  auto* command = stream.add_subcommand("fetch", "Get the recordings and networks that a pipeline needs");
  command->add_option("pipeline", options->pipeline, "FILE.yaml, or a name of `sagittal stream list`")->required();
  command
      ->add_option("--accept-licence,--accept-license", options->accepted,
                   "The licence that you accept, by its name; several times where there are several")
      ->allow_extra_args(false);
  command->add_option("--mirror", options->mirror, "Address in the place of the scheme and host of each URL");
  add_stream_folders(*command, *options);
  command->add_flag("--json", options->json, "One JSON object on standard output");
  command->callback([options] { fetch(*options); });
}

}  // namespace sagittal::commands
