#include "icl/sweep/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <numeric>
#include <string_view>
#include <utility>

#include "icl/config/conflict.hpp"
#include "icl/config/field_values.hpp"
#include "icl/config/system.hpp"
#include "icl/core/error.hpp"
#include "icl/io/run_record.hpp"
#include "icl/model/model.hpp"

namespace icl::sweep {
namespace {

/// Work of runs, relative to each other.
class Work {
 public:
  double operator()(const config::Config& c) {
    if (model_ == nullptr || c.model != at_.model || c.data.D != at_.data.D) {
      model_ = model::describe_model(c);
      at_ = c;
    }
    // Beside the MLP, a step costs about as much for each number of its tokens as this many
    // operations of the MLP: gathered from a table, or drawn afresh (from `icl bench`, Zen 3).
    constexpr double from_table = 40;
    constexpr double fresh = 220;
    const bool context = config::kind_of(c.model.system) != config::Kind::memoriser;
    const auto token_numbers = static_cast<double>(c.train.batch_size) *
                               static_cast<double>((context ? c.data.N : 1) * c.data.D);
    const double tokens = token_numbers * (c.data.K.is_infinite() ? fresh : from_table);
    const double step = model_->mlp_flops(c.train.batch_size) + tokens;
    // An evaluation is forward only, for ICL and IWL.
    const double evaluation = 2.0 / 3.0 * static_cast<double>(c.eval.sequences) /
                              static_cast<double>(c.train.batch_size) * step;
    return static_cast<double>(c.train.epochs) *
           (static_cast<double>(c.train.steps_per_epoch) * step + evaluation);
  }

 private:
  std::unique_ptr<model::Model> model_;
  config::Config at_;
};

}  // namespace

Plan::Plan(config::Sweep sweep) : sweep_(std::move(sweep)) {
  const auto size = static_cast<std::size_t>(size_of(sweep_));
  hashes_.reserve(size * hash_digits);
  flop_.reserve(size);
  Work work;
  for (std::size_t run = 0; run < size; ++run) {
    const config::Config c = config(run);
    if (const auto conflict = config::find_conflict(c)) {
      throw Error(ExitCode::usage,
                  fmt::format("the run with {}: {}", describe(run), conflict->message));
    }
    hashes_ += io::config_hash(c);
    flop_.push_back(work(c));
  }
  by_hash_.resize(size);
  std::iota(by_hash_.begin(), by_hash_.end(), 0U);
  std::ranges::sort(by_hash_, {}, [&](std::uint32_t run) { return hash(run); });
}

std::uint64_t Plan::size_of(const config::Sweep& sweep) {
  std::uint64_t size = sweep.seeds.size();
  for (const config::Axis& axis : sweep.axes) {
    if (__builtin_mul_overflow(size, std::uint64_t{axis.values.size()}, &size)) return UINT64_MAX;
  }
  return size;
}

config::Config Plan::config(std::size_t run) const {
  config::Config config = sweep_.base;
  config.train.seed = sweep_.seeds[run % sweep_.seeds.size()];
  run /= sweep_.seeds.size();
  for (std::size_t i = sweep_.axes.size(); i-- > 0;) {
    const config::Axis& axis = sweep_.axes[i];
    config::set(*axis.field, axis.values[run % axis.values.size()], config);
    run /= axis.values.size();
  }
  return config;
}

std::string Plan::hash(std::size_t run) const {
  return hashes_.substr(run * hash_digits, hash_digits);
}

std::size_t Plan::find(const std::string& hash) const {
  const auto at = std::ranges::lower_bound(by_hash_, hash, {},
                                           [&](std::uint32_t run) { return this->hash(run); });
  return at != by_hash_.end() && this->hash(*at) == hash ? *at : size();
}

std::vector<std::size_t> Plan::shard(Shard shard) const {
  const std::size_t seeds = sweep_.seeds.size();
  std::vector<std::size_t> runs;
  for (std::size_t seed = 0; seed < seeds; ++seed) {
    for (std::size_t run = seed; run < size(); run += seeds) runs.push_back(run);
  }
  std::ranges::stable_sort(runs, std::greater{}, [&](std::size_t run) { return flop_[run]; });
  std::vector<std::size_t> part;
  for (auto i = static_cast<std::size_t>(shard.index); i < runs.size();
       i += static_cast<std::size_t>(shard.count)) {
    part.push_back(runs[i]);
  }
  return part;
}

std::string Plan::describe(std::size_t run) const {
  const config::Config c = config(run);
  std::string text;
  for (const config::Axis& axis : sweep_.axes) {
    text +=
        fmt::format("{} = {}, ", axis.field->name, config::to_text(config::get(*axis.field, c)));
  }
  return fmt::format("{}seed {}", text, c.train.seed);
}

}  // namespace icl::sweep
