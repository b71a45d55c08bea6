#include "sweep_grids.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "document.hpp"
#include "draft.hpp"
#include "icl/config/field_values.hpp"
#include "node_value.hpp"
#include "spacing.hpp"
#include "sweep_axis.hpp"

namespace icl::config {
namespace {

const Field& grid_field(const Entry& entry) {
  const Field* field = find_field(entry.name);
  if (field == nullptr) throw usage_error(entry.where, unknown_key(entry.name));
  if (field->name == "train.seed") {
    throw usage_error(entry.where, "train.seed: all grids have the seeds of sweep.seeds");
  }
  return *field;
}

Sweep::Grid read_grid(const toml::table& table, std::string_view source) {
  Sweep::Grid grid;
  for (const Entry& entry : entries_of(table, source)) {
    const Field& field = grid_field(entry);
    const bool several = entry.node->is_array() || entry.node->is_table();
    const auto one = several ? std::nullopt : value_for(field, *entry.node);
    grid.push_back(axis_of(entry, field, one ? std::vector{*one} : listed_values(entry, field)));
  }
  return grid;
}

}  // namespace

void Grids::replace(const toml::node& node, std::string_view where, std::string_view source) {
  const auto* list = node.as_array();
  const bool tables = list != nullptr && std::ranges::all_of(*list, [](const toml::node& grid) {
                        return grid.is_table();
                      });
  if (!tables) {
    throw usage_error(where, "grid: expected tables, each under a line [[sweep.grid]]");
  }
  grids_.clear();
  grids_.reserve(list->size());
  for (const toml::node& table : *list) grids_.push_back(read_grid(*table.as_table(), source));
}

void Grids::narrow(const Field& field, const Value& value) {
  for (Sweep::Grid& grid : grids_) {
    if (Axis* axis = find_axis(grid, &field)) axis->values = {value};
  }
}

void Grids::forget(const Field* field) {
  for (Sweep::Grid& grid : grids_) {
    std::erase_if(grid, [&](const Axis& axis) { return axis.field == field; });
  }
}

bool Grids::name(const Field* field) const {
  return std::ranges::any_of(
      grids_, [&](const Sweep::Grid& grid) { return find_axis(grid, field) != nullptr; });
}

void Grids::finish(Sweep& sweep) const {
  std::vector<const Field*> named;
  for (const Sweep::Grid& grid : grids_) {
    for (const Axis& axis : grid) {
      if (std::ranges::find(named, axis.field) == named.end()) named.push_back(axis.field);
    }
  }
  if (named.empty()) return;  // as one grid of nothing, or none
  for (const Sweep::Grid& grid : grids_) {
    Sweep::Grid whole;
    for (const Field* field : named) {
      const Axis* own = find_axis(grid, field);
      const Axis* shared = find_axis(sweep.axes, field);
      whole.push_back(own != nullptr      ? *own
                      : shared != nullptr ? *shared
                                          : Axis{field, {get(*field, sweep.base)}});
    }
    sweep.grids.push_back(std::move(whole));
  }
  std::erase_if(sweep.axes, [&](const Axis& axis) {
    return std::ranges::find(named, axis.field) != named.end();
  });
}

}  // namespace icl::config
