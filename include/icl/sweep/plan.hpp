#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "icl/config/sweep.hpp"

namespace icl::sweep {

/// Part `index` of `count` parts of a sweep.
struct Shard {
  std::int64_t index = 0;
  std::int64_t count = 1;
};

/// The runs of a sweep, numbered through its grids one after the other: in each the first key
/// varies slowest, then the first axis, the seed fastest. What several grids hold is there once.
/// Keeps a few bytes a run; configurations are made when they are asked for.
class Plan {
 public:
  /// Throws Error(usage) if the values of a combination disagree (K < N).
  explicit Plan(config::Sweep sweep);

  /// Number of runs, without making them, counted twice if two grids hold them; saturates.
  [[nodiscard]] static std::uint64_t size_of(const config::Sweep&);

  [[nodiscard]] const config::Sweep& sweep() const { return sweep_; }
  [[nodiscard]] std::size_t size() const { return flop_.size(); }
  [[nodiscard]] config::Config config(std::size_t run) const;
  /// The same number for the runs that differ in nothing but the seed: below size().
  [[nodiscard]] std::size_t point(std::size_t run) const { return run / sweep_.seeds.size(); }

  /// run::config_hash of the run's configuration: what makes it this run.
  [[nodiscard]] std::string hash(std::size_t run) const;
  /// The run's number, or size() for a hash that is none of the plan's.
  [[nodiscard]] std::size_t find(const std::string& hash) const;

  /// How much work a run is at most, in floating-point operations of the MLP and what costs as
  /// much: for order and forecast.
  [[nodiscard]] double flop(std::size_t run) const { return flop_[run]; }

  /// The runs of a shard, longest first; of equally long ones the whole grid with the first seed,
  /// then with the next. Shards of one plan share no run, make up the whole, and get long and short
  /// runs alike.
  [[nodiscard]] std::vector<std::size_t> shard(Shard) const;

  /// "data.K = 500, data.N = 20, seed 3": where a run lies in the grid.
  [[nodiscard]] std::string describe(std::size_t run) const;

 private:
  void keep_each_point_once();
  [[nodiscard]] config::Config config_at(std::size_t point, std::int64_t seed) const;

  static constexpr std::size_t hash_digits = 32;

  config::Sweep sweep_;
  std::vector<std::uint32_t> points_;  ///< those of the grids, each of which has all seeds
  std::string hashes_;                 ///< of all runs, one after the other
  std::vector<std::uint32_t> by_hash_;
  std::vector<double> flop_;
};

}  // namespace icl::sweep
