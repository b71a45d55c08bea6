#pragma once

#include <optional>

#include "icl/config/config.hpp"
#include "icl/task/given_items.hpp"

/// Items from HDF5 files that the user brings (data.items, data.novel_items), each named as
/// FILE:/DATASET. A dataset is [classes, D] or [classes, exemplars, D] numbers: float16, float32,
/// float64, integers of 8 to 64 bits or bool (of h5py or PyTables), of any byte order. What float32
/// cannot hold exactly (float64, integers beyond 2^24) is rounded to nearest. It lies in one block,
/// or in chunks with any of gzip, shuffle and fletcher32; all of it was written. Where a dataset
/// `DATASET_labels` lies beside it, that is [classes] integers, bool or floats that are whole, of
/// exactly two values, of which the smaller stands for the label -1 and the larger for +1.
///
/// libhdf5 looks at such a file in a child process only, and reads of it what belongs to the two
/// datasets; what it finds is decoded and checked here (stored_table.hpp).
namespace icl::io {

/// The items that the configuration asks for; nothing if data.items is not set. Relative paths are
/// relative to the current folder. Error(bad_input) names the file, the dataset and what is wrong
/// with it (Error(io) if the machine fails to read it); errors of task::choose_items() besides.
///
/// `hash` is the XXH3-128 of one line for each dataset, its shape, the XXH3-128 of its rows as
/// float32 and that of its labels as int64 (little-endian, before they are scaled, split and
/// coded): "items [964, 512] 0123... 4567...\n", "novel_items ...\n"; "none" for no labels.
[[nodiscard]] std::optional<task::GivenItems> read_items(const config::Config&);

}  // namespace icl::io
