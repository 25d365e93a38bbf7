#include "server/http/request.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "server/http/body_memory.h"

namespace sagittal::server::http {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

std::string_view trim(std::string_view text) {
  constexpr std::string_view space = " \t";
  const auto first = text.find_first_not_of(space);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(space) - first + 1);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (lower(c) >= 'a' && lower(c) <= 'f') return lower(c) - 'a' + 10;
  return -1;
}

std::optional<std::string> decode_base64(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string decoded;
  unsigned bits = 0, count = 0;
  for (const char c : text) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const auto value = digits.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    bits = (bits << 6 | static_cast<unsigned>(value)) & 0xffff;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    decoded += static_cast<char>(bits >> count & 0xff);
  }
  return decoded;
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view find_header(const std::vector<Header>& headers, std::string_view name) {
  for (const Header& header : headers) {
    if (equal_ignoring_case(header.name, name)) return trim(header.value);
  }
  return {};
}

const std::string& PathValues::operator[](std::string_view name) const {
  static const std::string none;
  const auto found =
      std::find_if(values_.begin(), values_.end(), [&](const auto& value) { return value.first == name; });
  return found == values_.end() ? none : found->second;
}

Body Body::copy_of(ByteView bytes) {
  auto memory = std::make_shared<BodyMemory>(std::make_shared<BodyBudget>(bytes.size()), bytes.size());
  memory->append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  memory->add(bytes.size());
  return Body(std::move(memory));
}

ByteView Body::bytes() const { return memory_ ? memory_->bytes() : ByteView{}; }

std::shared_ptr<const void> Body::keep() const {
  if (memory_) memory_->uncount();
  return memory_;
}

std::string decode_percent(std::string_view text, std::string_view what) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0)
        throw Error(ErrorCode::bad_input, fmt::format("{} holds a % that starts no escape", what));
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      throw Error(ErrorCode::bad_input, fmt::format("{} holds a control character", what));
    }
    decoded += c;
  }
  return decoded;
}

void set_target(Request& request, std::string_view target) {
  if (const auto scheme = target.find("://"); scheme != std::string_view::npos && !target.starts_with('/')) {
    const auto slash = target.find('/', scheme + 3);
    target = slash == std::string_view::npos ? "/" : target.substr(slash);
  }
  if (!target.starts_with('/')) throw Error(ErrorCode::bad_input, "the request target does not begin with /");
  const auto question = target.find('?');
  request.path = decode_percent(target.substr(0, question), "the path");
  request.query = question == std::string_view::npos ? "" : std::string(target.substr(question + 1));
}

namespace {

/// What follows the scheme in `Authorization`; empty where it names another.
std::string_view authorization(const Request& request, std::string_view scheme) {
  const std::string_view value = request.header("Authorization");
  if (value.size() <= scheme.size() || value[scheme.size()] != ' ') return {};
  return equal_ignoring_case(value.substr(0, scheme.size()), scheme) ? trim(value.substr(scheme.size())) : "";
}

}  // namespace

std::optional<Credentials> basic_credentials(const Request& request) {
  const auto decoded = decode_base64(authorization(request, "basic"));
  if (!decoded) return std::nullopt;
  const auto colon = decoded->find(':');
  if (colon == std::string::npos) return std::nullopt;
  return Credentials{decoded->substr(0, colon), decoded->substr(colon + 1)};
}

std::optional<std::string> basic_user(const Request& request) {
  auto credentials = basic_credentials(request);
  if (!credentials || credentials->user.empty()) return std::nullopt;
  return std::move(credentials->user);
}

std::string_view bearer_token(const Request& request) { return authorization(request, "bearer"); }

std::vector<std::string_view> header_elements(std::string_view value) {
  std::vector<std::string_view> elements;
  while (true) {
    const auto comma = value.find(',');
    const std::string_view element = trim(value.substr(0, comma));
    if (!element.empty()) elements.push_back(element);
    if (comma == std::string_view::npos) return elements;
    value.remove_prefix(comma + 1);
  }
}

std::string header_parameter(std::string_view value, std::string_view name) {
  for (auto semicolon = value.find(';'); semicolon != std::string_view::npos;) {
    std::string_view rest = trim(value.substr(semicolon + 1));
    const auto equals = rest.find('=');
    if (equals == std::string_view::npos) return {};
    const std::string_view key = trim(rest.substr(0, equals));
    rest = trim(rest.substr(equals + 1));
    std::string found;
    std::size_t used = 0;
    if (rest.starts_with('"')) {
      for (used = 1; used < rest.size() && rest[used] != '"'; ++used) {
        if (rest[used] == '\\' && used + 1 < rest.size()) ++used;
        found += rest[used];
      }
    } else {
      used = std::min(rest.size(), rest.find(';'));
      found = trim(rest.substr(0, used));
    }
    if (equal_ignoring_case(key, name)) return found;
    value = rest.substr(std::min(rest.size(), used));
    semicolon = value.find(';');
  }
  return {};
}

}  // namespace sagittal::server::http
