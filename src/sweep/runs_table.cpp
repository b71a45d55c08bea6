#include "icl/sweep/runs_table.hpp"

#include <algorithm>
#include <limits>

namespace icl::sweep {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

template <class T>
double or_nan(const std::optional<T>& value) {
  return value ? static_cast<double>(*value) : nan;
}

}  // namespace

store::Column axis_column(const std::vector<Row>& rows, const config::Field& field,
                          std::size_t axis) {
  const std::string name(field.name);
  const bool text = std::ranges::any_of(
      rows, [&](const Row& r) { return std::holds_alternative<std::string>(r.place[axis]); });
  if (text) {
    return {name, column(rows, [&](const Row& r) {
              const auto* value = std::get_if<std::string>(&r.place[axis]);
              return value == nullptr ? std::string() : *value;
            })};
  }
  const bool integers = std::ranges::all_of(
      rows, [&](const Row& r) { return std::holds_alternative<std::int64_t>(r.place[axis]); });
  if (integers && !std::holds_alternative<config::DiversityAccess>(field.access) &&
      !std::holds_alternative<config::NumberAccess>(field.access)) {
    return {name,
            column(rows, [&](const Row& r) { return std::get<std::int64_t>(r.place[axis]); })};
  }
  return {name, column(rows, [&](const Row& r) { return number_of(r.place[axis]); })};
}

std::vector<store::Column> runs_table(const Collector& runs, const Plan& plan) {
  const std::vector<Row>& rows = runs.rows;
  std::vector<store::Column> columns;
  columns.push_back({"hash", column(rows, [](const Row& r) { return r.hash; })});
  const auto varied = plan.sweep().varied();
  for (std::size_t i = 0; i < varied.size(); ++i) {
    columns.push_back(axis_column(rows, *varied[i], i));
  }
  columns.push_back({"seed", column(rows, [](const Row& r) { return r.seed; })});
  columns.push_back(
      {"status", column(rows, [](const Row& r) { return std::string(run::to_string(r.status)); })});
  columns.push_back({"stop_reason", column(rows, [](const Row& r) { return r.stop_reason; })});
  const auto integers = [&](const char* name, auto get) {
    columns.push_back({name, column(rows, [&](const Row& r) { return std::int64_t{get(r)}; })});
  };
  // Steps that were not reached are NaN, so all of them are numbers.
  const auto steps = [&](const char* name, auto get) {
    columns.push_back({name, column(rows, [&](const Row& r) { return or_nan(get(r)); })});
  };
  const auto theory_column = [&](const char* name, auto get) {
    columns.push_back({name, column(rows, [&](const Row& r) {
                         return r.theory ? or_nan(get(*r.theory)) : nan;
                       })});
  };
  integers("last_step", [](const Row& r) { return r.last_step; });
  integers("horizon", [](const Row& r) { return r.horizon; });
  integers("numerics_version", [](const Row& r) { return r.numerics; });
  integers("acquired", [](const Row& r) { return r.t_icl_step ? 1 : 0; });
  steps("t_icl_step", [](const Row& r) { return r.t_icl_step; });
  steps("t_icl_previous", [](const Row& r) { return r.t_icl_previous; });
  steps("t_lost_step", [](const Row& r) { return r.t_lost_step; });
  steps("t_icl_step_refined", [](const Row& r) { return r.t_icl_refined; });
  theory_column("theory_tau_star",
                [](const theory::Prediction& t) { return std::optional(t.tau_star); });
  theory_column("theory_t_icl_step_from_initial",
                [](const theory::Prediction& t) { return std::optional(t.initial_steps); });
  theory_column("theory_t_icl_step_from_measured",
                [](const theory::Prediction& t) { return t.measured_steps; });
  for (std::size_t m = 0; m < runs.columns.size(); ++m) {
    columns.push_back({"final_" + runs.columns[m].name, column(rows, [&](const Row& r) {
                         const bool has = m < r.metrics.size() && !r.metrics[m].empty();
                         return has ? r.metrics[m].back() : nan;
                       })});
  }
  columns.push_back({"file", column(rows, [](const Row& r) { return r.file; })});
  return columns;
}

}  // namespace icl::sweep
