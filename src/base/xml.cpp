#include "base/xml.h"

#include <expat.h>

#include <exception>
#include <memory>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"

namespace sagittal {
namespace {

using Start = std::function<void(const std::vector<std::string>&, const XmlAttributes&)>;

class Reader {
 public:
  Reader(std::string_view what, const Start& start, const XmlLimits& limits)
      : what_(what), start_(start), limits_(limits) {}
  void read(std::string_view xml);

 private:
  static void XMLCALL on_start(void* self, const XML_Char* name, const XML_Char** attributes);
  static void XMLCALL on_end(void* self, const XML_Char*) { static_cast<Reader*>(self)->path_.pop_back(); }
  static void XMLCALL on_doctype(void* self, const XML_Char*, const XML_Char*, const XML_Char*, int);

  [[noreturn]] void reject(const std::string& why, ErrorCode code = ErrorCode::bad_input) const {
    throw Error(code, fmt::format("{}: {}", what_, why));
  }
  /// No exception may pass through the parser, which is C.
  template <class F>
  void guarded(F&& f) {
    if (failure_) return;
    try {
      f();
    } catch (...) {
      failure_ = std::current_exception();
      XML_StopParser(parser_, XML_FALSE);
    }
  }

  const std::string_view what_;
  const Start& start_;
  const XmlLimits limits_;
  XML_Parser parser_ = nullptr;
  std::vector<std::string> path_;
  std::exception_ptr failure_;
};

void XMLCALL Reader::on_start(void* self, const XML_Char* name, const XML_Char** attributes) {
  auto& reader = *static_cast<Reader*>(self);
  reader.guarded([&] {
    if (reader.path_.size() == reader.limits_.depth) {
      reader.reject(fmt::format("elements within elements, more than {} deep", reader.limits_.depth));
    }
    reader.path_.emplace_back(name);
    XmlAttributes table;
    for (; *attributes != nullptr; attributes += 2) table[attributes[0]] = attributes[1];
    reader.start_(reader.path_, table);
  });
}

void XMLCALL Reader::on_doctype(void* self, const XML_Char*, const XML_Char*, const XML_Char*, int) {
  auto& reader = *static_cast<Reader*>(self);
  reader.guarded([&] { reader.reject("a document type, which is refused"); });
}

void Reader::read(std::string_view xml) {
  if (xml.size() > limits_.bytes) {
    reject(fmt::format("more than {} of XML", size_text(limits_.bytes)), ErrorCode::too_large);
  }
  const std::unique_ptr<XML_ParserStruct, decltype(&XML_ParserFree)> parser(XML_ParserCreate(nullptr), XML_ParserFree);
  if (!parser) reject("no memory to read it", ErrorCode::too_large);
  parser_ = parser.get();
  XML_SetUserData(parser_, this);
  XML_SetElementHandler(parser_, on_start, on_end);
  XML_SetStartDoctypeDeclHandler(parser_, on_doctype);
  const XML_Status status = XML_Parse(parser_, xml.data(), static_cast<int>(xml.size()), XML_TRUE);
  if (failure_) std::rethrow_exception(failure_);
  if (status != XML_STATUS_OK) {
    reject(fmt::format("line {}: {}", XML_GetCurrentLineNumber(parser_), XML_ErrorString(XML_GetErrorCode(parser_))));
  }
}

}  // namespace

void read_xml(std::string_view xml, std::string_view what, const Start& start, const XmlLimits& limits) {
  Reader(what, start, limits).read(xml);
}

std::string escape_xml(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace sagittal
