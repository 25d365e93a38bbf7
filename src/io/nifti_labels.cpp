#include "io/nifti_labels.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "base/error.h"
#include "io/nifti.h"
#include "io/segmentation_json.h"
#include "terms/terms.h"

namespace sagittal::io {
namespace {

/// Codes of extensions, nifti1.h. The table has 0 as TotalSegmentator writes it: nibabel cannot unpack Caret's 30.
constexpr std::int32_t kTable = 0, kComment = 6;
constexpr std::size_t kHeader1 = 348, kHeader2 = 540;
constexpr std::string_view kMark = "sagittal segments\n";

template <class T>
T number_at(ByteView file, std::size_t at, bool swapped) {
  std::array<std::uint8_t, sizeof(T)> bytes{};
  std::copy_n(file.begin() + static_cast<std::ptrdiff_t>(at), sizeof(T), bytes.begin());
  if (swapped) std::reverse(bytes.begin(), bytes.end());
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

struct Extension {
  std::int32_t code = 0;
  std::string_view text;
};

/// The extensions that lie whole in `start`; what is damaged ends the list, as NIfTI's readers have it.
std::vector<Extension> extensions_of(ByteView start) {
  std::vector<Extension> found;
  if (!looks_like_nifti(start) || start.size() < kHeader2 + 4) return found;
  const auto size = number_at<std::int32_t>(start, 0, false);
  const bool swapped = size != static_cast<std::int32_t>(kHeader1) && size != static_cast<std::int32_t>(kHeader2);
  const std::size_t header = static_cast<std::size_t>(number_at<std::int32_t>(start, 0, swapped));
  if (start[header] == 0) return found;
  const double end = header == kHeader1 ? static_cast<double>(number_at<float>(start, 108, swapped))
                                        : static_cast<double>(number_at<std::int64_t>(start, 168, swapped));
  const std::size_t limit =
      end > 0 && end < static_cast<double>(start.size()) ? static_cast<std::size_t>(end) : start.size();
  for (std::size_t at = header + 4; at + 8 <= limit;) {
    const auto length = number_at<std::int32_t>(start, at, swapped);
    if (length < 8 || static_cast<std::size_t>(length) > limit - at) break;
    std::string_view text = as_text(start.subspan(at + 8, static_cast<std::size_t>(length) - 8));
    while (!text.empty() && (text.back() == 0 || text.back() == ' ')) text.remove_suffix(1);
    found.push_back({number_at<std::int32_t>(start, at + 4, swapped), text});
    at += static_cast<std::size_t>(length);
  }
  return found;
}

bool is_table(std::string_view text) {
  return text.find("<CaretExtension") != std::string_view::npos && text.find("<LabelTable") != std::string_view::npos;
}

std::string xml_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else if (static_cast<unsigned char>(c) >= ' ')
      out += c;
  }
  return out;
}

std::string xml_text(std::string_view text) {
  constexpr std::string_view open = "<![CDATA[", close = "]]>";
  if (text.starts_with(open) && text.ends_with(close) && text.size() >= open.size() + close.size())
    return std::string(text.substr(open.size(), text.size() - open.size() - close.size()));
  static constexpr std::array<std::pair<std::string_view, char>, 5> entities{
      {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}}};
  std::string out;
  while (!text.empty()) {
    const auto* entity =
        std::find_if(entities.begin(), entities.end(), [&](const auto& e) { return text.starts_with(e.first); });
    out += entity == entities.end() ? text[0] : entity->second;
    text.remove_prefix(entity == entities.end() ? 1 : entity->first.size());
  }
  return out;
}

/// The number in `name="…"` of an XML tag; nothing where it is absent or no number.
std::optional<double> attribute(std::string_view tag, const std::string& name) {
  const auto at = tag.find(' ' + name + "=\"");
  if (at == std::string_view::npos) return std::nullopt;
  const char* begin = tag.data() + at + name.size() + 3;
  double value = 0;
  const auto [end, error] = std::from_chars(begin, tag.data() + tag.size(), value);
  return error == std::errc() && std::isfinite(value) ? std::optional(value) : std::nullopt;
}

void apply_table(std::string_view text, Segmentation& segments) {
  std::map<std::int64_t, Segment*> by_number;
  for (Segment& s : segments.segments) by_number[s.number] = &s;
  for (auto at = text.find("<Label "); at != std::string_view::npos; at = text.find("<Label ", at + 1)) {
    const auto close = text.find('>', at), end = text.find("</Label>", at);
    if (close == std::string_view::npos || end == std::string_view::npos || close >= end) break;
    const std::string_view tag = text.substr(at, close - at);
    const auto key = attribute(tag, "Key");
    const auto found = key && std::abs(*key) < 1e6 ? by_number.find(std::llround(*key)) : by_number.end();
    if (found == by_number.end()) continue;
    Segment& segment = *found->second;
    segment.name = xml_text(text.substr(close + 1, end - close - 1));
    if (const auto term = terms::find_term(segment.name)) segment.codes = term->codes;
    constexpr std::array<const char*, 3> channels{"Red", "Green", "Blue"};
    for (std::size_t c = 0; c < 3; ++c)
      if (const auto level = attribute(tag, channels[c]))
        segment.colour[c] = static_cast<std::uint8_t>(std::lround(255 * std::clamp(*level, 0.0, 1.0)));
  }
}

std::string table_of(const Segmentation& s) {
  std::string text =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<CaretExtension>\n<VolumeInformation Index=\"0\">\n<LabelTable>\n";
  for (const Segment& segment : s.segments)
    text += fmt::format("<Label Key=\"{}\" Red=\"{:.6g}\" Green=\"{:.6g}\" Blue=\"{:.6g}\" Alpha=\"1\">{}</Label>\n",
                        segment.number, segment.colour[0] / 255.0, segment.colour[1] / 255.0, segment.colour[2] / 255.0,
                        xml_escaped(segment.name));
  return text +
         "</LabelTable>\n<StudyMetaDataLinkSet>\n</StudyMetaDataLinkSet>\n<VolumeType><![CDATA[Label]]></VolumeType>\n"
         "</VolumeInformation>\n</CaretExtension>\n";
}

void append_extension(Bytes& out, std::int32_t code, const std::string& text) {
  constexpr std::size_t unit = 16;
  const std::size_t length = (text.size() + 8 + unit - 1) / unit * unit;
  const std::array<std::int32_t, 2> head{static_cast<std::int32_t>(length), code};
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(head.data());
  out.insert(out.end(), bytes, bytes + sizeof(head));
  out.insert(out.end(), text.begin(), text.end());
  out.resize(out.size() + length - 8 - text.size(), code == kTable ? ' ' : 0);
}

}  // namespace

Bytes write_nifti_labels(const Segmentation& segmentation) {
  const Bytes plain = write_nifti(labels_of(segmentation));
  std::int32_t header = 0;
  std::memcpy(&header, plain.data(), sizeof(header));
  const std::size_t begin = static_cast<std::size_t>(header) + 4;
  Bytes extensions;
  append_extension(extensions, kTable, table_of(segmentation));
  append_extension(extensions, kComment, std::string(kMark) + segments_to_json(segmentation));
  if (extensions.size() > kNiftiLabelBytes - 1024)
    throw Error(ErrorCode::too_large,
                fmt::format("{} bytes of names and references for a NIfTI header; write .seg.nrrd "
                            "or .dcm instead",
                            extensions.size()));
  Bytes file(plain.begin(), plain.begin() + static_cast<std::ptrdiff_t>(begin));
  file[begin - 4] = 1;  // extensions follow
  const auto offset = begin + extensions.size();
  if (begin == kHeader1 + 4) {
    const auto value = static_cast<float>(offset);
    std::memcpy(file.data() + 108, &value, sizeof(value));
  } else {
    const auto value = static_cast<std::int64_t>(offset);
    std::memcpy(file.data() + 168, &value, sizeof(value));
  }
  file.insert(file.end(), extensions.begin(), extensions.end());
  file.insert(file.end(), plain.begin() + static_cast<std::ptrdiff_t>(begin), plain.end());
  return file;
}

bool has_nifti_labels(ByteView start) {
  const auto all = extensions_of(start);
  return std::any_of(all.begin(), all.end(),
                     [](const Extension& e) { return is_table(e.text) || e.text.starts_with(kMark); });
}

void apply_nifti_labels(ByteView start, Segmentation& segments, std::string_view what) {
  const auto all = extensions_of(start);
  for (const Extension& e : all)
    if (is_table(e.text)) apply_table(e.text, segments);
  for (const Extension& e : all)
    if (e.code == kComment && e.text.starts_with(kMark))
      apply_segments_json(e.text.substr(kMark.size()), segments, what);
}

}  // namespace sagittal::io
