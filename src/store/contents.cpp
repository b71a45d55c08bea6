#include "icl/store/contents.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "icl/store/file.hpp"
#include "icl/store/hdf5_reader.hpp"
#include "icl/store/isolated.hpp"

namespace icl::store {
namespace {

constexpr const char* config_text = "/config/toml";
constexpr char separator = '\n';  // no name of HDF5's that we send on has one

std::string_view name_of(ElementType type) {
  switch (type) {
    case ElementType::float32:
      return "float32";
    case ElementType::float64:
      return "float64";
    case ElementType::int8:
      return "int8";
    case ElementType::int32:
      return "int32";
    case ElementType::int64:
      return "int64";
    case ElementType::text:
    case ElementType::variable_text:
      return "text";
    case ElementType::other:
      break;
  }
  return "table or other";
}

/// The attribute, in one line; empty if there is none of text.
std::string text_attribute(const Hdf5Reader& file, const std::string& path, const char* name) {
  const auto names = file.attributes(path);
  if (std::ranges::find(names, name) == names.end()) return {};
  const auto value = file.attribute_value(path, name);
  const auto* text = value ? std::get_if<std::string>(&*value) : nullptr;
  std::string line = text == nullptr ? std::string() : *text;
  std::ranges::replace(line, separator, ' ');
  return line;
}

/// In the child: one message for each thing, its kind in front.
class Lister {
 public:
  Lister(std::span<const std::byte> image, const std::string& name, const Isolated::Send& send)
      : file_(image, name), send_(send) {}

  void list() {
    const auto names = file_.attributes("/");
    if (std::ranges::find(names, "format") != names.end()) {
      say(fmt::format("F{}", file_.attribute_value("/", "format")
                                 ? text_attribute(file_, "/", "format")
                                 : file_.varying_text("/", "format")));
    }
    if (file_.exists("/config") && file_.exists(config_text)) say("T" + file_.text(config_text));
    group("/");
  }

 private:
  void say(const std::string& message) { send_(std::as_bytes(std::span(message))); }

  void group(const std::string& path) {
    for (const Child& child : file_.children(path)) {
      const std::string name = (path == "/" ? path : path + "/") + child.name;
      if (name.find(separator) != std::string::npos) continue;
      if (child.kind == NodeKind::group) group(name);
      if (child.kind != NodeKind::dataset) continue;
      say(fmt::format("D{}\n{}\n{}\n{}", name, fmt::join(file_.shape(name), " "),
                      name_of(file_.type(name)), text_attribute(file_, name, "long_name")));
    }
  }

  Hdf5Reader file_;
  const Isolated::Send& send_;
};

/// "3 4" as {3, 4}.
Extents parse_shape(std::string_view text) {
  Extents shape;
  while (!text.empty()) {
    std::uint64_t length = 0;
    const char* const end = std::from_chars(text.data(), text.data() + text.size(), length).ptr;
    shape.push_back(length);
    text.remove_prefix(std::min(static_cast<std::size_t>(end - text.data()) + 1, text.size()));
  }
  return shape;
}

StoredObject parse_object(std::string_view text) {
  std::array<std::string, 4> parts;
  for (std::string& part : parts) {
    const std::size_t end = std::min(text.find(separator), text.size());
    part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return {parts[0], parse_shape(parts[1]), parts[2], parts[3]};
}

Contents listed(std::span<const std::byte> image, const std::string& name) {
  Isolated child(name, allowance_for(image.size()),
                 [&](const Isolated::Send& send) { Lister(image, name, send).list(); });
  Contents contents;
  while (const auto message = child.next()) {
    const std::string_view text(reinterpret_cast<const char*>(message->data()), message->size());
    if (text.starts_with('F')) contents.format = text.substr(1);
    if (text.starts_with('T')) contents.toml = text.substr(1);
    if (text.starts_with('D')) contents.datasets.push_back(parse_object(text.substr(1)));
  }
  return contents;
}

}  // namespace

Contents contents_of(const std::filesystem::path& path, std::optional<FileKind> kind) {
  if (!kind) return listed(MappedFile(path).bytes(), path.string());
  const std::vector<std::byte> file = read_file(path);
  static_cast<void>(unseal(file, path.string(), *kind));
  return listed(file, path.string());
}

}  // namespace icl::store
