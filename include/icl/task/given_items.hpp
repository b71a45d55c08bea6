#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "icl/config/config.hpp"
#include "icl/core/batch.hpp"

namespace icl::task {

/// Classes of items, each with the same number of exemplars.
struct ItemTable {
  std::int64_t classes = 0;
  std::int64_t exemplars = 1;
  std::int64_t dimension = 0;
  std::vector<float> rows;    ///< [classes, exemplars, dimension]
  std::vector<Label> labels;  ///< [classes]; empty: to be drawn
};

/// The items of a run that takes them from a file (data.items).
struct GivenItems {
  ItemTable training;  ///< data.K classes
  ItemTable novel;     ///< classes that are not among them
  std::string hash;    ///< of what the files held: 32 hex digits; empty until the reader sets it
};

/// Chooses the items of a run. The classes of `all` are put in a random order that is a pure
/// function of the seed of the items. Without a table `novel`, the first data.novel_fraction of
/// them (rounded; at least 1, and where there are 3 or more at most all but 2) are held out as
/// novel items. The next data.K are for training. data.scale = "unit" multiplies every row by
/// 1 / sqrt(mean |x|^2), where the mean is over the training rows.
///
/// Error(usage) where the configuration asks for what the tables do not have; Error(bad_input) for
/// an entry that is no finite number.
[[nodiscard]] GivenItems choose_items(const config::Config&, const ItemTable& all,
                                      std::optional<ItemTable> novel);

}  // namespace icl::task
