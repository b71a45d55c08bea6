#include "icl/store/compare.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "icl/store/file.hpp"
#include "icl/store/hdf5_reader.hpp"
#include "icl/store/isolated.hpp"

namespace icl::store {
namespace {

using Difference = std::optional<std::string>;

/// Links between datasets and their scales: addresses in the file, which scales() follows.
constexpr std::array addresses{"DIMENSION_LIST", "REFERENCE_LIST"};

bool contains(const auto& all, const auto& one) { return std::ranges::find(all, one) != all.end(); }

/// The value of an attribute, and how it is stored.
struct Attribute {
  AttributeValue value;
  bool varying = false;  ///< text of variable length
};

/// Of numbers the bits are compared, so that a NaN equals itself, and -0 is not 0.
bool same(const Attribute& a, const Attribute& b) {
  const auto* x = std::get_if<double>(&a.value);
  const auto* y = std::get_if<double>(&b.value);
  if (x != nullptr && y != nullptr) {
    return std::bit_cast<std::uint64_t>(*x) == std::bit_cast<std::uint64_t>(*y);
  }
  return a.value == b.value && a.varying == b.varying;
}

Attribute attribute_of(const Hdf5Reader& file, const std::string& path, const std::string& name) {
  if (auto value = file.attribute_value(path, name)) return {*std::move(value)};
  return {file.varying_text(path, name), true};
}

/// A text, or a list of texts with commas between; nothing of a number.
std::optional<std::string> words(const AttributeValue& value) {
  if (const auto* one = std::get_if<std::string>(&value)) return *one;
  if (const auto* list = std::get_if<std::vector<std::string>>(&value)) {
    return fmt::format("{}", fmt::join(*list, ", "));
  }
  return std::nullopt;
}

std::string text(const Attribute& attribute) {
  return std::visit([](const auto& v) { return fmt::format("{}", v); }, attribute.value) +
         (attribute.varying ? " (text of variable length)" : "");
}

class Comparison {
 public:
  Comparison(std::span<const std::byte> expected, std::span<const std::byte> actual,
             const Leeway& leeway)
      : expected_(expected, "expected"), actual_(actual, "actual"), leeway_(leeway) {}

  Difference group(const std::string& path) {
    if (!contains(leeway_.except, path)) {
      if (Difference d = attributes(path)) return d;
    }
    const std::string prefix = path == "/" ? path : path + "/";
    const auto kept = [&](const Hdf5Reader& file) {
      auto children = file.children(path);
      std::erase_if(children,
                    [&](const Child& c) { return contains(leeway_.except, prefix + c.name); });
      return children;
    };
    const auto found = kept(actual_);
    auto children = kept(expected_);
    std::erase_if(children, [&](const Child& c) {
      return !contains_name(found, c) && may_lack(prefix + c.name, "");
    });
    if (Difference d = members(path, children, found)) return d;
    for (const Child& child : children) {
      const std::string name = prefix + child.name;
      if (Difference d = child.kind == NodeKind::group ? group(name) : dataset(name)) return d;
    }
    return std::nullopt;
  }

 private:
  [[nodiscard]] bool may_lack(const std::string& path, const std::string& attribute) const {
    return leeway_.may_lack && leeway_.may_lack(path, attribute);
  }

  static bool contains_name(const std::vector<Child>& all, const Child& child) {
    return std::ranges::find(all, child.name, &Child::name) != all.end();
  }

  static Difference members(const std::string& path, const std::vector<Child>& expected,
                            const std::vector<Child>& actual) {
    for (const Child& child : expected) {
      if (!contains_name(actual, child)) return fmt::format("{}: {} is missing", path, child.name);
      if (!contains(actual, child))
        return fmt::format("{}: {} is something else", path, child.name);
    }
    for (const Child& child : actual) {
      if (!contains(expected, child)) {
        return fmt::format("{}: {} is not expected there", path, child.name);
      }
    }
    return std::nullopt;
  }

  Difference attributes(const std::string& path) {
    const auto expected = expected_.attributes(path);
    const auto actual = actual_.attributes(path);
    for (const std::string& name : expected) {
      if (contains(actual, name)) {
        if (Difference d = attribute(path, name)) return d;
      } else if (!may_lack(path, name)) {
        return fmt::format("{}: attribute {} is missing", path, name);
      }
    }
    for (const std::string& name : actual) {
      if (contains(expected, name)) continue;
      return fmt::format("{}: attribute {} is not expected there", path, name);
    }
    return std::nullopt;
  }

  Difference attribute(const std::string& path, const std::string& name) {
    if (contains(addresses, name)) return std::nullopt;
    const Attribute expected = attribute_of(expected_, path, name);
    const Attribute found = attribute_of(actual_, path, name);
    if (same(expected, found)) return std::nullopt;
    const std::optional<std::string> said = words(found.value);
    if (said && expected.varying == found.varying && leeway_.may_say &&
        leeway_.may_say(path, name, *said)) {
      return std::nullopt;
    }
    return fmt::format("{}: attribute {}: {} expected, {} found", path, name, text(expected),
                       text(found));
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
    if (path == leeway_.other_text) return std::nullopt;
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
      case ElementType::other:
        return table(path);
      default:
        if (expected_.text(path) != actual_.text(path)) return path + ": the texts differ";
        return std::nullopt;
    }
  }

  Difference table(const std::string& path) {
    const std::vector<Column> expected = expected_.table(path);
    const std::vector<Column> actual = actual_.table(path);
    const auto names = [](const std::vector<Column>& columns) {
      std::vector<std::string> all;
      all.reserve(columns.size());
      for (const Column& column : columns) all.push_back(column.name);
      return all;
    };
    if (names(expected) != names(actual)) {
      return fmt::format("{}: columns [{}] expected, [{}] found", path,
                         fmt::join(names(expected), ", "), fmt::join(names(actual), ", "));
    }
    Difference first;
    std::size_t before = expected_.shape(path).at(0);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      if (auto d = in_column(path, expected[i], actual[i], before)) first = std::move(d);
    }
    return first;
  }

  template <class T>
  static bool same_cell(const T& a, const T& b) {
    if constexpr (std::is_same_v<T, double>) {
      return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
    } else {
      return a == b;
    }
  }

  /// A difference in one of the first `before` rows, which is then that row.
  static Difference in_column(const std::string& path, const Column& expected, const Column& actual,
                              std::size_t& before) {
    if (expected.values.index() != actual.values.index()) {
      return fmt::format("{}: the types of {} differ", path, expected.name);
    }
    return std::visit(
        [&]<class Values>(const Values& a) -> Difference {
          const auto& b = std::get<Values>(actual.values);
          for (std::size_t row = 0; row < before; ++row) {
            if (same_cell(a[row], b[row])) continue;
            before = row;
            return fmt::format("{}[{}].{}: {} expected, {} found", path, row, expected.name, a[row],
                               b[row]);
          }
          return std::nullopt;
        },
        expected.values);
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
  const Leeway& leeway_;
};

}  // namespace

std::optional<std::string> first_difference(std::span<const std::byte> expected,
                                            std::span<const std::byte> actual,
                                            const Leeway& leeway) {
  return Comparison(expected, actual, leeway).group("/");
}

std::optional<std::string> first_difference_of_files(const std::filesystem::path& expected,
                                                     const std::filesystem::path& actual,
                                                     FileKind kind, const Leeway& leeway) {
  const std::vector<std::byte> a = read_file(expected);
  const std::vector<std::byte> b = read_file(actual);
  static_cast<void>(unseal(a, expected.string(), kind));
  static_cast<void>(unseal(b, actual.string(), kind));
  Isolated child(fmt::format("{}' or '{}", expected.string(), actual.string()),
                 allowance_for(a.size() + b.size()), [&](const Isolated::Send& send) {
                   const auto difference = first_difference(a, b, leeway);
                   if (difference) send(std::as_bytes(std::span(*difference)));
                 });
  const auto message = child.next();
  if (!message) return std::nullopt;
  return std::string(reinterpret_cast<const char*>(message->data()), message->size());
}

}  // namespace icl::store
