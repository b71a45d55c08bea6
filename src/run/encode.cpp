#include "icl/run/encode.hpp"

#include <fmt/format.h>

#include <utility>
#include <variant>

#include "icl/config/toml.hpp"
#include "icl/probe/probe.hpp"
#include "icl/run/config_group.hpp"
#include "icl/run/label_column.hpp"
#include "icl/run/model_group.hpp"
#include "icl/run/stretches.hpp"
#include "icl/run/weights.hpp"
#include "icl/store/envelope.hpp"
#include "icl/train/optimizer.hpp"

namespace icl::run {
namespace {

/// The text of the root group is for people: what decode() needs of it stands in the block or in
/// /metrics as well.
void write_root(store::Hdf5Writer& file, const RunRecord& run) {
  file.root_text("format", "icl run");
  file.attribute("/", "format_version", store::format_version);
  file.attribute("/", "numerics_version", run.numerics);
  file.root_text("status", std::string(to_string(run.status)));
  file.root_text("stop_reason", run.stop_reason);
  file.attribute("/", "step", run.step);
  file.attribute("/", "mixed_kernel_sets", std::int64_t{run.mixed_kernel_sets ? 1 : 0});
  file.root_text("NX_class", "NXroot");
  file.root_text("default", "metrics");
}

void write_metrics(store::Hdf5Writer& file, const RunRecord& run) {
  store::GroupWriter group(file, "/metrics");
  std::vector<std::string> others = chief_metrics(run.config);
  const std::string first = std::move(others.front());
  others.erase(others.begin());
  group.plot(first, {"step"}, title_of(run.config), others);
  say_which_run(group, run.config);
  group.attribute("status", std::string(to_string(run.status)));
  group.attribute("stop_reason", run.stop_reason);
  if (run.t_icl_step) group.attribute("t_icl_step", *run.t_icl_step);
  if (run.t_icl_refined) group.attribute("t_icl_step_refined", *run.t_icl_refined);
  group.axis("step", run.metric_steps);
  group.caption("step", step_caption());
  for (std::size_t i = 0; i < run.metrics.size(); ++i) {
    const train::Metric& metric = run.columns[i];
    group.dataset(metric.name, {"step"}, {run.metrics[i].size()}, std::span(run.metrics[i]),
                  caption_of(metric));
    say_source(group, metric);
  }
}

/// What the minimal theory says of the run, beside t_icl_step.
void write_theory(store::Hdf5Writer& file, const std::optional<RunPrediction>& prediction) {
  if (!prediction) return;
  file.group("/theory");
  const auto put = [&](const char* name, const store::AttributeValue& value) {
    file.attribute("/theory", name, value);
  };
  put("model", std::string("gradient flow of the minimal model, dw/dt = (c1/n)(e^beta - c2 w), "
                           "dbeta/dt = (c1/n) w e^beta, t = learning rate x step; no decay"));
  put("source", std::string(probe::of_the_paper) + "; derived again for icl");
  put("n", prediction->n);
  if (!prediction->theory) {
    put("says_nothing_because", prediction->reason);
    return;
  }
  put("beta0", prediction->start.beta);
  put("w0", prediction->start.w);
  put("tau_star", prediction->theory->tau_star);
  put("t_icl_step_from_initial", prediction->theory->initial_steps);
  put("acquired_from_measured", std::int64_t{prediction->theory->measured_steps ? 1 : 0});
  if (prediction->theory->measured_steps) {
    put("t_icl_step_from_measured", *prediction->theory->measured_steps);
  }
}

/// What an optimiser remembers, a group for each of its moments; nothing if that is nothing.
void write_moments(store::Hdf5Writer& file, const std::string& path, const RunRecord& run,
                   const train::Moments& moments) {
  for (const train::Moments::Tensor& tensor : moments.tensors) {
    store::GroupWriter group(file, fmt::format("{}/{}", path, tensor.name));
    if (&tensor == &moments.tensors.front()) group.attribute("updates", moments.updates);
    write_parameters(group, run.parameters, nullptr, tensor.values);
  }
}

/// The same at each snapshot, under /snapshots.
void write_snapshot_moments(store::Hdf5Writer& file, const RunRecord& run) {
  if (run.snapshot_moments.empty()) return;
  const config::Optimizer optimizer = run.config.train.optimizer;
  std::vector<std::int64_t> updates;
  updates.reserve(run.snapshot_moments.size());
  for (const train::Moments& moments : run.snapshot_moments) updates.push_back(moments.updates);
  const auto names = train::moment_names(optimizer);
  for (std::size_t which = 0; which < names.size(); ++which) {
    std::vector<std::vector<Real>> values(run.parameters.size());
    for (const train::Moments& moments : run.snapshot_moments) {
      for (std::size_t i = 0; i < values.size(); ++i) {
        const std::vector<Real>& more = moments.tensors[which].values[i];
        values[i].insert(values[i].end(), more.begin(), more.end());
      }
    }
    store::GroupWriter group(file, fmt::format("/snapshots/{}", names[which]));
    write_parameters(group, run.parameters, &run.snapshot_steps, values);
    group.dataset("updates", {"step"}, {updates.size()}, std::span<const std::int64_t>(updates),
                  {"1", fmt::format("updates that {} has made", train::title_of(optimizer))});
  }
}

/// The sequences on which activations are recorded, and these.
void write_fixed_set(store::Hdf5Writer& file, const RunRecord& run) {
  const probe::FixedSequences& set = run.probe_set;
  if (set.count == 0) return;
  const auto b = static_cast<std::uint64_t>(set.count);
  const auto n = static_cast<std::uint64_t>(set.length);
  const auto d = static_cast<std::uint64_t>(set.dimension);
  store::GroupWriter sequences(file, "/probe_set");
  sequences.axis("sequence", set.count);
  sequences.axis("position", set.length);
  sequences.axis("dimension", set.dimension);
  sequences.dataset("x", {"sequence", "position", "dimension"}, {b, n, d}, std::span(set.x),
                    {"1", "item", "items of each sequence; the last one is the target"});
  const LabelColumn labels(run.config);
  labels.write(
      sequences, "label", {"sequence", "position"}, {b, n}, set.label,
      {"1", "label", fmt::format("label in each token, {}; 0 for the target", labels.values())});
  labels.write(sequences, "answer", {"sequence"}, {b}, set.answer,
               {"1", "answer", fmt::format("the target's label, {}", labels.values())});
  sequences.dataset("novel", {"sequence"}, {b}, std::span(set.novel),
                    {"1", "novel", "1 where the items are novel, 0 where they are training items"});
  sequences.dataset(
      "item", {"sequence", "position"}, {b, n}, std::span(set.item),
      {"1", "item number",
       "number of each training item, 0 to K - 1, of noisy ones and of several exemplars "
       "too; -1 of novel items"});
  if (set.length > 1) {
    sequences.axis("context", set.length - 1);
    sequences.dataset("copy", {"sequence", "context"}, {b, n - 1}, std::span(set.copy),
                      {"1", "copy", "1 where a context token is a copy of the target"});
  }
  store::GroupWriter group(file, "/activations");
  group.axis("step", run.snapshot_steps);
  group.caption("step", step_caption());
  group.axis("sequence", set.count);
  const auto shapes = probe::activation_shapes(run.config);
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const config::ActivationRow& row = *shapes[i].row;
    std::vector<std::string> axes{"step", "sequence"};
    store::Extents shape{run.snapshot_steps.size(), b};
    if (!shapes[i].axis.empty()) {
      group.axis(std::string(shapes[i].axis), shapes[i].extent);
      axes.emplace_back(shapes[i].axis);
      shape.push_back(static_cast<std::uint64_t>(shapes[i].extent));
    }
    group.dataset(std::string(row.name), axes, shape, std::span(run.activations[i]),
                  {"1", std::string(row.long_name), std::string(row.description)});
  }
}

void write_state(store::Hdf5Writer& file, const std::string& path, const RunRecord& run,
                 const train::State& state) {
  store::GroupWriter group(file, path);
  for (const train::ProgressField& field : train::progress_fields) {
    std::visit(
        [&]<class T>(T train::Progress::*member) {
          const T& value = state.progress.*member;
          if constexpr (requires { value.has_value(); }) {
            if (value) group.attribute(std::string(field.name), *value);
          } else {
            group.attribute(std::string(field.name), value);
          }
        },
        field.member);
  }
  write_parameters(group, run.parameters, nullptr, state.parameters);
  write_moments(file, path, run, state.moments);
  if (!state.before) return;
  store::GroupWriter before(file, path + "/before");
  before.attribute("step", state.before->step);
  write_parameters(before, run.parameters, nullptr, state.before->parameters);
  write_moments(file, path + "/before", run, state.before->moments);
}

}  // namespace

store::Caption step_caption() { return {"1", "completed parameter updates"}; }

store::Caption caption_of(const train::Metric& metric) {
  return {metric.units, metric.long_name, metric.description};
}

void say_source(store::GroupWriter& group, const train::Metric& metric) {
  if (metric.formula.empty()) return;
  group.dataset_attribute(metric.name, "formula", metric.formula);
  group.dataset_attribute(metric.name, "source", metric.source);
}

std::vector<std::byte> encode(const RunRecord& run) { return encode(run, run.prediction); }

std::vector<std::byte> encode(const RunRecord& run,
                              const std::optional<RunPrediction>& prediction) {
  store::Hdf5Writer file;
  write_root(file, run);
  write_config(file, config::to_toml(run.config), run.config);
  if (!run.items_hash.empty()) file.attribute("/config", "items_xxh128", run.items_hash);
  write_metrics(file, run);
  write_theory(file, prediction);
  store::GroupWriter snapshots(file, "/snapshots");
  write_parameters(snapshots, run.parameters, &run.snapshot_steps, run.snapshots);
  write_snapshot_moments(file, run);
  write_fixed_set(file, run);
  write_model(file, run.config);
  if (run.state) {
    write_state(file, "/state", run, *run.state);
    // Of a run that was interrupted in an evaluation; absent otherwise.
    if (run.due == train::Due::open) {
      file.attribute("/state", "evaluation_due", std::int64_t{1});
    }
  }
  if (run.origin) {
    write_state(file, "/origin", run, run.origin->state);
    file.attribute("/origin", "parent_xxh128", run.origin->parent_hash);
  }
  file.group("/provenance");
  write_stretches(file, "/provenance/stretches", run.provenance);
  std::vector<std::byte> image = std::move(file).finish();
  store::Envelope envelope;
  envelope.status = to_string(run.status);
  envelope.step = run.step;
  envelope.t_icl_step = run.t_icl_step;
  envelope.config_xxh128 = run_hash(run);
  store::seal(image, std::move(envelope));
  return image;
}

}  // namespace icl::run
