#pragma once
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sagittal {

using XmlAttributes = std::map<std::string, std::string, std::less<>>;

struct XmlLimits {
  std::size_t bytes = std::size_t{4} << 20;
  std::size_t depth = 64;  ///< of elements within elements
};

/// Calls `start` where an element begins: with the names from the outermost element to itself, and its attributes.
/// Texts between elements are passed over. Throws Error naming `what`: bad_input for XML that is not well-formed, too
/// deep or with a document type (which could define entities), too_large beyond the limit; and whatever `start` throws.
void read_xml(std::string_view xml, std::string_view what,
              const std::function<void(const std::vector<std::string>& path, const XmlAttributes& attributes)>& start,
              const XmlLimits& limits = {});

/// `text` as the value of an attribute, or between elements, of XML and of HTML.
std::string escape_xml(std::string_view text);

}  // namespace sagittal
