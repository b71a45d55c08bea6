#pragma once

#include <filesystem>
#include <optional>
#include <string>

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
namespace icl::run {

/// Where items lie, beside what the configuration says. No part of what makes a run this one: that
/// the items are the same is known by their hash.
struct ItemPlaces {
  std::optional<std::string> items;        ///< FILE:/DATASET in place of data.items
  std::optional<std::string> novel_items;  ///< the same of data.novel_items
  /// Where a relative path is looked for if it is not in the current folder; empty: nowhere.
  std::filesystem::path folder;
};

/// The folder of a TOML file, absolute; empty for one that is no file in a folder (/dev/stdin).
[[nodiscard]] std::filesystem::path items_folder_of(const std::filesystem::path& toml);

/// Looks for the files that the configuration names and opens none. Error(bad_input) for one that
/// is not there says where it was looked for.
void require_item_files(const config::Config&, const ItemPlaces&);

/// The items that the configuration asks for; nothing if data.items is not set. Error(bad_input)
/// names the file, the dataset and what is wrong with it (Error(io) if the machine fails to read
/// it); errors of task::choose_items() besides.
///
/// `hash` is the XXH3-128 of one line for each dataset, its shape, the XXH3-128 of its rows as
/// float32 and that of its labels as int64 (little-endian, before they are scaled, split and
/// coded): "items [964, 512] 0123... 4567...\n", "novel_items ...\n"; "none" for no labels.
[[nodiscard]] std::optional<task::GivenItems> read_items(const config::Config&,
                                                         const ItemPlaces& = {});

}  // namespace icl::run
