#include "icl/io/encode.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "icl/config/fields.hpp"
#include "icl/config/toml.hpp"
#include "icl/io/envelope.hpp"
#include "icl/task/seeds.hpp"
#include "icl/train/metrics.hpp"

namespace icl::io {
namespace {

/// [first, shape...].
Extents extents(std::optional<std::size_t> first, const std::vector<std::int64_t>& shape) {
  Extents all;
  if (first) all.push_back(*first);
  for (const std::int64_t extent : shape) all.push_back(static_cast<std::uint64_t>(extent));
  return all;
}

void write_root(Hdf5Writer& file, const RunRecord& run) {
  file.attribute("/", "format", std::string(run_format));
  file.attribute("/", "format_version", run_format_version);
  file.attribute("/", "numerics_version", run.numerics);
  file.attribute("/", "status", std::string(to_string(run.status)));
  file.attribute("/", "stop_reason", run.stop_reason);
  file.attribute("/", "step", run.step);
  file.attribute("/", "mixed_kernel_sets", std::int64_t{run.mixed_kernel_sets ? 1 : 0});
  file.attribute("/", "NX_class", std::string("NXroot"));
  file.attribute("/", "default", std::string("metrics"));
}

void write_config(Hdf5Writer& file, const config::Config& config) {
  file.group("/config");
  file.text("/config/toml", config::to_toml(config));
  for (const config::Field& field : config::fields()) {
    const config::Value value = config::get(field, config);
    const std::string name(field.name);
    if (const auto* integer = std::get_if<std::int64_t>(&value)) {
      file.attribute("/config", name, *integer);
    } else if (const auto* number = std::get_if<double>(&value)) {
      file.attribute("/config", name, *number);
    } else if (const auto* text = std::get_if<std::string>(&value)) {
      file.attribute("/config", name, *text);
    }
  }
  // The seeds in force where the configuration leaves them to train.seed.
  const task::Seeds seeds(config);
  if (!config.seed.init) file.attribute("/config", "seed.init", seeds.init);
  if (!config.seed.items) file.attribute("/config", "seed.items", seeds.items);
  if (!config.seed.data) file.attribute("/config", "seed.data", seeds.data);
  if (!config.seed.eval) file.attribute("/config", "seed.eval", seeds.eval);
}

void write_step_axis(GroupWriter& group, const std::vector<std::int64_t>& steps) {
  group.axis("step", steps);
  group.dataset_attribute("step", "units", std::string("1"));
  group.dataset_attribute("step", "long_name", std::string("completed parameter updates"));
}

void write_metrics(Hdf5Writer& file, const RunRecord& run) {
  GroupWriter group(file, "/metrics");
  group.attribute("NX_class", std::string("NXdata"));
  group.attribute("signal", std::string("icl_accuracy"));
  group.attribute("auxiliary_signals", std::vector<std::string>{"iwl_accuracy", "train_accuracy"});
  group.attribute("axes", std::vector<std::string>{"step"});
  if (run.t_icl_step) group.attribute("t_icl_step", *run.t_icl_step);
  write_step_axis(group, run.metric_steps);
  for (std::size_t i = 0; i < run.metrics.size(); ++i) {
    const train::Metric& metric = train::metrics()[i];
    group.dataset(std::string(metric.name), {"step"}, {run.metrics[i].size()},
                  std::span(run.metrics[i]), std::string(metric.units),
                  std::string(metric.long_name));
  }
}

/// One dataset for each parameter, with a first axis `step` if `steps` are given.
void write_parameters(GroupWriter& group, const RunRecord& run,
                      const std::vector<std::int64_t>* steps,
                      const std::vector<std::vector<Real>>& values) {
  if (steps != nullptr) write_step_axis(group, *steps);
  for (std::size_t i = 0; i < run.parameters.size(); ++i) {
    const ParameterShape& p = run.parameters[i];
    for (std::size_t axis = 0; axis < p.axes.size(); ++axis)
      group.axis(p.axes[axis], p.shape[axis]);
    std::vector<std::string> axes = p.axes;
    if (steps != nullptr) axes.insert(axes.begin(), "step");
    const auto first = steps != nullptr ? std::optional(steps->size()) : std::nullopt;
    group.dataset(p.name, axes, extents(first, p.shape), std::span(values[i]), "1",
                  fmt::format("parameter {}", p.name));
    group.dataset_attribute(p.name, "torch_name", p.name);
    group.dataset_attribute(p.name, "order", static_cast<std::int64_t>(i));
  }
}

void write_state(Hdf5Writer& file, const std::string& path, const RunRecord& run,
                 const train::State& state) {
  GroupWriter group(file, path);
  const train::Progress& p = state.progress;
  group.attribute("step", p.step);
  group.attribute("train_loss_sum", p.train_loss);
  group.attribute("train_correct", p.train_correct);
  group.attribute("train_sequences", p.train_sequences);
  if (p.t_icl_step) group.attribute("t_icl_step", *p.t_icl_step);
  write_parameters(group, run, nullptr, state.parameters);
}

}  // namespace

GroupWriter::GroupWriter(Hdf5Writer& file, std::string path) : file_(file), path_(std::move(path)) {
  file_.group(path_);
}

void GroupWriter::axis(const std::string& name, const std::vector<std::int64_t>& values) {
  add_axis(name, values.size(), std::span(values));
}

void GroupWriter::axis(const std::string& name, const std::vector<double>& values) {
  add_axis(name, values.size(), std::span(values));
}

void GroupWriter::add_axis(const std::string& name, std::size_t length, const ArrayView& values) {
  if (std::ranges::find(axes_, name) != axes_.end()) return;
  axes_.push_back(name);
  file_.dataset(at(name), {length}, values);
  file_.scale(at(name), name);
}

void GroupWriter::axis(const std::string& name, std::int64_t length) {
  std::vector<std::int64_t> index(static_cast<std::size_t>(length));
  std::iota(index.begin(), index.end(), 0);
  axis(name, index);
}

void GroupWriter::dataset(const std::string& name, const std::vector<std::string>& axes,
                          const Extents& shape, const ArrayView& values, const std::string& units,
                          const std::string& long_name) {
  file_.dataset(at(name), shape, values);
  for (std::size_t i = 0; i < axes.size(); ++i) file_.attach_scale(at(name), i, at(axes[i]));
  file_.attribute(at(name), "units", units);
  file_.attribute(at(name), "long_name", long_name);
}

void GroupWriter::attribute(const std::string& name, const AttributeValue& value) {
  file_.attribute(path_, name, value);
}

void GroupWriter::dataset_attribute(const std::string& dataset, const std::string& name,
                                    const AttributeValue& value) {
  file_.attribute(at(dataset), name, value);
}

std::vector<std::byte> encode(const RunRecord& run) {
  Hdf5Writer file;
  write_root(file, run);
  write_config(file, run.config);
  write_metrics(file, run);
  GroupWriter snapshots(file, "/snapshots");
  write_parameters(snapshots, run, &run.snapshot_steps, run.snapshots);
  if (run.state) write_state(file, "/state", run, *run.state);
  if (run.origin) {
    write_state(file, "/origin", run, run.origin->state);
    file.attribute("/origin", "parent_xxh128", run.origin->parent_hash);
  }
  file.group("/provenance");
  for (const auto& [name, value] : run.provenance) file.attribute("/provenance", name, value);
  std::vector<std::byte> image = std::move(file).finish();
  Envelope envelope;
  envelope.status = to_string(run.status);
  envelope.step = run.step;
  envelope.t_icl_step = run.t_icl_step;
  envelope.config_xxh128 = run_hash(run);
  seal(image, std::move(envelope));
  return image;
}

}  // namespace icl::io
