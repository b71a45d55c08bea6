#include "icl/run/prediction.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "icl/config/intervention.hpp"
#include "icl/config/system.hpp"
#include "icl/run/run_record.hpp"

namespace icl::run {
namespace {

/// Whether all that is done is done to the memoriser, whose slowness the measured c1 shows.
bool spares_attention(const auto& interventions) {
  return !interventions ||
         std::ranges::all_of(**interventions, [](const config::Intervention& one) {
           return one.name == "memoriser" || one.name == "mlp" || one.name.starts_with("mlp.");
         });
}

/// Why the flow is not that of such a run; empty if it is.
std::string reason_in(const config::Config& c) {
  if (!config::traits_of(c.train.optimizer).follows_gradient)
    return "the flow is that of gradients, not of " + std::string(config::word(c.train.optimizer));
  if (c.train.schedule != config::RateSchedule::constant || c.train.warmup > 0) {
    return "the learning rate was not constant";
  }
  if (c.train.clip_norm) return "gradients were clipped";
  if (c.intervene.clamp) return "attention was clamped";
  if (!spares_attention(c.intervene.freeze) || !spares_attention(c.intervene.rate)) {
    return "attention was frozen, or trained at another rate";
  }
  return reason_in_data(c);
}

}  // namespace

std::string reason_in_data(const config::Config& config) {
  if (!config::row_of(config::task_of(config)).labels) return "it is about items with labels";
  if (config.data.labels != config::LabelRule::independent)
    return "the labels of a sequence are not independent";
  if (config.data.label_count) return "the flow is that of one logit, not of data.label_count";
  if (config.data.copies) return "the copies of the target are given by data.copies";
  if (config.data.novel) return "some sequences have items of their own";
  if (config.data.bursty < 1) return "not every sequence holds a copy of its target";
  return {};
}

std::optional<RunPrediction> predict(const RunRecord& run) {
  if (!config::row_of(run.config.model.system).has.context) return std::nullopt;
  RunPrediction prediction;
  prediction.n = static_cast<double>(run.config.data.N - 1);
  const auto c1 = column(run, "c1");
  const auto c2 = column(run, "c2");
  const auto beta = column(run, "effective_beta");
  const auto w = column(run, "effective_w");
  prediction.reason = reason_in(run.config);
  if (prediction.reason.empty() && (c1.empty() || beta.empty())) {
    prediction.reason = R"(the probes "memorisation" and "effective" were not recorded)";
  }
  if (!prediction.reason.empty()) return prediction;
  prediction.start = {w.front(), beta.front()};
  // Further below, w would drive beta to where the flow is stiff.
  constexpr double least_w = -2;
  if (!(w.front() >= least_w && w.front() <= theory::largest_w &&
        beta.front() <= theory::largest_beta0 && beta.front() >= theory::least_beta0)) {
    prediction.reason = fmt::format(
        "effective w = {:.4g} and beta = {:.4g} at the first evaluation lie outside of {} to {} "
        "and {} to {}",
        w.front(), beta.front(), least_w, theory::largest_w, theory::least_beta0,
        theory::largest_beta0);
    return prediction;
  }
  // A branch begins where its parent was.
  const auto begin = static_cast<double>(run.metric_steps.front());
  std::vector<double> steps;
  for (const std::int64_t step : run.metric_steps) {
    steps.push_back(static_cast<double>(step) - begin);
  }
  prediction.theory = theory::predict(prediction.start, prediction.n,
                                      run.config.train.learning_rate, {steps, c1, c2});
  if (!prediction.theory) {
    prediction.reason = "c1 or c2 is not finite";
    return prediction;
  }
  prediction.theory->initial_steps += begin;
  if (prediction.theory->measured_steps) *prediction.theory->measured_steps += begin;
  return prediction;
}

}  // namespace icl::run
