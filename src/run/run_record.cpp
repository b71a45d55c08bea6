#include "icl/run/run_record.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "icl/config/field_values.hpp"
#include "icl/core/enumeration.hpp"
#include "icl/nn/parameter.hpp"
#include "icl/run/numerics.hpp"
#include "icl/store/envelope.hpp"

namespace icl::run {
namespace {

constexpr auto status_names =
    std::to_array<std::string_view>({"running", "done", "interrupted", "diverged"});
static_assert(status_names.size() == enumerator_count<RunStatus>());

std::string hash_of(const std::string& text) {
  return store::hash_hex(std::as_bytes(std::span(text)));
}

}  // namespace

std::string_view to_string(RunStatus status) {
  return status_names.at(static_cast<std::size_t>(status));
}

std::optional<RunStatus> status_from(std::string_view text) {
  const auto* found = std::ranges::find(status_names, text);
  if (found == status_names.end()) return std::nullopt;
  return static_cast<RunStatus>(found - status_names.begin());
}

RunRecord new_record(const config::Config& config,
                     std::span<const nn::Parameter* const> parameters) {
  RunRecord record;
  record.config = config;
  record.numerics = numerics_version(config);
  record.columns = train::metrics(config, parameters);
  record.metrics.resize(record.columns.size());
  record.snapshots.resize(parameters.size());
  record.activations.resize(probe::activation_shapes(config).size());
  for (const nn::Parameter* parameter : parameters) {
    const auto shape = parameter->value.shape();
    record.parameters.push_back({parameter->name, parameter->axes, {shape.begin(), shape.end()}});
  }
  return record;
}

std::int64_t first_step(const RunRecord& record) {
  return record.origin ? record.origin->state.progress.step : 0;
}

std::span<const double> column(const RunRecord& run, std::string_view name) {
  const auto at = std::ranges::find(run.columns, name, &train::Metric::name);
  if (at == run.columns.end()) return {};
  return run.metrics[static_cast<std::size_t>(at - run.columns.begin())];
}

std::string config_hash(const config::Config& config) {
  std::vector<std::string> lines;
  for (const config::Field& field : config::fields()) {
    if (field.decides == config::Decides::writing) continue;
    const config::Value value = config::get(field, config);
    if (value == config::get(field, config::Config{})) continue;
    lines.push_back(fmt::format("{} = {}\n", field.name, config::to_text(value)));
  }
  std::ranges::sort(lines);
  return hash_of(fmt::format("{}", fmt::join(lines, "")));
}

std::string run_hash(const RunRecord& run) {
  std::string config = config_hash(run.config);
  if (!run.origin) return config;
  return hash_of(fmt::format("{} branch of {} at {}", config, run.origin->parent_hash,
                             run.origin->state.progress.step));
}

}  // namespace icl::run
