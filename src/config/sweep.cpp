#include "icl/config/sweep.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "check.hpp"
#include "document.hpp"
#include "draft.hpp"
#include "icl/config/field_values.hpp"
#include "icl/config/nearest.hpp"
#include "icl/config/toml.hpp"
#include "node_value.hpp"
#include "spacing.hpp"
#include "sweep_axis.hpp"
#include "sweep_grids.hpp"
#include "trim.hpp"
#include "value_text.hpp"

namespace icl::config {
namespace {

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

const Field& seed_field() { return *find_field("train.seed"); }

/// A sweep that is being put together from its base, a scale and overrides.
class SweepDraft {
 public:
  SweepDraft(const toml::table& document, std::string_view source)
      : document_(document), source_(source) {}

  void apply_base() {
    toml::table base = document_;
    base.erase("sweep");
    base.erase("scale");
    require_descriptions(document_, source_);
    base.erase("item");
    base.erase("check");
    for (const Entry& entry : entries_of(base, source_)) draft_.apply(entry);
    if (!draft_.where("train.seed").empty()) narrow("train.seed");
    if (const auto* sweep = find_table(document_, "sweep", source_)) {
      constexpr std::array<std::string_view, 4> keys{"seeds", "kernels", "axes", "grid"};
      require_keys(*sweep, keys, "[sweep]", source_);
      apply_runs(*sweep);
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
    constexpr std::array<std::string_view, 5> keys{"seeds", "kernels", "set", "axes", "grid"};
    require_keys(*chosen, keys, fmt::format("[scale.{}]", scale), source_);
    if (const auto* settings = find_table(*chosen, "set", source_)) {
      for (const Entry& entry : entries_of(*settings, source_)) {
        draft_.apply(entry);
        narrow(entry.name);
      }
    }
    apply_runs(*chosen);
    apply_kernels(*chosen);
  }

  /// "data.N=20,40,80": in place of an axis, of the key in all grids, or of a setting.
  void apply_axis(const std::string& text) {
    const std::string where = "--axis " + text;
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos) throw usage_error(where, "expected KEY=VALUES");
    const std::string name(trim(std::string_view(text).substr(0, equals)));
    const auto list =
        parse_list(std::string_view(text).substr(equals + 1), where, find_field(name));
    apply_axis(Entry{name, list.get("value"), where});
    grids_.forget(find_field(name));
  }

  void apply_seeds(std::string_view text) {
    const std::string where = fmt::format("--seeds {}", text);
    const auto list = parse_list(text, where, nullptr);
    const auto* values = list.get("value")->as_array();
    // One number is how many; a list of one is [3].
    const bool is_count = values != nullptr && values->size() == 1 && !text.starts_with('[');
    apply_seeds({"seeds", is_count ? values->get(0) : list.get("value"), where});
  }

  void apply_overrides(std::span<const std::string> overrides) {
    for (const std::string& text : overrides) {
      const std::string name = draft_.apply_override(text);
      const std::string where = "--set " + text;
      if (name == "train.seed") {
        throw usage_error(where, "train.seed: a sweep takes its seeds from sweep.seeds");
      }
      const Field* field = find_field(name);
      if (grids_.name(field) || find_axis(sweep_.axes, field) != nullptr) {
        throw usage_error(where, fmt::format("{} is an axis of the sweep; --axis {}=VALUE makes it "
                                             "one value",
                                             name, name));
      }
    }
  }

  [[nodiscard]] Sweep finish() {
    sweep_.base = draft_.config();
    if (draft_.where("record.snapshots").empty()) sweep_.base.record.snapshots = 0;
    grids_.finish(sweep_);
    // What the runs vary is no part of the base.
    const auto reset = [&](const Field& f) { set(f, get(f, Config{}), sweep_.base); };
    for (const Field* field : sweep_.varied()) reset(*field);
    reset(seed_field());
    return std::move(sweep_);
  }

 private:
  /// The key was set after its axis (or the seeds) was: that value is now all of it.
  void narrow(std::string_view name) {
    const Config& config = draft_.config();
    if (name == "train.seed") sweep_.seeds = {config.train.seed};
    const Field& field = *find_field(name);
    if (Axis* axis = find_axis(sweep_.axes, &field)) axis->values = {get(field, config)};
    grids_.narrow(field, get(field, config));
  }

  void apply_runs(const toml::table& table) {
    if (const toml::node* seeds = table.get("seeds")) {
      apply_seeds({"seeds", seeds, place(source_, table.find("seeds")->first)});
    }
    if (const auto* axes = find_table(table, "axes", source_)) {
      for (const Entry& entry : entries_of(*axes, source_)) {
        apply_axis(entry);
        grids_.forget(find_field(entry.name));
      }
    }
    if (const toml::node* grids = table.get("grid")) {
      grids_.replace(*grids, place(source_, table.find("grid")->first), source_);
    }
  }

  /// A number of seeds, or their values.
  void apply_seeds(const Entry& entry) {
    if (!entry.node->is_number()) return set_seeds(entry, listed_values(entry, seed_field()));
    const double count = entry.node->value<double>().value_or(0);
    constexpr auto most = static_cast<double>(most_axis_values);
    if (!(count >= 1 && count <= most) || count != std::floor(count)) {
      throw usage_error(entry.where,
                        fmt::format("seeds = {}: expected a whole number from 1 to {}, or a list",
                                    to_text(value_of(*entry.node).value()), most_axis_values));
    }
    std::vector<Value> values(static_cast<std::size_t>(count));
    for (std::size_t seed = 0; seed < values.size(); ++seed) {
      values[seed] = static_cast<std::int64_t>(seed);
    }
    set_seeds(entry, values);
  }

  void set_seeds(const Entry& entry, const std::vector<Value>& values) {
    sweep_.seeds.clear();
    for (const Value& seed : distinct_values(entry, seed_field(), values)) {
      sweep_.seeds.push_back(std::get<std::int64_t>(seed));
    }
  }

  void apply_kernels(const toml::table& sweep) {
    const toml::node* node = sweep.get("kernels");
    if (node == nullptr) return;
    const auto* name = node->as_string();
    const auto kernels = name == nullptr ? std::nullopt : choice_of<Kernels>(name->get());
    if (!kernels) {
      throw usage_error(
          place(source_, sweep.find("kernels")->first),
          fmt::format("kernels: expected \"{}\"", fmt::join(words_of<Kernels>, "\" or \"")));
    }
    sweep_.kernels = *kernels;
  }

  void apply_axis(const Entry& entry) {
    const Field* field = find_field(entry.name);
    if (field == nullptr) throw usage_error(entry.where, unknown_key(entry.name));
    if (field->name == "train.seed") return set_seeds(entry, listed_values(entry, *field));
    Axis axis = axis_of(entry, *field, listed_values(entry, *field));
    if (Axis* same = find_axis(sweep_.axes, field)) {
      *same = std::move(axis);
    } else {
      sweep_.axes.push_back(std::move(axis));
    }
  }

  const toml::table& document_;
  std::string source_;
  Draft draft_;
  Sweep sweep_;
  Grids grids_;
};

}  // namespace

std::vector<const Field*> Sweep::varied() const {
  std::vector<const Field*> fields;
  for (const Axis& axis : axes) fields.push_back(axis.field);
  if (grids.empty()) return fields;
  for (const Axis& axis : grids.front()) fields.push_back(axis.field);
  return fields;
}

std::vector<Value> Sweep::values_of(const Field& field) const {
  std::vector<Value> values;
  const auto add = [&](const Grid& grid) {
    const auto axis = std::ranges::find(grid, &field, &Axis::field);
    if (axis == grid.end()) return;
    for (const Value& value : axis->values) {
      if (std::ranges::find(values, value) == values.end()) values.push_back(value);
    }
  };
  add(axes);
  std::ranges::for_each(grids, add);
  return values;
}

Sweep load_sweep(const std::filesystem::path& file, const SweepChange& change) {
  return parse_sweep(read_text(file, most_sweep_bytes), source_name_of(file), change);
}

Sweep parse_sweep(std::string_view text, const std::string& source_name,
                  const SweepChange& change) {
  const toml::table document = parse_document(text, source_name, most_sweep_bytes);
  SweepDraft draft(document, source_name);
  draft.apply_base();
  if (change.scale) draft.apply_scale(*change.scale);
  for (const std::string& axis : change.axes) draft.apply_axis(axis);
  if (change.seeds) draft.apply_seeds(*change.seeds);
  draft.apply_overrides(change.overrides);
  return draft.finish();
}

}  // namespace icl::config
