#include "icl/store/compare.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <numeric>

#include "icl/store/hdf5_reader.hpp"

namespace icl::store {
namespace {

using Difference = std::optional<std::string>;

/// What it says is compared as a configuration, by who decodes it: a program with more keys writes
/// more lines.
constexpr const char* toml = "/config/toml";
/// So too its keys, one by one: those that a program has more than the one that wrote the file.
constexpr const char* keys = "/config";

/// What follows from the configuration, said in words: older files lack it.
constexpr const char* in_words = "/model";

/// Words that explain a number. A later program may find better ones; the file's own hash holds
/// them to what was written.
constexpr std::array words{"long_name", "description", "formula", "source"};
/// Links between datasets and their scales: addresses in the file, which scales() follows.
constexpr std::array of_scales{"DIMENSION_LIST", "REFERENCE_LIST", "CLASS", "NAME"};

bool is_one_of(std::span<const char* const> names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

class Comparison {
 public:
  Comparison(std::span<const std::byte> expected, std::span<const std::byte> actual,
             std::string except)
      : expected_(expected, "expected"), actual_(actual, "actual"), except_(std::move(except)) {}

  Difference group(const std::string& path) {
    if (Difference d = attributes(path)) return d;
    const std::string prefix = path == "/" ? path : path + "/";
    const auto kept = [&](const Hdf5Reader& file) {
      auto children = file.children(path);
      std::erase_if(children, [&](const Child& c) {
        return prefix + c.name == except_ || prefix + c.name == in_words;
      });
      return children;
    };
    const auto children = kept(expected_);
    if (Difference d = members(path, children, kept(actual_))) return d;
    for (const Child& child : children) {
      const std::string name = prefix + child.name;
      if (Difference d = child.kind == NodeKind::group ? group(name) : dataset(name)) return d;
    }
    return std::nullopt;
  }

 private:
  static Difference members(const std::string& path, const std::vector<Child>& expected,
                            const std::vector<Child>& actual) {
    const auto find = [](const std::vector<Child>& all, const Child& child) {
      return std::ranges::find(all, child.name, &Child::name);
    };
    for (const Child& child : expected) {
      const auto at = find(actual, child);
      if (at == actual.end()) return fmt::format("{}: {} is missing", path, child.name);
      if (*at != child) return fmt::format("{}: {} is something else", path, child.name);
    }
    for (const Child& child : actual) {
      if (find(expected, child) == expected.end()) {
        return fmt::format("{}: {} is not expected there", path, child.name);
      }
    }
    return std::nullopt;
  }

  Difference attributes(const std::string& path) {
    const auto expected = expected_.attributes(path);
    const auto actual = actual_.attributes(path);
    const bool same = path == keys ? std::ranges::includes(expected, actual) : expected == actual;
    if (!same) {
      return fmt::format("{}: attributes [{}] expected, [{}] found", path,
                         fmt::join(expected, ", "), fmt::join(actual, ", "));
    }
    for (const std::string& name : actual) {
      if (is_one_of(of_scales, name) || is_one_of(words, name)) continue;
      const auto a = value(expected_, path, name);
      const auto b = value(actual_, path, name);
      if (a != b) {
        return fmt::format("{}: attribute {}: {} expected, {} found", path, name, text(a), text(b));
      }
    }
    return std::nullopt;
  }

  static AttributeValue value(const Hdf5Reader& file, const std::string& path,
                              const std::string& name) {
    if (path == "/" && !file.attribute_value(path, name)) return file.root_text(name);
    return file.attribute_value(path, name).value_or("text of variable length");
  }

  static std::string text(const AttributeValue& value) {
    return std::visit([](const auto& v) { return fmt::format("{}", v); }, value);
  }

  Difference dataset(const std::string& path) {
    if (Difference d = attributes(path)) return d;
    const Extents shape = expected_.shape(path);
    if (shape != actual_.shape(path)) {
      return fmt::format("{}: shape [{}] expected, [{}] found", path, fmt::join(shape, ", "),
                         fmt::join(actual_.shape(path), ", "));
    }
    if (expected_.type(path) != actual_.type(path)) return path + ": the types differ";
    if (const auto scales = expected_.scales(path); scales != actual_.scales(path)) {
      return fmt::format("{}: scales [{}] expected, [{}] found", path, fmt::join(scales, ", "),
                         fmt::join(actual_.scales(path), ", "));
    }
    if (path == toml) return std::nullopt;
    switch (expected_.type(path)) {
      case ElementType::float32:
        return values<float>(path, shape);
      case ElementType::float64:
        return values<double>(path, shape);
      case ElementType::int8:
        return values<std::int8_t>(path, shape);
      case ElementType::int32:
        return values<std::int32_t>(path, shape);
      case ElementType::int64:
        return values<std::int64_t>(path, shape);
      default:
        if (expected_.text(path) != actual_.text(path)) return path + ": the texts differ";
        return std::nullopt;
    }
  }

  template <class T>
  Difference values(const std::string& path, const Extents& shape) {
    const auto a = expected_.read<T>(path, shape);
    const auto b = actual_.read<T>(path, shape);
    // Bits are compared, not numbers: so a NaN equals itself, and -0 is not 0.
    const auto same = [&](std::size_t i, std::size_t count) {
      const std::size_t bytes = count * sizeof(T);
      return std::memcmp(a.data() + i, b.data() + i, bytes) == 0;  // NOLINT(bugprone-*)
    };
    if (a.empty() || same(0, a.size())) return std::nullopt;
    std::size_t i = 0;
    while (same(i, 1)) ++i;
    std::vector<std::uint64_t> index;
    for (std::size_t axis = shape.size(), rest = i; axis-- > 0; rest /= shape[axis]) {
      index.insert(index.begin(), rest % shape[axis]);
    }
    return fmt::format("{}{}[{}]: {} expected, {} found", step_of(path, index), path,
                       fmt::join(index, ", "), a[i], b[i]);
  }

  /// "step 469: " for an element of a dataset whose first axis is the steps of its group.
  std::string step_of(const std::string& path, const std::vector<std::uint64_t>& index) {
    const std::string scale = path.substr(0, path.rfind('/')) + "/step";
    if (scale == path || index.empty() || !expected_.exists(scale)) return "";
    const Extents shape = expected_.shape(scale);
    if (shape.size() != 1 || shape[0] != expected_.shape(path)[0]) return "";
    return fmt::format("step {}: ", expected_.read<std::int64_t>(scale, shape)[index[0]]);
  }

  Hdf5Reader expected_;
  Hdf5Reader actual_;
  std::string except_;
};

}  // namespace

std::optional<std::string> first_difference(std::span<const std::byte> expected,
                                            std::span<const std::byte> actual,
                                            const std::string& except) {
  return Comparison(expected, actual, except).group("/");
}

}  // namespace icl::store
