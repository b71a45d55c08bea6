#include "icl/sweep/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <numeric>
#include <set>
#include <string_view>
#include <utility>

#include "icl/config/conflict.hpp"
#include "icl/config/field_values.hpp"
#include "icl/config/system.hpp"
#include "icl/core/error.hpp"
#include "icl/model/model.hpp"
#include "icl/run/run_record.hpp"

namespace icl::sweep {
namespace {

/// Work of runs, relative to each other.
class Work {
 public:
  double operator()(const config::Config& c) {
    config::Data data = c.data;
    data.K = at_.data.K;  // on which no model depends
    if (model_ == nullptr || c.model != at_.model || c.blocks != at_.blocks || data != at_.data ||
        c.train.batch_size != at_.train.batch_size || config::loss_at(c) != config::loss_at(at_)) {
      model_ = model::describe_model(c);
      at_ = c;
    }
    // Beside the MLP, a step costs about as much for each number of its tokens as this many
    // operations of the MLP: gathered from a table, or drawn afresh (from `icl bench`, Zen 3).
    constexpr double from_table = 40;
    constexpr double fresh = 220;
    const bool context = config::row_of(c.model.system).has.context;
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

/// How many points a grid has; saturates.
std::uint64_t combinations(const config::Sweep::Grid& axes) {
  std::uint64_t size = 1;
  for (const config::Axis& axis : axes) {
    if (__builtin_mul_overflow(size, std::uint64_t{axis.values.size()}, &size)) return UINT64_MAX;
  }
  return size;
}

}  // namespace

Plan::Plan(config::Sweep sweep) : sweep_(std::move(sweep)) {
  const auto most = static_cast<std::size_t>(size_of(sweep_));
  hashes_.reserve(most * hash_digits);
  flop_.reserve(most);
  points_.resize(most / sweep_.seeds.size());
  std::iota(points_.begin(), points_.end(), 0U);
  if (sweep_.grids.size() > 1) keep_each_point_once();
  Work work;
  const std::size_t size = points_.size() * sweep_.seeds.size();
  for (std::size_t run = 0; run < size; ++run) {
    const config::Config c = config(run);
    hashes_ += run::config_hash(c);
    if (run > 0 && point(run) == point(run - 1)) {  // with another seed, which changes no more
      flop_.push_back(flop_.back());
      continue;
    }
    if (const auto conflict = config::find_conflict(c)) {
      throw Error(ExitCode::usage,
                  fmt::format("the run with {}: {}", describe(run), conflict->message));
    }
    flop_.push_back(work(c));
  }
  by_hash_.resize(size);
  std::iota(by_hash_.begin(), by_hash_.end(), 0U);
  std::ranges::sort(by_hash_, {}, [&](std::uint32_t run) { return hash(run); });
}

void Plan::keep_each_point_once() {
  std::set<std::string> seen;
  std::erase_if(points_, [&](std::uint32_t point) {
    return !seen.insert(run::config_hash(config_at(point, sweep_.seeds.front()))).second;
  });
}

std::uint64_t Plan::size_of(const config::Sweep& sweep) {
  std::uint64_t points = sweep.grids.empty() ? 1 : 0;
  for (const config::Sweep::Grid& grid : sweep.grids) {
    if (__builtin_add_overflow(points, combinations(grid), &points)) return UINT64_MAX;
  }
  for (const std::uint64_t factor : {combinations(sweep.axes), std::uint64_t{sweep.seeds.size()}}) {
    if (__builtin_mul_overflow(points, factor, &points)) return UINT64_MAX;
  }
  return points;
}

config::Config Plan::config(std::size_t run) const {
  const std::size_t seeds = sweep_.seeds.size();
  return config_at(points_[point(run)], sweep_.seeds[run % seeds]);
}

config::Config Plan::config_at(std::size_t point, std::int64_t seed) const {
  config::Config config = sweep_.base;
  config.train.seed = seed;
  // The last axis varies fastest.
  const auto take = [&](const config::Sweep::Grid& axes) {
    for (std::size_t i = axes.size(); i-- > 0;) {
      const config::Axis& axis = axes[i];
      config::set(*axis.field, axis.values[point % axis.values.size()], config);
      point /= axis.values.size();
    }
  };
  take(sweep_.axes);
  for (const config::Sweep::Grid& grid : sweep_.grids) {
    const std::uint64_t size = combinations(grid);
    if (point < size) {
      take(grid);
      break;
    }
    point -= size;
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
  for (const config::Field* field : sweep_.varied()) {
    text += fmt::format("{} = {}, ", field->name, config::to_text(config::get(*field, c)));
  }
  return fmt::format("{}seed {}", text, c.train.seed);
}

}  // namespace icl::sweep
