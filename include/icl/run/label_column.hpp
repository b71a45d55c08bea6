#pragma once

#include <string>
#include <vector>

#include "icl/config/config.hpp"
#include "icl/core/batch.hpp"
#include "icl/store/group_writer.hpp"
#include "icl/store/hdf5_reader.hpp"

namespace icl::run {

/// Labels as the files of a run hold them: int8 where there are two signs, int32 where there are L
/// labels (data.label_count), or symbols.
class LabelColumn {
 public:
  explicit LabelColumn(const config::Config&);

  /// Which labels there are, for a description: "+1 or -1", "1 to 32".
  [[nodiscard]] std::string values() const;

  void write(store::GroupWriter&, const std::string& name, const std::vector<std::string>& axes,
             const store::Extents& shape, const std::vector<Label>& labels,
             const store::Caption& caption) const;
  [[nodiscard]] std::vector<Label> read(const store::Hdf5Reader&, const std::string& dataset,
                                        const store::Extents& shape) const;

 private:
  std::optional<std::int64_t> count_;
};

}  // namespace icl::run
