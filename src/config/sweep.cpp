#include "icl/config/sweep.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "draft.hpp"
#include "icl/config/field_values.hpp"
#include "icl/config/nearest.hpp"
#include "icl/config/toml.hpp"
#include "spacing.hpp"

namespace icl::config {
namespace {

constexpr std::array<std::string_view, 2> kernel_names{"own", "avx2"};

std::string place(std::string_view source, const toml::key& key) {
  return fmt::format("{}:{}", source, key.source().begin.line);
}

/// The table under a key; nullptr if there is none.
const toml::table* find_table(const toml::table& parent, std::string_view key,
                              std::string_view source) {
  const auto found = parent.find(key);
  if (found == parent.end()) return nullptr;
  const auto* table = found->second.as_table();
  if (table == nullptr) {
    throw usage_error(place(source, found->first),
                      fmt::format("{}: expected a table, found {}", key, kind_of(found->second)));
  }
  return table;
}

void require_keys(const toml::table& table, std::span<const std::string_view> allowed,
                  std::string_view name, std::string_view source) {
  for (const auto& [key, node] : table) {
    if (std::ranges::find(allowed, key.str()) == allowed.end()) {
      throw usage_error(place(source, key), fmt::format("unknown key \"{}\" in {}; it may have {}",
                                                        key.str(), name, fmt::join(allowed, ", ")));
    }
  }
}

/// "; did you mean desk?", or which scales there are.
std::string scales_text(const toml::table* scales, std::string_view unknown) {
  std::vector<std::string> names;
  if (scales != nullptr) {
    for (const auto& [key, node] : *scales) names.emplace_back(key.str());
  }
  if (names.empty()) return "; it has no scales";
  const std::string_view nearest = nearest_word(unknown, names);
  return nearest.empty() ? fmt::format("; its scales are {}", fmt::join(names, ", "))
                         : fmt::format("; did you mean {}?", nearest);
}

/// Each value as the field holds it (1e5 as an integer), once.
std::vector<Value> distinct_values(const Field& field, const std::vector<Value>& values,
                                   std::string_view where) {
  std::vector<Value> distinct;
  std::set<Value> seen;
  Config scratch;
  for (const Value& value : values) {
    try {
      set(field, value, scratch);
    } catch (const Error& error) {
      throw usage_error(where, error.what());
    }
    Value held = get(field, scratch);
    if (seen.insert(held).second) distinct.push_back(std::move(held));
  }
  return distinct;
}

/// A sweep that is being put together from its base, a scale and overrides.
class SweepDraft {
 public:
  SweepDraft(const toml::table& document, std::string_view source)
      : document_(document), source_(source) {}

  void apply_base() {
    toml::table base = document_;
    base.erase("sweep");
    base.erase("scale");
    for (const Entry& entry : entries_of(base, source_)) draft_.apply(entry);
    if (!draft_.where("train.seed").empty()) narrow("train.seed");
    if (const auto* sweep = find_table(document_, "sweep", source_)) {
      constexpr std::array<std::string_view, 3> keys{"seeds", "kernels", "axes"};
      require_keys(*sweep, keys, "[sweep]", source_);
      apply_grid(*sweep);
      apply_kernels(*sweep);
    }
  }

  void apply_scale(std::string_view scale) {
    const auto* all = find_table(document_, "scale", source_);
    const auto* chosen = all != nullptr ? find_table(*all, scale, source_) : nullptr;
    if (chosen == nullptr) {
      if (scale == "paper") return;
      throw Error(ExitCode::usage, fmt::format("--scale {}: {} has no [scale.{}]{}", scale, source_,
                                               scale, scales_text(all, scale)));
    }
    constexpr std::array<std::string_view, 4> keys{"seeds", "kernels", "set", "axes"};
    require_keys(*chosen, keys, fmt::format("[scale.{}]", scale), source_);
    if (const auto* settings = find_table(*chosen, "set", source_)) {
      for (const Entry& entry : entries_of(*settings, source_)) {
        draft_.apply(entry);
        narrow(entry.name);
      }
    }
    apply_grid(*chosen);
    apply_kernels(*chosen);
  }

  void apply_overrides(std::span<const std::string> overrides) {
    for (const std::string& text : overrides) {
      const std::string name = draft_.apply_override(text);
      const std::string where = "--set " + text;
      if (name == "train.seed") {
        throw usage_error(where, "train.seed: a sweep takes its seeds from sweep.seeds");
      }
      if (std::ranges::find(sweep_.axes, find_field(name), &Axis::field) != sweep_.axes.end()) {
        throw usage_error(where, fmt::format("{} is an axis of the sweep; a [scale.NAME] with "
                                             "set.{} makes it one value",
                                             name, name));
      }
    }
  }

  [[nodiscard]] Sweep finish() {
    sweep_.base = draft_.config();
    if (draft_.where("record.snapshots").empty()) sweep_.base.record.snapshots = 0;
    // What the runs vary is no part of the base.
    const auto reset = [&](const Field& f) { set(f, get(f, Config{}), sweep_.base); };
    for (const Axis& axis : sweep_.axes) reset(*axis.field);
    reset(*find_field("train.seed"));
    return std::move(sweep_);
  }

 private:
  /// The key was set after its axis (or the seeds) was: that value is now all of it.
  void narrow(std::string_view name) {
    const Config& config = draft_.config();
    if (name == "train.seed") sweep_.seeds = {config.train.seed};
    for (Axis& axis : sweep_.axes) {
      if (axis.field->name == name) axis.values = {get(*axis.field, config)};
    }
  }

  void apply_grid(const toml::table& table) {
    if (const toml::node* seeds = table.get("seeds")) apply_seeds(table, *seeds);
    const auto* axes = find_table(table, "axes", source_);
    if (axes == nullptr) return;
    for (const Entry& entry : entries_of(*axes, source_)) apply_axis(entry);
  }

  /// A number of seeds, or their values.
  void apply_seeds(const toml::table& table, const toml::node& node) {
    const Entry entry{"seeds", &node, place(source_, table.find("seeds")->first)};
    if (!node.is_number()) return set_seeds(listed_values(entry), entry.where);
    const double count = node.value<double>().value_or(0);
    constexpr auto most = static_cast<double>(most_axis_values);
    if (!(count >= 1 && count <= most) || count != std::floor(count)) {
      throw usage_error(entry.where,
                        fmt::format("seeds = {}: expected a whole number from 1 to {}, or a list",
                                    to_text(value_of(node).value()), most_axis_values));
    }
    std::vector<Value> values(static_cast<std::size_t>(count));
    for (std::size_t seed = 0; seed < values.size(); ++seed) {
      values[seed] = static_cast<std::int64_t>(seed);
    }
    set_seeds(values, entry.where);
  }

  void set_seeds(const std::vector<Value>& values, std::string_view where) {
    sweep_.seeds.clear();
    for (const Value& seed : distinct_values(*find_field("train.seed"), values, where)) {
      sweep_.seeds.push_back(std::get<std::int64_t>(seed));
    }
  }

  void apply_kernels(const toml::table& sweep) {
    const toml::node* node = sweep.get("kernels");
    if (node == nullptr) return;
    const auto* name = node->as_string();
    const auto* const found =
        name == nullptr ? kernel_names.end() : std::ranges::find(kernel_names, name->get());
    if (found == kernel_names.end()) {
      throw usage_error(
          place(source_, sweep.find("kernels")->first),
          fmt::format("kernels: expected \"{}\"", fmt::join(kernel_names, "\" or \"")));
    }
    sweep_.kernels = static_cast<Kernels>(found - kernel_names.begin());
  }

  void apply_axis(const Entry& entry) {
    const Field* field = find_field(entry.name);
    if (field == nullptr) throw usage_error(entry.where, unknown_key(entry.name));
    if (field->name == "train.seed") return set_seeds(listed_values(entry), entry.where);
    if (field->name == "record.publish_seconds") {
      throw usage_error(entry.where,
                        "record.publish_seconds is no axis: it makes no other run; set it in "
                        "[record]");
    }
    Axis axis{field, distinct_values(*field, listed_values(entry), entry.where)};
    const auto same = std::ranges::find(sweep_.axes, field, &Axis::field);
    if (same != sweep_.axes.end()) {
      *same = std::move(axis);
    } else {
      sweep_.axes.push_back(std::move(axis));
    }
  }

  const toml::table& document_;
  std::string source_;
  Draft draft_;
  Sweep sweep_;
};

/// Seeds in a row are written by their ends.
std::string seeds_text(const std::vector<std::int64_t>& seeds) {
  const bool in_a_row = std::ranges::adjacent_find(seeds, [](std::int64_t a, std::int64_t b) {
                          return b != a + 1;
                        }) == seeds.end();
  return in_a_row && seeds.size() > 1
             ? fmt::format("{{ from = {}, to = {} }}", seeds.front(), seeds.back())
             : fmt::format("[{}]", fmt::join(seeds, ", "));
}

}  // namespace

Sweep load_sweep(const std::filesystem::path& file, std::optional<std::string_view> scale,
                 std::span<const std::string> overrides) {
  return parse_sweep(read_text(file, most_sweep_bytes), file.string(), scale, overrides);
}

Sweep parse_sweep(std::string_view text, const std::string& source_name,
                  std::optional<std::string_view> scale, std::span<const std::string> overrides) {
  const toml::table document = parse_document(text, source_name, most_sweep_bytes);
  SweepDraft draft(document, source_name);
  draft.apply_base();
  if (scale) draft.apply_scale(*scale);
  draft.apply_overrides(overrides);
  return draft.finish();
}

std::string to_toml(const Sweep& sweep) {
  std::vector<std::string_view> varied{"train.seed"};
  for (const Axis& axis : sweep.axes) varied.push_back(axis.field->name);
  std::string text = to_toml(sweep.base, varied);
  text += fmt::format("\n[sweep]\nseeds = {}\nkernels = \"{}\"\n", seeds_text(sweep.seeds),
                      kernel_names.at(static_cast<std::size_t>(sweep.kernels)));
  if (!sweep.axes.empty()) text += "\n[sweep.axes]\n";
  for (const Axis& axis : sweep.axes) {
    std::vector<std::string> values;
    for (const Value& value : axis.values) {
      const bool absent = std::holds_alternative<std::monostate>(value);
      values.push_back(absent ? fmt::format("\"{}\"", not_set) : to_text(value));
    }
    text += fmt::format("{} = [{}]\n", axis.field->name, fmt::join(values, ", "));
  }
  return text;
}

}  // namespace icl::config
