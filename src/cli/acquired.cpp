#include "acquired.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <map>
#include <string_view>
#include <vector>

#include "icl/config/field_values.hpp"
#include "icl/config/system.hpp"
#include "icl/core/message.hpp"

namespace icl::cli {
namespace {

constexpr double never = std::numeric_limits<double>::infinity();

/// The mean of the middle two of an even number.
std::string median_text(std::vector<double> times) {
  std::ranges::sort(times);
  const double median = (times[(times.size() - 1) / 2] + times[times.size() / 2]) / 2;
  return median < never ? fmt::format("{}", median) : "beyond the end";
}

/// "data.N = 12": where a run lies in the grid, but for its seed and one key.
std::string point_of(const sweep::Plan& plan, const config::Config& c, std::string_view without) {
  std::vector<std::string> parts;
  for (const config::Field* field : plan.sweep().varied()) {
    if (field->name == without) continue;
    parts.push_back(fmt::format("{} = {}", field->name, config::to_text(config::get(*field, c))));
  }
  return parts.empty() ? "all runs" : fmt::format("{}", fmt::join(parts, ", "));
}

/// Between which K the threshold lies.
class Bracket {
 public:
  void add(config::Diversity K, std::size_t acquired, std::size_t runs) {
    points_[K] = {acquired, runs};
  }
  /// A line, where there are several K; otherwise nothing.
  [[nodiscard]] std::string text(const std::string& point) const {
    if (points_.size() < 2) return "";
    std::string none = "no K";
    std::string every = "no K";
    bool none_yet = true;
    bool all_since = false;
    for (const auto& [K, at] : points_) {
      none_yet = none_yet && at.acquired == 0;
      if (none_yet) none = name_of(K);
      const bool all = at.acquired == at.runs;
      if (all != all_since) every = all ? name_of(K) : "no K";
      all_since = all;
    }
    return fmt::format("  {}: no run acquired ICL up to {}, all did from {} on\n", point, none,
                       every);
  }

 private:
  struct At {
    std::size_t acquired;
    std::size_t runs;
  };
  static std::string name_of(config::Diversity K) {
    return K.is_infinite() ? "K = inf" : fmt::format("K = {}", K.count());
  }
  std::map<config::Diversity, At> points_;
};

}  // namespace

void print_acquired(const std::string& title, const sweep::Plan& plan,
                    const sweep::Folder& folder) {
  const std::size_t seeds = plan.sweep().seeds.size();
  print(fmt::format("{}\n", title));
  std::map<std::string, Bracket> brackets;
  for (std::size_t first = 0; first < plan.size(); first += seeds) {
    const config::Config c = plan.config(first);
    if (!config::row_of(c.model.system).has.context) continue;
    if (!config::row_of(config::task_of(c)).labels) continue;
    std::vector<double> times;
    for (std::size_t run = first; run < first + seeds; ++run) {
      const auto step = folder.status(plan.hash(run)).t_icl_step;
      times.push_back(step ? static_cast<double>(*step) : never);
    }
    const std::size_t acquired =
        times.size() - static_cast<std::size_t>(std::ranges::count(times, never));
    print(fmt::format("  {}: {} of {} acquired ICL, median step {}\n", point_of(plan, c, ""),
                      acquired, seeds, median_text(times)));
    brackets[point_of(plan, c, "data.K")].add(c.data.K, acquired, seeds);
  }
  for (const auto& [point, bracket] : brackets) print(bracket.text(point));
}

}  // namespace icl::cli
