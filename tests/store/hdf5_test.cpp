#include "icl/store/hdf5_reader.hpp"
#include "icl/store/hdf5_writer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "icl/core/error.hpp"
#include "icl/store/file.hpp"
#include "support/errors.hpp"

namespace icl::store {
namespace {

using test::message_of;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string long_text = [] {
  std::string text;
  for (int line = 0; line < 9000; ++line) text += "line " + std::to_string(line) + " of a TOML\n";
  return text;
}();

/// A file with everything that the writer can write.
std::vector<std::byte> sample() {
  Hdf5Writer writer;
  const std::vector<std::int64_t> steps = {0, 10, 20};
  const std::vector<double> loss = {0.7, 0.25, -0.0};
  const std::vector<float> weights = {1.5F, 2.5F, 3.5F, 4.5F, 5.5F, 1e-40F};
  const std::vector<std::int8_t> labels = {-1, 1, -1};
  const std::vector<std::int32_t> column = {7, -8};
  writer.root_text("default", "trajectory");
  writer.attribute("/", "count", std::int64_t{3});
  writer.group("/trajectory");
  writer.attribute("/trajectory", "NX_class", "NXdata");
  writer.attribute("/trajectory", "axes", std::vector<std::string>{"step", "."});
  writer.attribute("/trajectory", "auxiliary_signals", std::vector<std::string>{});
  writer.attribute("/trajectory", "lengths", std::vector<std::string>{"", "three", "a"});
  writer.attribute("/trajectory", "nothing", "");
  writer.attribute("/trajectory", "seed", std::int64_t{1} << 52);
  writer.attribute("/trajectory", "rate", 1e-10);
  writer.dataset("/trajectory/step", {3}, steps);
  writer.dataset("/trajectory/column", {2}, column);
  writer.dataset("/trajectory/loss", {3}, loss);
  writer.dataset("/trajectory/weights", {3, 2}, weights);
  writer.dataset("/trajectory/label", {3}, labels);
  writer.attribute("/trajectory/loss", "units", "nat — π");
  writer.scale("/trajectory/step", "step");
  writer.scale("/trajectory/column", "column");
  for (const char* name : {"loss", "weights", "label"}) {
    writer.attach_scale("/trajectory/" + std::string(name), 0, "/trajectory/step");
  }
  writer.attach_scale("/trajectory/weights", 1, "/trajectory/column");
  writer.dataset("/deep/er/scalar", {}, std::vector<double>{2.5});
  writer.dataset("/deep/none", {0, 4}, std::vector<float>{});
  writer.text("/provenance/config", long_text);
  writer.text("/provenance/empty", "");
  return std::move(writer).finish();
}

TEST(Hdf5Test, RoundTrip) {
  const std::vector<std::byte> image = sample();
  const Hdf5Reader reader(image, "a.h5");
  EXPECT_THAT(reader.read<std::int64_t>("/trajectory/step", {3}), ElementsAre(0, 10, 20));
  const auto loss = reader.read<double>("/trajectory/loss", {3});
  EXPECT_THAT(loss, ElementsAre(0.7, 0.25, 0.0));
  EXPECT_TRUE(std::signbit(loss[2]));
  EXPECT_THAT(reader.read<float>("/trajectory/weights", {3, 2}),
              ElementsAre(1.5F, 2.5F, 3.5F, 4.5F, 5.5F, 1e-40F));
  EXPECT_THAT(reader.read_at_most<std::int8_t>("/trajectory/label", 3), ElementsAre(-1, 1, -1));
  EXPECT_THAT(reader.read_at_most<std::int32_t>("/trajectory/column", 99), ElementsAre(7, -8));
  EXPECT_THAT(reader.read<double>("/deep/er/scalar", {}), ElementsAre(2.5));
  EXPECT_TRUE(reader.read<float>("/deep/none", {0, 4}).empty());
  EXPECT_EQ(reader.text("/provenance/config"), long_text);
  EXPECT_EQ(reader.text("/provenance/empty"), "");

  EXPECT_EQ(reader.attribute<std::int64_t>("/", "count"), 3);
  EXPECT_THAT(reader.attribute<std::vector<std::string>>("/trajectory", "lengths"),
              ElementsAre("", "three", "a"));
  EXPECT_EQ(reader.attribute<std::string>("/trajectory", "nothing"), "");
  EXPECT_EQ(reader.attribute<std::string>("/trajectory/loss", "units"), "nat — π");
  EXPECT_EQ(reader.attribute<std::int64_t>("/trajectory", "seed"), std::int64_t{1} << 52);
  EXPECT_EQ(reader.attribute<double>("/trajectory", "rate"), 1e-10);
  EXPECT_THAT(reader.attribute<std::vector<std::string>>("/trajectory", "axes"),
              ElementsAre("step", "."));
  EXPECT_TRUE(
      reader.attribute<std::vector<std::string>>("/trajectory", "auxiliary_signals").empty());
  EXPECT_EQ(reader.find_attribute<double>("/trajectory", "none"), std::nullopt);
  EXPECT_EQ(reader.find_attribute<double>("/trajectory", "rate"), 1e-10);
}

TEST(Hdf5Test, ListsWhatIsThere) {
  const std::vector<std::byte> image = sample();
  const Hdf5Reader reader(image, "a.h5");
  EXPECT_THAT(reader.children("/"),
              ElementsAre(Child{"deep", NodeKind::group}, Child{"provenance", NodeKind::group},
                          Child{"trajectory", NodeKind::group}));
  EXPECT_THAT(reader.children("/deep"),
              ElementsAre(Child{"er", NodeKind::group}, Child{"none", NodeKind::dataset}));
  EXPECT_THAT(reader.attributes("/trajectory"), ElementsAre("NX_class", "auxiliary_signals", "axes",
                                                            "lengths", "nothing", "rate", "seed"));
  EXPECT_THAT(reader.attributes("/trajectory/step"),
              ElementsAre("CLASS", "NAME", "REFERENCE_LIST"));
  EXPECT_TRUE(reader.exists("/"));
  EXPECT_TRUE(reader.exists("/deep/er/scalar"));
  EXPECT_FALSE(reader.exists("/deep/er/no/no"));
  EXPECT_FALSE(reader.exists("/deep/none/no"));
  EXPECT_EQ(reader.shape("/trajectory/weights"), (Extents{3, 2}));
  EXPECT_EQ(reader.shape("/deep/er/scalar"), Extents{});
  EXPECT_EQ(reader.type("/trajectory/weights"), ElementType::float32);
  EXPECT_EQ(reader.type("/trajectory/loss"), ElementType::float64);
  EXPECT_EQ(reader.type("/trajectory/label"), ElementType::int8);
  EXPECT_EQ(reader.type("/trajectory/column"), ElementType::int32);
  EXPECT_EQ(reader.type("/trajectory/step"), ElementType::int64);
  EXPECT_EQ(reader.type("/provenance/config"), ElementType::text);
}

TEST(Hdf5Test, ConvertsFloatingPointOnlyWhenAsked) {
  const std::vector<std::byte> image = sample();
  const Hdf5Reader reader(image, "a.h5");
  EXPECT_THAT(reader.read<float>("/trajectory/loss", {3}, Precision::convert),
              ElementsAre(0.7F, 0.25F, 0.0F));
  EXPECT_EQ(reader.read_at_most<double>("/trajectory/weights", 6, Precision::convert)[5],
            double{1e-40F});
  EXPECT_THAT(
      message_of(ExitCode::bad_input, [&] { (void)reader.read<float>("/trajectory/loss", {3}); }),
      HasSubstr("'a.h5': /trajectory/loss: has type float64, expected float32"));
  for (const char* name : {"/trajectory/step", "/trajectory/label"}) {
    EXPECT_THAT(message_of(ExitCode::bad_input,
                           [&] { (void)reader.read<double>(name, {3}, Precision::convert); }),
                HasSubstr("expected float64"));
  }
  EXPECT_THAT(
      message_of(
          ExitCode::bad_input,
          [&] { (void)reader.read<std::int64_t>("/trajectory/loss", {3}, Precision::convert); }),
      HasSubstr("expected int64"));
}

TEST(Hdf5Test, ReadingNamesWhatIsWrong) {
  const std::vector<std::byte> image = sample();
  const Hdf5Reader reader(image, "a.h5");
  const auto failing = [](auto action) { return message_of(ExitCode::bad_input, action); };
  EXPECT_THAT(failing([&] { (void)reader.read<double>("/trajectory/no", {3}); }),
              HasSubstr("'a.h5': /trajectory/no: is missing"));
  EXPECT_THAT(failing([&] { (void)reader.read<double>("/trajectory", {3}); }),
              HasSubstr("is not a dataset"));
  EXPECT_THAT(failing([&] {
                (void)reader.read<double>("/trajectory/loss", {3, 1});
              }),
              HasSubstr("has shape [3], expected [3, 1]"));
  EXPECT_THAT(failing([&] { (void)reader.read_at_most<float>("/trajectory/weights", 5); }),
              HasSubstr("has shape [3, 2], more than 5 elements"));
  EXPECT_THAT(failing([&] { (void)reader.text("/trajectory/loss"); }), HasSubstr("scalar text"));
  EXPECT_THAT(failing([&] { (void)reader.read<double>("/provenance/config", {}); }),
              HasSubstr("has type text"));
  EXPECT_THAT(failing([&] { (void)reader.children("/trajectory/loss"); }),
              HasSubstr("not a group"));
  EXPECT_THAT(failing([&] { (void)reader.exists("trajectory"); }),
              HasSubstr("not an absolute path"));
  EXPECT_THAT(failing([&] { (void)reader.attribute<double>("/trajectory", "no"); }),
              HasSubstr("/trajectory: has no attribute no"));
  EXPECT_THAT(failing([&] { (void)reader.attribute<double>("/trajectory", "seed"); }),
              HasSubstr("/trajectory: attribute seed: is not a scalar float64"));
  EXPECT_THAT(failing([&] { (void)reader.attribute<std::string>("/trajectory", "axes"); }),
              HasSubstr("is not a string"));
  EXPECT_THAT(failing([&] {
                (void)reader.find_attribute<std::vector<std::string>>("/trajectory", "rate");
              }),
              HasSubstr("is not a list of strings"));
}

TEST(Hdf5Test, BuildingNamesWhatIsWrong) {
  Hdf5Writer writer;
  writer.dataset("/a", {2}, std::vector<double>{1, 2});
  writer.dataset("/b", {2, 1}, std::vector<double>{1, 2});
  writer.attribute("/a", "units", "s");
  const std::vector<double> three = {1, 2, 3};
  const auto failing = [](auto action) { return message_of(ExitCode::internal, action); };
  EXPECT_THAT(failing([&] { writer.dataset("/a", {3}, three); }), HasSubstr("/a: exists already"));
  EXPECT_THAT(failing([&] { writer.dataset("/c", {2}, three); }),
              HasSubstr("/c: 3 values for shape [2]"));
  EXPECT_THAT(failing([&] {
                writer.dataset("/c", {std::uint64_t{1} << 63, 6}, three);
              }),
              HasSubstr("3 values for shape"));
  EXPECT_THAT(failing([&] { writer.dataset("c", {3}, three); }), HasSubstr("not an absolute path"));
  EXPECT_THAT(failing([&] { writer.dataset("/a/c", {3}, three); }), HasSubstr("cannot make it"));
  EXPECT_THAT(failing([&] { writer.group("/a"); }), HasSubstr("not a group"));
  EXPECT_THAT(failing([&] { writer.attribute("/a", "units", "s"); }), HasSubstr("HDF5:"));
  EXPECT_THAT(failing([&] { writer.attribute("/no", "units", "s"); }), HasSubstr("is missing"));
  EXPECT_THAT(failing([&] { writer.text("/t", std::string("a\0b", 3)); }), HasSubstr("NUL"));
  EXPECT_THAT(failing([&] { writer.scale("/b", "b"); }), HasSubstr("not one axis"));
  EXPECT_THAT(failing([&] { writer.attach_scale("/b", 1, "/a"); }), HasSubstr("axis 1"));
  EXPECT_THAT(failing([&] { writer.attach_scale("/b", 2, "/a"); }), HasSubstr("axis 2"));
  // Nothing of what failed is in the file.
  const std::vector<std::byte> image = std::move(writer).finish();
  EXPECT_THAT(Hdf5Reader(image, "a.h5").children("/"),
              ElementsAre(Child{"a", NodeKind::dataset}, Child{"b", NodeKind::dataset}));
}

TEST(Hdf5Test, ATableIsOneDatasetOfRows) {
  const auto write = [] {
    const std::vector<Column> columns = {
        {"count", std::vector<std::int64_t>{0x0102030405060708, -1}},
        {"share", std::vector<double>{0.5, -2.0}},
        {"name", std::vector<std::string>{"a", "four"}}};
    Hdf5Writer writer;
    writer.table("/deep/table", "what it is", columns);
    return std::move(writer).finish();
  };
  const std::vector<std::byte> image = write();
  const Hdf5Reader reader(image, "a.h5");
  EXPECT_EQ(reader.shape("/deep/table"), Extents{2});
  EXPECT_EQ(reader.type("/deep/table"), ElementType::other);
  EXPECT_EQ(reader.attribute<std::string>("/deep/table", "CLASS"), "TABLE");
  EXPECT_EQ(reader.attribute<std::string>("/deep/table", "TITLE"), "what it is");
  EXPECT_EQ(reader.attribute<std::string>("/deep/table", "FIELD_2_NAME"), "name");
  // Row after row, without gaps, little-endian.
  const std::string rows(
      "\x08\x07\x06\x05\x04\x03\x02\x01"
      "\0\0\0\0\0\0\xe0\x3f"
      "a\0\0\0"
      "\xff\xff\xff\xff\xff\xff\xff\xff"
      "\0\0\0\0\0\0\0\xc0"
      "four",
      40);
  EXPECT_NE(std::ranges::search(image, std::as_bytes(std::span(rows))).begin(), image.end());
  EXPECT_TRUE(write() == image);
}

TEST(Hdf5Test, ATableNeedsColumnsOfOneLength) {
  Hdf5Writer writer;
  const auto failing = [&](const std::vector<Column>& columns) {
    return message_of(ExitCode::internal, [&] { writer.table("/t", "title", columns); });
  };
  EXPECT_THAT(failing({}), HasSubstr("/t: has no columns"));
  EXPECT_THAT(failing({{"a", std::vector<std::int64_t>{1, 2}}, {"b", std::vector<double>{1}}}),
              HasSubstr("/t: its columns differ in length"));
  EXPECT_THAT(failing({{"a", std::vector<std::string>{std::string("a\0b", 3)}}}), HasSubstr("NUL"));
  EXPECT_THAT(failing({{"a", std::vector<double>{1}}, {"a", std::vector<double>{1}}}),
              HasSubstr("add column a"));
  const std::vector<std::byte> image = std::move(writer).finish();
  EXPECT_TRUE(Hdf5Reader(image, "a.h5").children("/").empty());
}

TEST(Hdf5Test, AnImageBeginsAsHdf5DoesAndMayBeFollowedByAnything) {
  std::vector<std::byte> image = sample();
  const std::string first(reinterpret_cast<const char*>(image.data()), hdf5_signature.size());
  EXPECT_EQ(first, hdf5_signature);
  image.resize(image.size() + 700, std::byte{'x'});
  const Hdf5Reader reader(image, "a.h5");
  EXPECT_EQ(reader.text("/provenance/config"), long_text);
}

// HDF5's global heap, where such text lies, is where hostile files crash libhdf5.
TEST(Hdf5Test, TextOfVariableLengthIsNotRead) {
  const std::vector<std::byte> image = sample();
  const Hdf5Reader reader(image, "a.h5");
  EXPECT_THAT(
      message_of(ExitCode::bad_input, [&] { (void)reader.attribute<std::string>("/", "default"); }),
      HasSubstr("'a.h5': /: attribute default: is text of variable length"));
  EXPECT_EQ(reader.attribute_value("/", "default"), std::nullopt);
  EXPECT_EQ(reader.varying_text("/", "default"), "trajectory");
  EXPECT_EQ(reader.attribute_value("/trajectory", "nothing"), AttributeValue(std::string()));
}

TEST(Hdf5Test, SeveralFilesAreOpenAtOnce) {
  Hdf5Writer first;
  Hdf5Writer second = std::move(first);
  first = Hdf5Writer();
  first.dataset("/x", {1}, std::vector<double>{1});
  second.dataset("/x", {1}, std::vector<double>{2});
  const auto a = std::move(first).finish();
  const auto b = std::move(second).finish();
  const Hdf5Reader read_a(a, "a");
  const Hdf5Reader again(a, "a");
  const Hdf5Reader read_b(b, "b");
  EXPECT_THAT(read_a.read<double>("/x", {1}), ElementsAre(1));
  EXPECT_THAT(read_b.read<double>("/x", {1}), ElementsAre(2));
  EXPECT_THAT(again.read<double>("/x", {1}), ElementsAre(1));
}

TEST(Hdf5Test, ALargeFile) {
  std::vector<float> values(std::size_t{3} << 20U);
  std::iota(values.begin(), values.end(), 0.0F);
  Hdf5Writer writer;
  for (int i = 0; i < 4; ++i) writer.dataset("/g/" + std::to_string(i), {values.size()}, values);
  for (int i = 0; i < 300; ++i) writer.text("/t/" + std::to_string(i), std::to_string(i));
  const auto image = std::move(writer).finish();
  const Hdf5Reader reader(image, "a");
  EXPECT_EQ(reader.read<float>("/g/3", {values.size()}), values);
  EXPECT_EQ(reader.children("/t").size(), 300U);
  EXPECT_EQ(reader.text("/t/299"), "299");
}

TEST(Hdf5Test, EqualCallsGiveEqualBytesLater) {
  const auto first = sample();
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  EXPECT_TRUE(sample() == first);
}

TEST(Hdf5Test, EqualCallsGiveEqualBytesInOtherProcesses) {
  // Called without the variable, the test starts itself with it; then it only writes the file.
  constexpr const char* variable = "ICL_HDF5_TEST_WRITES";
  if (const char* const path = std::getenv(variable)) {
    publish_file(path, sample());
    return;
  }
  const auto folder = std::filesystem::temp_directory_path();
  for (const std::string fill : {"1", "165"}) {  // glibc: new memory is not zero but this
    const auto path = folder / ("icl-hdf5-test-" + std::to_string(::getpid()) + "-" + fill);
    std::vector<std::string> arguments = {
        "/proc/self/exe", "--gtest_filter=Hdf5Test.EqualCallsGiveEqualBytesInOtherProcesses"};
    std::vector<std::string> environment = {variable + ("=" + path.string()),
                                            "MALLOC_PERTURB_=" + fill};
    std::vector<char*> argv = {arguments[0].data(), arguments[1].data(), nullptr};
    std::vector<char*> envp = {environment[0].data(), environment[1].data()};
    for (char** entry = environ; *entry != nullptr; ++entry) envp.push_back(*entry);
    envp.push_back(nullptr);
    pid_t child = 0;
    ASSERT_EQ(::posix_spawn(&child, argv[0], nullptr, nullptr, argv.data(), envp.data()), 0);
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0);
    EXPECT_TRUE(read_file(path) == sample());
    std::filesystem::remove(path);
  }
}

TEST(Hdf5Test, RefusesWhatIsNotHdf5) {
  const auto open = [](const std::vector<std::byte>& bytes) {
    return message_of(ExitCode::bad_input, [&] { const Hdf5Reader reader(bytes, "a.h5"); });
  };
  EXPECT_THAT(open({}), HasSubstr("'a.h5': /: the file is empty"));
  EXPECT_THAT(open(std::vector<std::byte>(5000)), AllOf(HasSubstr("'a.h5'"), HasSubstr("HDF5")));
  const auto image = sample();
  for (const std::size_t size :
       {std::size_t{1}, std::size_t{512}, std::size_t{600}, std::size_t{4000}, image.size() - 1}) {
    open({image.begin(), image.begin() + static_cast<std::ptrdiff_t>(size)});
  }
}

}  // namespace
}  // namespace icl::store
