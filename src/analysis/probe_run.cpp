#include "icl/analysis/probe_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <utility>

#include "icl/config/loss.hpp"
#include "icl/config/system.hpp"
#include "icl/config/toml.hpp"
#include "icl/core/error.hpp"
#include "icl/model/model.hpp"
#include "icl/run/replay.hpp"
#include "icl/task/item_label.hpp"
#include "icl/train/interventions.hpp"

namespace icl::analysis {
namespace {

icl_precise::Items view(const task::ItemTable& table) {
  return {table.classes, table.exemplars, table.dimension, table.rows, table.labels};
}

/// What attention is clamped to in training at that step, in the words of the precise layer.
std::string attending_at(const config::Config& config, std::int64_t step) {
  const auto model = model::describe_model(config);
  const auto parameters = model->parameters();
  const train::Interventions interventions(config.intervene, parameters);
  const nn::Clamps clamps = interventions.clamps(step);
  if (!clamps.heads.empty()) {
    throw Error(ExitCode::usage,
                "at step " + std::to_string(step) +
                    " heads were clamped (intervene.clamp): the curvature of a network with such "
                    "heads is not known here; choose steps at which none was");
  }
  switch (clamps.target) {
    case nn::Attending::learned:
      return "learned";
    case nn::Attending::copy:
      return "copy";
    case nn::Attending::uniform:
      return "uniform";
    case nn::Attending::none:
    case nn::Attending::previous:
      break;
  }
  return "none";
}

std::vector<curvature::Circuit> circuits(const config::Config& config) {
  const auto model = model::describe_model(config);
  std::vector<curvature::NamedTensor> tensors;
  for (const nn::Parameter* parameter : model->parameters()) {
    std::int64_t size = 1;
    for (const std::int64_t extent : parameter->value.shape()) size *= extent;
    tensors.push_back({parameter->name, size, !parameter->frozen});
  }
  return curvature::circuits_of(tensors);
}

/// How many of some steps' weights of d numbers to have at hand: a quarter of a gigabyte, and one
/// at least.
std::int64_t steps_at_once(double d, std::int64_t steps) {
  constexpr double room = 1 << 28;
  const double fit = std::max(1.0, room / (sizeof(Real) * d));
  return static_cast<std::int64_t>(std::min(fit, static_cast<double>(steps)));
}

}  // namespace

RunProbe::RunProbe(const run::RunRecord& run, ProbeRequest request, const run::ItemPlaces& places,
                   const Workers& workers)
    : run_(run),
      request_(std::move(request)),
      places_(places),
      workers_(workers),
      items_(run::items_of(run, places)),
      circuits_(circuits(run.config)) {
  if (config::loss_at(run.config) == config::LossAt::every) {
    throw Error(ExitCode::usage,
                "curvature and the local learning coefficient are those of the loss at the last "
                "token, and the run trained on that at every item (train.loss_at = \"every\")");
  }
  const config::LossKind loss = config::asked_of(run.config).loss;
  if (loss == config::LossKind::logistic) return;
  throw Error(ExitCode::usage,
              fmt::format("curvature and the local learning coefficient are those of the logistic "
                          "loss of one logit, and the run's is the {}",
                          config::row_of(loss).title));
}

ProbeRecord RunProbe::record() const {
  ProbeRecord record;
  record.run_hash = run::run_hash(run_);
  record.title = std::string(config::row_of(run_.config.model.system).name) + ", K = " +
                 (run_.config.data.K.is_infinite() ? std::string("inf")
                                                   : std::to_string(run_.config.data.K.count())) +
                 ", N = " + std::to_string(run_.config.data.N) + ", seed " +
                 std::to_string(run_.config.train.seed);
  record.request = request_;
  record.circuits = circuits_;
  return record;
}

void RunProbe::go_to(std::int64_t step) {
  if (step_ == step) return;
  const std::string attending = attending_at(run_.config, step);
  if (!loss_ || attending != attending_) {
    icl_precise::Description description;
    description.config = config::to_toml(run_.config);
    if (items_) {
      description.training = view(items_->training);
      description.novel = view(items_->novel);
    }
    description.batches = request_.batches;
    description.batch_size = request_.batch_size;
    description.attending = attending;
    loss_.reset();
    sequences_ = icl_precise::make_sequences(description);
    loss_ = std::make_unique<curvature::Loss>(*sequences_, request_.batches, request_.batch_size,
                                              workers_);
    attending_ = attending;
  }
  fetch(step);
  const auto at = std::ranges::find(weights_.steps, step) - weights_.steps.begin();
  w_.clear();
  w_.reserve(static_cast<std::size_t>(loss_->size()));
  for (const auto& tensor : weights_.values) {
    const auto size = static_cast<std::ptrdiff_t>(tensor.size() / weights_.steps.size());
    w_.insert(w_.end(), tensor.begin() + at * size, tensor.begin() + (at + 1) * size);
  }
  step_ = step;
}

void RunProbe::fetch(std::int64_t step) {
  if (std::ranges::binary_search(weights_.steps, step)) return;
  std::span<const std::int64_t> next(steps_);
  next =
      next.subspan(static_cast<std::size_t>(std::ranges::lower_bound(next, step) - next.begin()));
  if (next.empty() || next.front() != step) next = {&step, 1};
  const auto all = static_cast<std::int64_t>(next.size());
  const auto fit = steps_at_once(static_cast<double>(loss_->size()), all);
  weights_ = {};
  weights_ = run::weights_at(run_, next.first(static_cast<std::size_t>(fit)),
                             run::Wanted::parameters, workers_, places_);
}

ProbeRecord::AtStep RunProbe::curvature(std::int64_t step) {
  go_to(step);
  return {step, measure_curvature(*loss_, w_, circuits_, request_.curvature.value())};
}

ProbeRecord::Chains RunProbe::coefficient(std::int64_t step) {
  go_to(step);
  loss_->free_relus();
  curvature::Vector g(w_.size());
  ProbeRecord::Chains found;
  found.step = step;
  found.baseline = loss_->gradient(w_, g);
  found.losses = sample_losses(*sequences_, request_.batches, w_, circuits_.front(),
                               settings_of(request_), workers_);
  return found;
}

run::Footprint footprint_of_probing(const config::Config& config, const ProbeRequest& request,
                                    std::int64_t steps, int threads) {
  constexpr double words = sizeof(double);
  const auto model = model::describe_model(config);
  const auto d = static_cast<double>(model::parameter_count(*model));
  const std::int64_t length = model->reads_context() ? config.data.N : 1;
  // Described in float: in double it is twice that.
  const double activations = 2 * model->activation_bytes(request.batch_size, length);
  const auto networks =
      static_cast<double>(request.batches) +
      (request.coefficient ? static_cast<double>(request.coefficient->chains) : 0);
  constexpr double vectors = 12;  // of d numbers, at hand at once
  run::Footprint parts = run::footprint_of_replaying(config, threads);
  parts.push_back({"networks in double", networks * (3 * words * d + 2 * activations),
                   "model.hidden, --sequences, --llc-chains"});
  if (request.coefficient) {
    const CoefficientRequest& llc = *request.coefficient;
    const auto chains = static_cast<double>(llc.steps.size() * llc.localisations.size()) *
                        static_cast<double>(llc.chains);
    const auto losses = chains * static_cast<double>(llc.burn_in + llc.draws);
    constexpr double copies = 3;  // at hand; as a table, or the file's image; in the file
    parts.push_back({"losses of the chains", copies * words * losses * static_cast<double>(steps),
                     "--llc-draws, --llc-chains, --steps"});
  }
  const double basis = request.curvature ? static_cast<double>(request.curvature->most) : 0;
  parts.push_back({"vectors", words * d * (vectors + basis), "model.hidden"});
  parts.push_back({"weights of several steps",
                   sizeof(Real) * d * static_cast<double>(steps_at_once(d, steps)),
                   "model.hidden, --steps"});
  if (!config.data.K.is_infinite()) {
    const auto items =
        static_cast<double>(config.data.K.count() +
                            std::min(config.data.K.count(), task::ItemLabelTask::most_novel_items));
    parts.push_back({"items in double",
                     2 * words * items * static_cast<double>(model->token_width()),
                     "data.K, data.D"});
  }
  return parts;
}

}  // namespace icl::analysis
