#include "icl/config/sweep.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "icl/config/field_values.hpp"
#include "icl/config/toml.hpp"

namespace icl::config {
namespace {

/// Seeds in a row are written by their ends.
std::string seeds_text(const std::vector<std::int64_t>& seeds) {
  const bool in_a_row = std::ranges::adjacent_find(seeds, [](std::int64_t a, std::int64_t b) {
                          return b != a + 1;
                        }) == seeds.end();
  return in_a_row && seeds.size() > 1
             ? fmt::format("{{ from = {}, to = {} }}", seeds.front(), seeds.back())
             : fmt::format("[{}]", fmt::join(seeds, ", "));
}

std::string axes_text(const Sweep::Grid& axes) {
  std::string text;
  for (const Axis& axis : axes) {
    std::vector<std::string> values;
    for (const Value& value : axis.values) {
      const bool absent = std::holds_alternative<std::monostate>(value);
      values.push_back(absent ? fmt::format("\"{}\"", not_set) : to_text(value));
    }
    text += fmt::format("{} = [{}]\n", axis.field->name, fmt::join(values, ", "));
  }
  return text;
}

}  // namespace

std::string to_toml(const Sweep& sweep) {
  std::vector<std::string_view> varied{"train.seed"};
  for (const Field* field : sweep.varied()) varied.push_back(field->name);
  std::string text = to_toml(sweep.base, varied);
  text += fmt::format("\n[sweep]\nseeds = {}\nkernels = \"{}\"\n", seeds_text(sweep.seeds),
                      word(sweep.kernels));
  if (!sweep.axes.empty()) text += "\n[sweep.axes]\n" + axes_text(sweep.axes);
  for (const Sweep::Grid& grid : sweep.grids) text += "\n[[sweep.grid]]\n" + axes_text(grid);
  return text;
}

}  // namespace icl::config
