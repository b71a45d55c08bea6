#include "icl/analysis/memoriser_margins.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "icl/core/error.hpp"
#include "icl/model/model.hpp"
#include "icl/probe/prober.hpp"
#include "icl/run/replay.hpp"
#include "icl/task/registry.hpp"

namespace icl::analysis {

std::vector<double> memoriser_margins(const run::RunRecord& run, std::int64_t step,
                                      std::int64_t sequences, const Workers& workers) {
  const std::int64_t first = run.origin ? run.origin->state.progress.step : 0;
  if (step < first || step > run.step) {
    throw Error(ExitCode::usage,
                fmt::format("--step {}: the run made steps {} to {}{}", step, first, run.step,
                            run.origin ? "; those before are its parent's" : ""));
  }
  const config::LossKind loss = config::asked_of(run.config).loss;
  if (loss != config::LossKind::logistic) {
    throw Error(ExitCode::usage,
                fmt::format("the memoriser's margins are those of two labels -1 and +1, and the "
                            "run's loss is the {}",
                            config::row_of(loss).title));
  }
  const train::Values values = run::parameters_at(run, step, workers);
  config::Config config = run.config;
  config.probe.sequences = sequences;
  config.probe.record = "memorisation";
  const auto model = model::make_model(config);
  const auto parameters = model->parameters();
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    std::ranges::copy(values[i], parameters[i]->value.data());
  }
  const auto task = task::make_task(config, run::items_of(run), *model, workers);
  probe::Prober prober(config, *task, *model);
  probe::Memory memory;
  static_cast<void>(prober.read(*model, step, nn::Attending::learned, memory, workers));
  const auto margins = prober.memoriser_margins();
  return {margins.begin(), margins.end()};
}

}  // namespace icl::analysis
