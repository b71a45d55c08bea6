#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "icl/config/choice.hpp"
#include "icl/config/fields.hpp"

namespace icl::config {

/// A key that the runs of a sweep differ in, and its values: in range, no two equal.
struct Axis {
  const Field* field;
  std::vector<Value> values;
  bool operator==(const Axis&) const = default;
};

/// Which kernels of OpenBLAS the runs of a sweep use.
enum class Kernels : std::uint8_t {
  own,   ///< the best of each CPU: equal bits only on nodes of one kind
  avx2,  ///< those that every CPU with AVX2 has: equal bits on all nodes
};
constexpr auto words(Kernels /*type*/) { return std::to_array<std::string_view>({"own", "avx2"}); }

/// A grid of runs: every combination of the axes' values, with every seed; or the union of several.
///
/// In TOML it is a run's configuration (the base) and
///
///     [sweep]
///     seeds = 11                       # train.seed = 0 to 10; or a list, or { from, to, step }
///     kernels = "own"                  # or "avx2"
///     [sweep.axes]
///     data.K = [500, 10000, "inf"]
///     data.N = { from = 50, to = 250, step = 50 }
///     train.weight_decay_attention = { log = [1e-3, 1e-2], count = 20 }
///     train.learning_rate = { linear = [0.01, 0.1], count = 10 }
///     [[sweep.grid]]                   # the runs are the union of the grids, each of them times
///     data.N = 20                      # the axes; what a grid names wins over an axis, and has
///     data.K = [100, 200]              # its value in [data] in grids that do not name it
///     [[sweep.grid]]
///     data.N = 40
///     data.K = [200, 400]
///     [[check]]                        # kept for whoever analyses the runs: see check.hpp
///     [scale.desk]                     # any name; what it sets takes the place of an axis, too
///     seeds = 3
///     set.data.N = 20
///     axes.data.K = { log = [250, 2e5], count = 30, floor = true, times = 2 }
///
/// `log` gives 10^linspace(log10 a, log10 b); one that misses a whole number by its rounding is
/// that number, but not where `floor` then rounds down, as in settings of numpy.logspace. `times`
/// multiplies last; no value may be infinite by that. Every key can be
/// an axis (train.seed is the seeds; record.publish_seconds makes no other run), and an optional
/// key "not set". An axis wins over the setting of its key beside it. Unless record.snapshots is
/// set, it is 0: the final parameters only.
struct Sweep {
  /// The keys of a grid, each with its values there.
  using Grid = std::vector<Axis>;

  Config base;
  std::vector<Axis> axes;
  /// None, or at least one. All have the same keys in the same order, none of which is an axis.
  std::vector<Grid> grids;
  std::vector<std::int64_t> seeds{0};
  Kernels kernels = Kernels::own;
  bool operator==(const Sweep&) const = default;

  /// The keys that runs may differ in beside train.seed: those of the axes, then those of the
  /// grids.
  [[nodiscard]] std::vector<const Field*> varied() const;
  /// All values that a key takes somewhere, in order of appearance; none if it is not varied.
  [[nodiscard]] std::vector<Value> values_of(const Field&) const;
};

inline constexpr std::size_t most_axis_values = 1000000;

/// What a command line changes in a sweep's file, in the order in which it is applied.
struct SweepChange {
  std::optional<std::string_view> scale = {};  ///< a [scale.NAME] of the file
  std::span<const std::string> axes = {};  ///< --axis "data.N=20,40,80" or "data.N={from=1, to=9}"
  std::optional<std::string_view> seeds = {};   ///< --seeds "5", "3,7" or "{from=5, to=9}"
  std::span<const std::string> overrides = {};  ///< --set "data.N=20", of the base
};

/// Reads the file, then applies the change.
/// Throws Error: bad_input if the file cannot be read; usage, with file and line, for anything
/// else: what load() rejects, an axis that is empty or names no key, a scale that the file does not
/// have ("paper" may be absent: then it is the base), an override of an axis.
[[nodiscard]] Sweep load_sweep(const std::filesystem::path& file, const SweepChange& = {});

/// The same of a text, with `source_name` for the file.
[[nodiscard]] Sweep parse_sweep(std::string_view text, const std::string& source_name,
                                const SweepChange& = {});

/// The resolved sweep as TOML without scales; parse_sweep() of it gives the same sweep.
[[nodiscard]] std::string to_toml(const Sweep&);

}  // namespace icl::config
