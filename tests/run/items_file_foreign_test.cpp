#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hdf5.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "icl/core/error.hpp"
#include "icl/run/items_file.hpp"
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

/// Owns a hid_t.
class Id {
 public:
  Id(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {
    if (id < 0) throw std::runtime_error("HDF5 failed");
  }
  ~Id() { close_(id_); }
  Id(const Id&) = delete;
  Id& operator=(const Id&) = delete;
  operator hid_t() const { return id_; }  // NOLINT(google-explicit-constructor)

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

using Layout = std::function<void(hid_t creation_properties)>;

enum class Fill { yes, no };

/// Files that HDF5 itself wrote, as other programs do.
class ForeignFile : public ::testing::Test {
 protected:
  ForeignFile() {
    store::Hdf5Writer writer;
    writer.dataset("/x", {6, 3}, rows_);
    store::publish_file(path_, std::move(writer).finish());
  }

  /// Makes a file whose /x has this shape, type and layout, and 0.5, 1.5, ... as its values.
  std::filesystem::path write(const std::vector<hsize_t>& shape, hid_t type,
                              const Layout& layout = {}, Fill fill = Fill::yes) {
    std::filesystem::path path = folder_ / "foreign.h5";
    const Id file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose);
    add(file, "x", shape, type, layout, fill);
    return path;
  }

  static void add(hid_t file, const std::string& name, const std::vector<hsize_t>& shape,
                  hid_t type, const Layout& layout, Fill fill) {
    const Id properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    if (layout) layout(properties);
    const Id space(H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr),
                   H5Sclose);
    const Id dataset(
        H5Dcreate2(file, name.c_str(), type, space, H5P_DEFAULT, properties, H5P_DEFAULT),
        H5Dclose);
    if (fill == Fill::no) return;
    const auto size = static_cast<std::size_t>(H5Sget_simple_extent_npoints(space));
    const auto values = ramp<double>(size);
    ASSERT_GE(H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()),
              0);
  }

  /// Four of six rows, deflated.
  std::filesystem::path partly_deflated() {
    const auto path = write(
        {6, 3}, H5T_IEEE_F32LE,
        [](hid_t properties) {
          chunks({2, 3})(properties);
          H5Pset_deflate(properties, 1);
        },
        Fill::no);
    const Id file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose);
    const Id dataset(H5Dopen2(file, "x", H5P_DEFAULT), H5Dclose);
    const Id target(H5Dget_space(dataset), H5Sclose);
    const std::vector<hsize_t> start = {0, 0};
    const std::vector<hsize_t> count = {4, 3};
    H5Sselect_hyperslab(target, H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr);
    const Id source(H5Screate_simple(2, count.data(), nullptr), H5Sclose);
    H5Dwrite(dataset, H5T_NATIVE_FLOAT, source, target, H5P_DEFAULT, rows_.data());
    return path;
  }

  static Layout chunks(const std::vector<hsize_t>& lengths) {
    return [lengths](hid_t properties) {
      H5Pset_chunk(properties, static_cast<int>(lengths.size()), lengths.data());
    };
  }

  /// Adds /x_labels of this type, written from these values.
  static void add_labels(const std::filesystem::path& path, hid_t type,
                         const std::vector<std::int64_t>& labels) {
    const Id file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose);
    const hsize_t length = labels.size();
    const Id space(H5Screate_simple(1, &length, nullptr), H5Sclose);
    const Id dataset(
        H5Dcreate2(file, "x_labels", type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Dclose);
    ASSERT_GE(H5Dwrite(dataset, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, labels.data()), 0);
  }

  void expect_same_items(const std::filesystem::path& path) const {
    const auto items = read_items(items_config(path, "/x"));
    const auto expected = read_items(items_config(path_, "/x"));
    EXPECT_EQ(items->training.rows, expected->training.rows);
    EXPECT_EQ(items->novel.rows, expected->novel.rows);
    EXPECT_EQ(items->hash, expected->hash);
  }

  static void expect_refused(const std::filesystem::path& path, const std::string& finding) {
    expect_error(ExitCode::bad_input, "'" + path.string() + "': /x: " + finding,
                 [&] { (void)read_items(items_config(path, "/x")); });
  }

  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "items.h5";  ///< the same items from our own writer
  std::vector<float> rows_ = ramp<float>(18);
};

TEST_F(ForeignFile, TypesAndByteOrdersDoNotMatter) {
  for (const hid_t type : {H5T_IEEE_F32LE, H5T_IEEE_F32BE, H5T_IEEE_F64LE, H5T_IEEE_F64BE}) {
    expect_same_items(write({6, 3}, type));
  }
}

TEST_F(ForeignFile, LayoutAndCompressionDoNotMatter) {
  expect_same_items(write({6, 3}, H5T_IEEE_F32LE,
                          [](hid_t properties) { H5Pset_layout(properties, H5D_COMPACT); }));
  expect_same_items(write({6, 3}, H5T_IEEE_F32LE, chunks({4, 2})));
  expect_same_items(write({6, 3}, H5T_IEEE_F64BE, [](hid_t properties) {
    chunks({4, 3})(properties);
    H5Pset_shuffle(properties);
    H5Pset_deflate(properties, 9);
    H5Pset_fletcher32(properties);
  }));
}

TEST_F(ForeignFile, RowsThatWereNeverWrittenAreRefused) {
  const auto path = write({6, 3}, H5T_IEEE_F32LE, chunks({2, 3}), Fill::no);
  {
    const Id file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose);
    const Id dataset(H5Dopen2(file, "x", H5P_DEFAULT), H5Dclose);
    const Id target(H5Dget_space(dataset), H5Sclose);
    const std::vector<hsize_t> start = {2, 0};
    const std::vector<hsize_t> count = {2, 3};
    H5Sselect_hyperslab(target, H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr);
    const Id source(H5Screate_simple(2, count.data(), nullptr), H5Sclose);
    ASSERT_GE(H5Dwrite(dataset, H5T_NATIVE_FLOAT, source, target, H5P_DEFAULT, rows_.data()), 0);
  }
  expect_refused(path, "has shape [6, 3], but only 24 bytes of it are in the file");
  expect_refused(partly_deflated(), "was never written from [4, 0] on");
}

TEST_F(ForeignFile, TheNewestFormatIsRead) {
  const auto path = folder_ / "latest.h5";
  {
    const Id access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
    H5Pset_libver_bounds(access, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
    const Id file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access), H5Fclose);
    add(file, "x", {6, 3}, H5T_IEEE_F64LE, chunks({1, 3}), Fill::yes);
  }
  expect_same_items(path);
}

TEST_F(ForeignFile, Float64IsRoundedToNearestWhateverItsByteOrder) {
  const std::vector<double> values = {
      1 + 1.4e-7, 1 + 2.5 * 0x1p-23, 1 + 1.5 * 0x1p-23, 1e-46, 1e-40, -0.1, 1 / 3.0, 3e38};
  for (const hid_t type : {H5T_IEEE_F64LE, H5T_IEEE_F64BE}) {
    const auto path = write({4, 8}, type);
    {
      const Id file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose);
      const Id dataset(H5Dopen2(file, "x", H5P_DEFAULT), H5Dclose);
      std::vector<double> rows;
      for (int k = 0; k < 4; ++k) rows.insert(rows.end(), values.begin(), values.end());
      ASSERT_GE(H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, rows.data()),
                0);
    }
    config::Config config = items_config(path, "/x");
    config.data.D = 8;
    config.data.K = 2;
    const auto items = read_items(config);
    for (std::size_t d = 0; d < values.size(); ++d) {
      EXPECT_EQ(items->training.rows[d], static_cast<float>(values[d])) << d;
    }
  }
}

TEST_F(ForeignFile, WhatFloatCannotHoldIsNamed) {
  for (const double value : {1e39, -1e300, std::nan(""), std::numeric_limits<double>::infinity()}) {
    const auto path = write({6, 3}, H5T_IEEE_F64BE);
    {
      const Id file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose);
      const Id dataset(H5Dopen2(file, "x", H5P_DEFAULT), H5Dclose);
      auto rows = ramp<double>(18);
      rows[3 * 2 + 1] = value;
      ASSERT_GE(H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, rows.data()),
                0);
    }
    expect_error(ExitCode::bad_input, "row 2, column 1",
                 [&] { (void)read_items(items_config(path, "/x")); });
  }
}

TEST_F(ForeignFile, LabelsOfAnyIntegerType) {
  for (const hid_t type :
       {H5T_STD_I8LE, H5T_STD_U8BE, H5T_STD_I16BE, H5T_STD_U32LE, H5T_STD_I64BE, H5T_STD_U64LE}) {
    const auto path = write({6, 3}, H5T_IEEE_F32LE);
    add_labels(path, type, {9, 2, 2, 9, 2, 9});
    const auto items = read_items(items_config(path, "/x"));
    const auto direct = task::choose_items(items_config(path, "/x"),
                                           {6, 1, 3, rows_, {1, -1, -1, 1, -1, 1}}, std::nullopt);
    EXPECT_EQ(items->training.labels, direct.training.labels);
    EXPECT_EQ(items->novel.labels, direct.novel.labels);
  }
}

TEST_F(ForeignFile, NumbersOfAllTypesAreTaken) {
  const Id half(H5Tcopy(H5T_IEEE_F32LE), H5Tclose);
  H5Tset_fields(half, 15, 10, 5, 0, 10);
  H5Tset_ebias(half, 15);
  H5Tset_size(half, 2);
  expect_same_items(write({6, 3}, half));
  H5Tset_order(half, H5T_ORDER_BE);
  expect_same_items(write({6, 3}, half));
  const Id truth(H5Tenum_create(H5T_STD_I8LE), H5Tclose);
  for (const std::int8_t value : {std::int8_t{0}, std::int8_t{1}}) {
    H5Tenum_insert(truth, value == 0 ? "FALSE" : "TRUE", &value);
  }
  for (const hid_t type :
       {H5T_STD_I8LE, H5T_STD_U8BE, H5T_STD_I16BE, H5T_STD_U16LE, H5T_STD_I32LE, H5T_STD_U32BE,
        H5T_STD_I64BE, H5T_STD_U64LE, static_cast<hid_t>(truth), H5T_STD_B8LE}) {
    const auto path = write({6, 3}, type, {}, Fill::no);
    const bool boolean = H5Tget_class(type) == H5T_ENUM || H5Tget_class(type) == H5T_BITFIELD;
    std::vector<float> expected;
    for (int i = 0; i < 18; ++i) expected.push_back(static_cast<float>(boolean ? i % 2 : i + 100));
    {
      const Id file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose);
      const Id dataset(H5Dopen2(file, "x", H5P_DEFAULT), H5Dclose);
      std::vector<std::uint8_t> bytes(expected.begin(), expected.end());
      ASSERT_GE(H5Dwrite(dataset, boolean ? type : H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT,
                         bytes.data()),
                0);
    }
    const config::Config config = items_config(path, "/x");
    const auto direct = task::choose_items(config, {6, 1, 3, expected, {}}, std::nullopt);
    EXPECT_EQ(read_items(config)->training.rows, direct.training.rows);
  }
}

TEST_F(ForeignFile, OtherTypesAreNamed) {
  const std::string expected = "; expected float16, float32, float64, integers or bool";
  expect_refused(write({6, 3}, H5T_NATIVE_LDOUBLE), "has type non-IEEE float128" + expected);
  const Id text(H5Tcopy(H5T_C_S1), H5Tclose);
  expect_refused(write({6, 3}, text, {}, Fill::no), "has type text" + expected);
  const Id pair(H5Tcreate(H5T_COMPOUND, 8), H5Tclose);
  H5Tinsert(pair, "r", 0, H5T_IEEE_F32LE);
  H5Tinsert(pair, "i", 4, H5T_IEEE_F32LE);
  expect_refused(write({6, 3}, pair, {}, Fill::no), "has type complex" + expected);
  const Id record(H5Tcreate(H5T_COMPOUND, 4), H5Tclose);
  H5Tinsert(record, "x", 0, H5T_IEEE_F32LE);
  expect_refused(write({6, 3}, record, {}, Fill::no), "has type compound" + expected);
  const Id colour(H5Tenum_create(H5T_STD_I8LE), H5Tclose);
  const std::int8_t on = 1;
  H5Tenum_insert(colour, "TRUE", &on);
  expect_refused(write({6, 3}, colour, {}, Fill::no), "has type enumeration" + expected);
  const Id narrow(H5Tcopy(H5T_STD_I32LE), H5Tclose);
  H5Tset_precision(narrow, 20);
  expect_refused(write({6, 3}, narrow), "has type padded int32" + expected);
  expect_refused(write({6, 3}, H5T_STD_REF_OBJ, {}, Fill::no), "has type neither number nor text");
}

TEST_F(ForeignFile, ShapesAreCheckedBeforeMemoryIsAskedFor) {
  constexpr hsize_t huge = hsize_t{1} << 40U;
  expect_refused(write({hsize_t{1} << 31U, 3}, H5T_IEEE_F32LE, chunks({1024, 3}), Fill::no),
                 "has shape [2147483648, 3], more than 2147483646 rows");
  expect_refused(write({huge, 1 << 20U, 3}, H5T_IEEE_F32LE, chunks({1024, 1, 3}), Fill::no),
                 "has shape [1099511627776, 1048576, 3], more than 2147483646 rows");
  expect_refused(write({1 << 20U, 1 << 16U}, H5T_IEEE_F32LE, chunks({1024, 1}), Fill::no),
                 "has shape [1048576, 65536], more than 17179869184 bytes");
  expect_refused(write({6, hsize_t{1} << 62U}, H5T_IEEE_F32LE, chunks({1, 1}), Fill::no),
                 "has shape [6, 4611686018427387904], more than 17179869184 bytes");
  expect_refused(write({1 << 16U, 1 << 10U}, H5T_IEEE_F32LE, chunks({1, 1}), Fill::no),
                 "has shape [65536, 1024], but only 0 bytes of it are in the file");
  expect_refused(
      write({6, 3}, H5T_IEEE_F32LE, chunks({2, 3}), Fill::no),
      "has shape [6, 3], but only 0 bytes of it are in the file: not all of it was written");
  expect_refused(
      write({6, 3}, H5T_IEEE_F32LE, {}, Fill::no),
      "has shape [6, 3], but only 0 bytes of it are in the file: not all of it was written");
  expect_refused(write(std::vector<hsize_t>(5, 1), H5T_IEEE_F32LE), "has rank 5");
}

TEST_F(ForeignFile, DataOutsideOfTheFileIsRefused) {
  const auto raw = folder_ / "raw.bin";
  expect_refused(write({6, 3}, H5T_IEEE_F32LE,
                       [&](hid_t properties) { H5Pset_external(properties, raw.c_str(), 0, 72); }),
                 "is stored outside of the file");
  expect_refused(write(
                     {6, 3}, H5T_IEEE_F32LE,
                     [&](hid_t properties) {
                       const std::vector<hsize_t> shape = {6, 3};
                       const Id space(H5Screate_simple(2, shape.data(), nullptr), H5Sclose);
                       H5Pset_virtual(properties, space, path_.c_str(), "/x", space);
                     },
                     Fill::no),
                 "is stored outside of the file");
  const auto path = write({6, 3}, H5T_IEEE_F32LE);
  {
    const Id file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose);
    H5Lcreate_external(path_.c_str(), "/x", file, "other", H5P_DEFAULT, H5P_DEFAULT);
  }
  expect_error(ExitCode::bad_input, "/other: is behind a soft or external link",
               [&] { (void)read_items(items_config(path, "/other")); });
}

TEST_F(ForeignFile, FiltersOfOthersAreRefused) {
  constexpr H5Z_filter_t blosc = 32001;
  expect_refused(write({6, 3}, H5T_IEEE_F32LE,
                       [](hid_t properties) {
                         chunks({2, 3})(properties);
                         H5Pset_filter(properties, blosc, H5Z_FLAG_OPTIONAL, 0, nullptr);
                       }),
                 "is compressed by blosc (HDF5's filter 32001), which this program does not undo");
}

TEST_F(ForeignFile, DamagedChunksAreFound) {
  const auto path = write({6, 3}, H5T_IEEE_F64LE, [](hid_t properties) {
    chunks({6, 3})(properties);
    H5Pset_fletcher32(properties);
  });
  std::vector<std::byte> image = store::read_file(path);
  const std::vector<double> values = ramp<double>(18);
  const auto bytes = std::as_bytes(std::span(values));
  const auto at = std::search(image.begin(), image.end(), bytes.begin(), bytes.end());
  ASSERT_NE(at, image.end());
  at[6] = std::byte{0x11};
  store::publish_file(path, image);
  expect_refused(path, "its chunk at [0, 0] does not match its checksum");
}

// Whatever byte is damaged, there is an Error or there are items; nothing else happens.
TEST_F(ForeignFile, AnyDamagedByteIsSurvived) {
  const auto deflated = [](hid_t properties) {
    chunks({2, 3})(properties);
    H5Pset_shuffle(properties);
    H5Pset_deflate(properties, 6);
  };
  for (const Layout& layout : {chunks({2, 3}), Layout(deflated)}) {
    const auto path = write({6, 3}, H5T_IEEE_F32LE, layout);
    const std::vector<std::byte> image = store::read_file(path);
    for (std::size_t at = 0; at < image.size(); at += 17) {
      std::vector<std::byte> damaged = image;
      damaged[at] ^= std::byte{0x55};
      // Without the syncing of publish_file(), which takes a hundred times as long.
      std::ofstream(path, std::ios::binary)
          .write(reinterpret_cast<const char*>(damaged.data()),
                 static_cast<std::streamsize>(damaged.size()));
      try {
        (void)read_items(items_config(path, "/x"));
      } catch (const Error& error) {
        EXPECT_TRUE(error.code() == ExitCode::bad_input || error.code() == ExitCode::usage)
            << error.what();
      }
    }
  }
}

}  // namespace
}  // namespace icl::run
