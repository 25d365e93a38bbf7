#include "hub/hub.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "hub/card_json.h"
#include "hub/composed_task.h"
#include "hub/local_models.h"
#include "hub/plain_text.h"
#include "nn/model_folder.h"

namespace sagittal::hub {
namespace {

/// Where the texts of a model's description lie.
std::vector<std::filesystem::path> places_of(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> places = nn::find_model_folders(folder);
  if (std::find(places.begin(), places.end(), folder) == places.end()) places.push_back(folder);
  return places;
}

/// Changes when a model's description may have.
std::string fingerprint_of(const std::vector<std::filesystem::path>& folders) {
  std::string out;
  for (const auto& folder : folders) {
    out += folder.string();
    for (const auto& place : places_of(folder)) {
      for (const char* name : {"plans.json", "plans.pkl", "dataset.json", "LICENSE", "inference_info.json"}) {
        std::error_code failure;
        const auto time = std::filesystem::last_write_time(place / name, failure);
        out += fmt::format(" {}", failure ? 0 : time.time_since_epoch().count());
      }
    }
    out += '\n';
  }
  return out;
}

Json synced_json(const std::optional<Catalogue::Synced>& synced) {
  if (!synced) return nullptr;
  return {{"time", synced->time}, {"from", synced->from}, {"models", synced->models}};
}

}  // namespace

Hub::Hub(std::filesystem::path catalogue, std::vector<std::filesystem::path> places)
    : file_(std::move(catalogue)), places_(std::move(places)) {}

std::optional<Catalogue::Synced> Hub::look_at_catalogue() {
  std::error_code ignored;
  if (!catalogue_ && !file_.empty() && std::filesystem::exists(file_, ignored)) catalogue_.emplace(file_);
  return catalogue_ ? catalogue_->synced() : std::nullopt;
}

void Hub::refresh() {
  const auto folders = find_local_models(places_);
  synced_ = look_at_catalogue();
  const std::string now = (synced_ ? synced_->generation : "") + '\n' + fingerprint_of(folders);
  if (index_ && now == fingerprint_) return;
  auto rows = synced_ ? catalogue_->rows() : std::vector<Catalogue::Row>();
  local_cards_.clear();
  std::vector<ModelCard> cards = composed_cards(folders);
  for (const auto& folder : folders) cards.push_back(read_local_card(folder));
  for (const ModelCard& card : cards) {
    rows.push_back({entry_json(card), search_words(card)});
    local_cards_.push_back(card_json(card));
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const auto& a, const auto& b) { return a.entry.at("name") < b.entry.at("name"); });
  rows_ = std::move(rows);
  index_ = std::make_unique<SearchIndex>(rows_);
  fingerprint_ = now;
}

Json Hub::list(const Query& query) {
  check(query);
  const std::lock_guard lock(mutex_);
  refresh();
  Json models = Json::array();
  for (const std::size_t n : index_->search(query.text)) {
    if (matches(rows_[n].entry, query)) models.push_back(rows_[n].entry);
  }
  return {{"models", std::move(models)}, {"total", rows_.size()}, {"synced", synced_json(synced_)}};
}

Json Hub::card(const std::string& name, const std::string& source) {
  check(Query{.source = source});
  const std::lock_guard lock(mutex_);
  refresh();
  if (source != name_of(Source::local) && synced_) {
    if (auto card = catalogue_->card(name)) return *std::move(card);
  }
  if (source != name_of(Source::mhub)) {
    const auto found = std::find_if(local_cards_.begin(), local_cards_.end(),
                                    [&](const Json& card) { return card.at("name") == name; });
    if (found != local_cards_.end()) return *found;
  }
  if (composed_task(name) != nullptr) {
    throw Error(ErrorCode::not_found,
                fmt::format("the weights of {} are not here; `sagittal model fetch {}` brings them", name, name));
  }
  const char* advice = synced_ ? "`sagittal hub search` lists them" : "`sagittal hub sync` fetches the list of models";
  throw Error(ErrorCode::not_found, fmt::format("there is no model '{}'; {}", plain_line(name, 80), advice));
}

std::string Hub::workflow(const std::string& model, const std::string& name, const RunControl& control,
                          const std::string& repository) {
  {
    const std::lock_guard lock(mutex_);
    refresh();
    if (!synced_ || !catalogue_->card(model)) {
      throw Error(ErrorCode::not_found, fmt::format("there is no model '{}' in the catalogue", plain_line(model, 80)));
    }
    if (auto text = catalogue_->workflow(model, name)) return *std::move(text);
  }
  std::string text = fetch_workflow(repository, model, name, control);
  const std::lock_guard lock(mutex_);
  catalogue_->add_workflow(model, name, text);
  return text;
}

Json Hub::summary() {
  const std::lock_guard lock(mutex_);
  const auto synced = look_at_catalogue();
  const std::size_t listed = synced ? static_cast<std::size_t>(synced->models) : 0;
  const auto local = find_local_models(places_);
  return {{"models", listed + local.size() + composed_cards(local).size()},
          {"synced", synced ? Json(synced->time) : Json()}};
}

}  // namespace sagittal::hub
