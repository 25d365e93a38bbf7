#include "stream/assets.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/error.h"
#include "stream/json_text.h"
#include "stream/names.h"
#include "stream/pipeline_file.h"

namespace sagittal::stream {
namespace {

constexpr std::string_view kReference = "asset:";
constexpr std::size_t kMaxRecord = std::size_t{1} << 20;

void require(bool sound, const std::string& where, std::string_view expected) {
  if (!sound) throw Error(ErrorCode::bad_input, fmt::format("{}: expected {}", where, expected));
}

void check_keys(const Json& table, const std::string& where, std::initializer_list<std::string_view> known) {
  require(table.is_object(), where, "a table");
  for (const auto& [key, value] : table.items()) {
    require(std::find(known.begin(), known.end(), key) != known.end(), where + "." + key, "no such key");
  }
}

/// A name that can be a file's, on every system.
std::string file_in(const std::string& url, const std::string& where) {
  const bool web = url.starts_with("https://") || url.starts_with("http://");
  const std::string file = url.substr(url.rfind('/') + 1);
  const bool plain = file.find_first_not_of(std::string(kNameCharacters) + ".") == std::string::npos;
  require(web && plain && !file.empty() && file[0] != '.', where + ".url",
          "http(s)://… with a plain file name at its end");
  return file;
}

Asset::Conversion conversion_of(const Json& table, const std::string& where) {
  check_keys(table, where, {"from", "divide_by_maximum", "flip_vertically", "labels"});
  require(json_get<std::string>(table, "from", where) == "keras", where + ".from", "keras");
  return {json_get_or<bool>(table, "divide_by_maximum", where, false),
          json_get_or<bool>(table, "flip_vertically", where, false),
          json_get_or<std::vector<std::string>>(table, "labels", where, {})};
}

Asset asset_of(const std::string& name, const Json& table) {
  const std::string where = "assets." + name;
  require(!name.empty() && name.size() <= 64 && name.find_first_not_of(kNameCharacters) == std::string::npos, where,
          "a name of letters, digits, _ and -");
  check_keys(table, where, {"title", "url", "sha256", "bytes", "licence", "attribution", "convert"});
  Asset asset;
  asset.name = name;
  asset.url = json_get<std::string>(table, "url", where);
  asset.file = file_in(asset.url, where);
  asset.title = json_get_or<std::string>(table, "title", where, asset.file);
  asset.sha256 = json_get<std::string>(table, "sha256", where);
  require(asset.sha256.size() == 64 && asset.sha256.find_first_not_of("0123456789abcdef") == std::string::npos,
          where + ".sha256", "64 hexadecimal digits in quotes");
  asset.bytes = json_get<std::uint64_t>(table, "bytes", where);
  require(asset.bytes > 0 && asset.bytes <= Asset::kMaxBytes, where + ".bytes", "1 to 16 GiB");
  const Json licence = table.value("licence", Json());
  check_keys(licence, where + ".licence", {"name", "url"});
  asset.licence = json_get<std::string>(licence, "name", where + ".licence");
  asset.licence_url = json_get<std::string>(licence, "url", where + ".licence");
  require(!asset.licence.empty() && !asset.licence_url.empty(), where + ".licence", "a name and a URL");
  asset.attribution = json_get_or<std::string>(table, "attribution", where, "");
  if (table.contains("convert")) asset.convert = conversion_of(table["convert"], where + ".convert");
  return asset;
}

const Asset& find(const PipelineFile& pipeline, const std::string& name, const std::string& where) {
  const auto found = std::find_if(pipeline.assets.begin(), pipeline.assets.end(),
                                  [&](const Asset& known) { return known.name == name; });
  if (found != pipeline.assets.end()) return *found;
  throw Error(ErrorCode::bad_input, fmt::format("{}: the pipeline declares no asset \"{}\"", where, name));
}

/// Calls `visit(asset, value)` for each parameter of an operator that names an asset.
template <class Visit>
void for_each_reference(const PipelineFile& pipeline, const std::string& op, Json& parameters, Visit&& visit) {
  for (auto& [key, value] : parameters.items()) {
    if (!value.is_string() || !value.template get<std::string>().starts_with(kReference)) continue;
    const std::string name = value.template get<std::string>().substr(kReference.size());
    visit(find(pipeline, name, fmt::format("operators.{}.{}", op, key)), value);
  }
}

}  // namespace

std::vector<Asset> parse_assets(const Json& table) {
  require(table.is_object() && table.size() <= Asset::kMost, "\"assets\"",
          fmt::format("a table of at most {}", Asset::kMost));
  std::vector<Asset> assets;
  for (const auto& [name, entry] : table.items()) assets.push_back(asset_of(name, entry));
  return assets;
}

std::filesystem::path folder_of(const Asset& asset, const std::filesystem::path& assets) {
  constexpr std::size_t digits = 16;
  return assets / (asset.name + "-" + asset.sha256.substr(0, digits));
}

std::filesystem::path path_of(const Asset& asset, const std::filesystem::path& assets) {
  const auto folder = folder_of(asset, assets);
  return asset.convert ? folder : folder / asset.file;
}

Json record_of(const Asset& asset) {
  Json record{{"name", asset.name},     {"url", asset.url},
              {"sha256", asset.sha256}, {"licence", asset.licence},
              {"convert", nullptr},     {"licence_url", asset.licence_url},
              {"title", asset.title},   {"attribution", asset.attribution}};
  if (asset.convert) {
    record["convert"] = {{"divide_by_maximum", asset.convert->divide_by_maximum},
                         {"flip_vertically", asset.convert->flip_vertically},
                         {"labels", asset.convert->labels}};
  }
  return record;
}

bool is_there(const Asset& asset, const std::filesystem::path& assets) {
  const auto file = folder_of(asset, assets) / "source.json";
  std::error_code failure;
  if (assets.empty() || !std::filesystem::exists(file, failure)) return false;
  const Bytes text = read_file(file, kMaxRecord);
  const Json found = parse_json(as_text(text), file.string()), wanted = record_of(asset);
  return found.is_object() && found.value("sha256", Json()) == wanted["sha256"] &&
         found.value("convert", Json()) == wanted["convert"];
}

std::vector<Asset> missing_assets(const PipelineFile& pipeline, const std::filesystem::path& assets) {
  std::vector<Asset> missing;
  for (PipelineFile::Part part : pipeline.operators) {
    for_each_reference(pipeline, part.name, part.parameters, [&](const Asset& asset, const Json&) {
      const auto same = [&](const Asset& known) { return known.name == asset.name; };
      const bool known = std::any_of(missing.begin(), missing.end(), same);
      if (!known && !is_there(asset, assets)) missing.push_back(asset);
    });
  }
  return missing;
}

std::vector<StoodIn> settle_assets(PipelineFile& pipeline, const std::filesystem::path& assets) {
  std::vector<StoodIn> all;
  for (PipelineFile::Part& part : pipeline.operators) {
    std::optional<Asset> missing;
    for_each_reference(pipeline, part.name, part.parameters, [&](const Asset& asset, Json& value) {
      const bool there = is_there(asset, assets);
      if (!there) missing = asset;
      if (there) value = std::filesystem::absolute(path_of(asset, assets)).string();
    });
    if (!missing) continue;
    if (!part.stand_in) {
      throw Error(ErrorCode::not_found, fmt::format("operators.{} needs {}, which is not here: `sagittal stream fetch` "
                                                    "of this pipeline gets it",
                                                    part.name, missing->title));
    }
    Json parameters = part.stand_in->parameters;
    for (const std::string& name : part.overridden) {
      if (part.parameters.contains(name)) parameters[name] = part.parameters[name];
    }
    part.type = part.stand_in->type;
    part.parameters = std::move(parameters);
    all.push_back({part.name, part.type, *missing});
  }
  return all;
}

std::string describe(const StoodIn& stood_in) {
  return fmt::format("\"{}\" is generated by {}, for {} is not here", stood_in.op, stood_in.type, stood_in.asset.title);
}

}  // namespace sagittal::stream
