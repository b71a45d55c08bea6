#include "sweep_axis.hpp"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "icl/config/field_values.hpp"

namespace icl::config {

std::vector<Value> distinct_values(const Entry& entry, const Field& field,
                                   const std::vector<Value>& values) {
  const bool merges = entry.node->is_table();  // a spacing
  std::vector<Value> distinct;
  std::set<Value> seen;
  Config scratch;
  for (const Value& value : values) {
    try {
      set(field, value, scratch);
    } catch (const Error& error) {
      throw usage_error(entry.where, error.what());
    }
    Value held = get(field, scratch);
    if (!seen.insert(held).second && !merges) {
      throw usage_error(entry.where,
                        fmt::format("{}: the value {} is there twice", field.name, to_text(held)));
    }
    if (distinct.size() < seen.size()) distinct.push_back(std::move(held));
  }
  return distinct;
}

Axis axis_of(const Entry& entry, const Field& field, const std::vector<Value>& values) {
  if (field.decides == Decides::writing) {
    throw usage_error(
        entry.where, fmt::format("{} is no axis: it makes no other run; set it in [{}]", field.name,
                                 section_of(field)));
  }
  return {&field, distinct_values(entry, field, values)};
}

}  // namespace icl::config
