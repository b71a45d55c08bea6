#include "icl/run/items_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "icl/core/error.hpp"
#include "icl/store/envelope.hpp"
#include "icl/store/file.hpp"
#include "icl/store/hdf5_writer.hpp"
#include "support/items.hpp"
#include "support/runs.hpp"

namespace icl::run {
namespace {

using test::expect_error;
using test::items_config;
using test::ramp;
using test::TemporaryFolder;

/// A file of this project's writer: /x [6, 3] and /deep/x [6, 2, 3] with labels, and what is no
/// table of items.
class ItemsFile : public ::testing::Test {
 protected:
  ItemsFile() {
    store::Hdf5Writer writer;
    writer.dataset("/x", {6, 3}, rows_);
    writer.dataset("/deep/x", {6, 2, 3}, deep_);
    writer.dataset("/deep/x_labels", {6}, labels_);
    writer.dataset("/novel", {2, 3}, std::span<const float>(rows_).first(6));
    writer.dataset("/wide", {2, 4}, ramp<float>(8));
    writer.dataset("/integers", {6}, labels_);
    writer.dataset("/integer_table", {6, 1}, labels_);
    writer.dataset("/line", {18}, rows_);
    writer.dataset("/empty", {0, 3}, std::vector<float>{});
    writer.dataset("/thin", {6, 0}, std::vector<float>{});
    writer.text("/text", "no numbers");
    store::publish_file(path_, std::move(writer).finish());
  }

  void expect_bad(const std::string& dataset, const std::string& finding) const {
    expect_error(ExitCode::bad_input, "'" + path_.string() + "': " + finding,
                 [&] { (void)read_items(items_config(path_, dataset)); });
  }

  /// Expects this of a file that holds items /x [6, 3] with these labels.
  template <class T>
  void expect_bad_labels(const store::Extents& shape, const std::vector<T>& labels,
                         const std::string& finding) const {
    store::Hdf5Writer writer;
    writer.dataset("/x", {6, 3}, rows_);
    writer.dataset("/x_labels", shape, labels);
    const auto path = folder_ / "labels.h5";
    store::publish_file(path, std::move(writer).finish());
    expect_error(ExitCode::bad_input, "'" + path.string() + "': /x_labels: " + finding,
                 [&] { (void)read_items(items_config(path, "/x")); });
  }

  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "items.h5";
  std::vector<float> rows_ = ramp<float>(18);
  std::vector<double> deep_ = ramp<double>(36);
  std::vector<std::int64_t> labels_ = {3, 7, 3, 7, 7, 7};
};

TEST_F(ItemsFile, NothingIsReadWhereNoneIsNamed) {
  EXPECT_FALSE(read_items(config::Config()).has_value());
}

TEST_F(ItemsFile, ReadsATable) {
  const auto items = read_items(items_config(path_, "/x"));
  ASSERT_TRUE(items.has_value());
  const auto expected =
      task::choose_items(items_config(path_, "/x"), {6, 1, 3, rows_, {}}, std::nullopt);
  EXPECT_EQ(items->training.rows, expected.training.rows);
  EXPECT_EQ(items->novel.rows, expected.novel.rows);
  EXPECT_EQ(items->training.classes, 4);
  EXPECT_EQ(items->novel.classes, 1);
  EXPECT_EQ(items->training.exemplars, 1);
  EXPECT_EQ(items->training.dimension, 3);
  EXPECT_TRUE(items->training.labels.empty());
}

TEST_F(ItemsFile, ReadsExemplarsAndLabels) {
  const config::Config config = items_config(path_, "/deep/x");
  const auto items = read_items(config);
  ASSERT_TRUE(items.has_value());
  const std::vector<float> rows(deep_.begin(), deep_.end());
  const auto expected =
      task::choose_items(config, {6, 2, 3, rows, {-1, 1, -1, 1, 1, 1}}, std::nullopt);
  EXPECT_EQ(items->training.exemplars, 2);
  EXPECT_EQ(items->training.rows, expected.training.rows);
  EXPECT_EQ(items->training.labels, expected.training.labels);
  EXPECT_EQ(items->novel.rows, expected.novel.rows);
  EXPECT_EQ(items->novel.labels, expected.novel.labels);
  EXPECT_EQ(read_items(items_config(path_, "/deep/x/"))->hash, items->hash);
}

TEST_F(ItemsFile, ReadsNovelItemsFromASecondDataset) {
  config::Config config = items_config(path_, "/deep/x");
  config.data.K = 6;
  config.data.novel_items = path_.string() + ":/novel";
  const auto items = read_items(config);
  ASSERT_TRUE(items.has_value());
  EXPECT_EQ(items->training.classes, 6);
  EXPECT_EQ(items->novel.classes, 2);
  EXPECT_EQ(items->novel.exemplars, 1);
  EXPECT_EQ(items->novel.rows, std::vector<float>(rows_.begin(), rows_.begin() + 6));
  EXPECT_TRUE(items->novel.labels.empty());
  config.data.novel_items = path_.string() + ":/deep/x";
  EXPECT_EQ(read_items(config)->novel.labels, (std::vector<Label>{-1, 1, -1, 1, 1, 1}));
  config.data.novel_items = path_.string() + ":/wide";
  expect_error(ExitCode::usage, "its items have 4 entries", [&] { (void)read_items(config); });
  config.data.novel_items = path_.string() + ":/no";
  expect_error(ExitCode::bad_input, "/no: is missing", [&] { (void)read_items(config); });
}

TEST_F(ItemsFile, RelativePathsAreRelativeToTheCurrentFolder) {
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder_.path());
  std::filesystem::copy_file("items.h5", "a:b.h5");
  EXPECT_TRUE(read_items(items_config("items.h5", "/x")).has_value());
  EXPECT_TRUE(read_items(items_config("./a:b.h5", "/x")).has_value());
  std::filesystem::current_path(before);
}

TEST_F(ItemsFile, TheHashIsThatOfWhatIsReadAndNothingElse) {
  const std::string hash = read_items(items_config(path_, "/deep/x"))->hash;
  const std::vector<float> rows(deep_.begin(), deep_.end());
  const std::string text = "items [6, 2, 3] " + store::hash_hex(std::as_bytes(std::span(rows))) +
                           " " + store::hash_hex(std::as_bytes(std::span(labels_))) + "\n";
  EXPECT_EQ(hash, store::hash_hex(std::as_bytes(std::span(text))));
  // The split and the scale do not matter.
  config::Config config = items_config(path_, "/deep/x");
  config.train.seed = 8;
  config.data.scale = config::ItemScale::unit;
  EXPECT_EQ(read_items(config)->hash, hash);
  config.data.novel_items = path_.string() + ":/novel";
  EXPECT_NE(read_items(config)->hash, hash);
  // The rows, the labels and the shape do, but neither names nor types.
  const auto changed = [&](const store::Extents& shape, std::vector<float> values,
                           std::vector<std::int32_t> labels) {
    store::Hdf5Writer writer;
    writer.dataset("/y", shape, values);
    if (!labels.empty()) writer.dataset("/y_labels", {shape[0]}, labels);
    const auto path = folder_ / "changed.h5";
    store::publish_file(path, std::move(writer).finish());
    config::Config other = items_config(path, "/y");
    other.data.D = static_cast<std::int64_t>(shape.back());
    return read_items(other)->hash;
  };
  const std::vector<std::int32_t> labels(labels_.begin(), labels_.end());
  EXPECT_EQ(changed({6, 2, 3}, rows, labels), hash);
  EXPECT_NE(changed({6, 3, 2}, rows, labels), hash);
  EXPECT_NE(changed({6, 2, 3}, rows, {}), hash);
  EXPECT_NE(changed({6, 2, 3}, rows, {3, 7, 3, 7, 7, 3}), hash);
  std::vector<float> other = rows;
  other[35] += 1;
  EXPECT_NE(changed({6, 2, 3}, other, labels), hash);
}

TEST_F(ItemsFile, NamesWhatIsWrongWithTheDataset) {
  expect_bad("/no",
             "/no: is missing; / holds deep/, empty, integer_table, integers, line, novel, ");
  expect_bad("/deep/no", "/deep/no: is missing; /deep holds x, x_labels");
  expect_bad("/not/there", "/not/there: is missing; / holds deep/");
  expect_bad("/deep", "/deep: is not a dataset");
  expect_bad("/line", "/line: has rank 1; expected classes x D or classes x exemplars x D");
  expect_bad("/text", "/text: has rank 0; expected classes x D");
  expect_bad("/text", "/text: has rank 0");
  expect_bad("/empty", "/empty: has shape [0, 3], so there is nothing in it");
  expect_bad("/thin", "/thin: has shape [6, 0], so there is nothing in it");
}

TEST_F(ItemsFile, ManyNeighboursAreCountedAndNotListed) {
  store::Hdf5Writer writer;
  for (int i = 0; i < 30; ++i) writer.group("/g/" + std::to_string(i));
  writer.group("/none");
  const auto path = folder_ / "many.h5";
  store::publish_file(path, std::move(writer).finish());
  expect_error(ExitCode::bad_input, "/g/x: is missing; /g holds 30 others",
               [&] { (void)read_items(items_config(path, "/g/x")); });
  expect_error(ExitCode::bad_input, "/none/x: is missing; /none is empty",
               [&] { (void)read_items(items_config(path, "/none/x")); });
}

TEST_F(ItemsFile, NamesWhatIsWrongWithTheLabels) {
  expect_bad_labels<std::int64_t>({5}, {0, 1, 0, 1, 0},
                                  "has shape [5]; expected [6], one label for each class");
  expect_bad_labels<std::int64_t>({6, 1}, {0, 1, 0, 1, 0, 1}, "has shape [6, 1]; expected [6]");
  expect_bad_labels<float>({6}, {0, 1, 0, 1.5, 0, 1}, "holds 1.5, which is no whole number");
  expect_bad_labels<double>({6}, {0, 1, 0, NAN, 0, 1}, "holds nan, which is no whole number");
  expect_bad_labels<double>({6}, {0, 1, 0, INFINITY, 0, 1}, "holds inf, which is beyond 64 bits");
  expect_bad_labels<double>({6}, {0, 1, 0, 1e19, 0, 1}, "holds 1e+19, which is beyond 64 bits");
  expect_bad_labels<std::int8_t>({6}, {-1, 1, 0, 1, 0, 1},
                                 "holds -1, 0 and 1; expected exactly two different values");
  expect_bad_labels<std::int8_t>({6}, {4, 4, 4, 4, 4, 4},
                                 "holds only 4; expected exactly two different values");
}

TEST_F(ItemsFile, NamesWhatIsWrongWithTheFile) {
  const auto expect = [&](const std::filesystem::path& path, const std::string& finding) {
    expect_error(ExitCode::bad_input, "items '" + path.string() + ":/x': " + finding,
                 [&] { (void)read_items(items_config(path, "/x")); });
  };
  const auto bad = folder_ / "bad.h5";
  expect(bad, "cannot read '" + bad.string() + "': No such file or directory");
  expect(folder_.path(), "cannot read '" + folder_.path().string() + "': Is a directory");
  store::publish_file(bad, std::vector<std::byte>(3000));
  expect(bad, "'" + bad.string() + "': /: cannot open it as HDF5");
  store::publish_file(bad, std::vector<std::byte>());
  expect(bad, "'" + bad.string() + "': /: cannot open it as HDF5");
  std::vector<std::byte> image = store::read_file(path_);
  image.resize(image.size() / 2);
  store::publish_file(bad, image);
  expect(bad, "'" + bad.string() + "': /: cannot open it as HDF5");
}

TEST_F(ItemsFile, ConfigurationsThatDoNotFitAreErrorsOfUse) {
  config::Config config = items_config(path_, "/x");
  config.data.D = 63;
  expect_error(ExitCode::usage, "data.D = 63, but the items have 3 entries: set data.D = 3",
               [&] { (void)read_items(config); });
}

}  // namespace
}  // namespace icl::run
