#include "icl/analysis/landscape_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "icl/core/error.hpp"
#include "icl/store/envelope.hpp"
#include "icl/store/hdf5_reader.hpp"

namespace icl::analysis {
namespace {

TEST(LandscapeFile, HoldsTheLandscapeOnItsGrid) {
  LandscapeRequest request;
  request.N = 20;
  request.w = {0, 2, 3};
  request.beta = {-1, 1, 5};
  const auto bytes = landscape_file(request, Workers(1));
  EXPECT_EQ(store::unseal(bytes, "a", store::FileKind::data).status, "done");
  const store::Hdf5Reader file(bytes, "a");
  EXPECT_EQ(file.read<double>("/landscape/w", {3}), (std::vector<double>{0, 1, 2}));
  EXPECT_EQ(file.read<double>("/landscape/beta", {5}), (std::vector<double>{-1, -0.5, 0, 0.5, 1}));
  const auto loss = file.read<double>("/landscape/loss", {3, 5});
  const theory::Landscape landscape(20, theory::SelfAttention::no, request.margins);
  EXPECT_EQ(loss[2 * 5 + 1], landscape.at(2, -0.5).loss);
  EXPECT_EQ(file.read<double>("/landscape/dloss_dbeta", {3, 5})[5 + 4], landscape.at(1, 1).dbeta);
  EXPECT_NEAR(file.read<double>("/landscape/nullcline", {5})[2], 2, 1e-12) << "e^0 / c2, c2 = 1/2";
  EXPECT_EQ(bytes, landscape_file(request, Workers(3)));
}

TEST(LandscapeFile, SaysWhichMarginsItIsAveragedOver) {
  LandscapeRequest request;
  request.w = {1, 1, 1};
  request.beta = {0, 0, 1};
  request.margins = {-0.5, 0.25, 2};
  request.source = {"0123", 40};
  const auto bytes = landscape_file(request, Workers(1));
  const store::Hdf5Reader file(bytes, "a");
  EXPECT_EQ(file.read<double>("/landscape/margin", {3}), request.margins);
  EXPECT_EQ(file.attribute<std::string>("/landscape", "run_xxh128"), "0123");
  EXPECT_EQ(file.attribute<std::int64_t>("/landscape", "run_step"), 40);
}

TEST(LandscapeFile, RefusesBadGrids) {
  for (const Grid& grid : {Grid{0, 1, 0}, Grid{0, std::numeric_limits<double>::infinity(), 3},
                           Grid{0, 1, 100000000}}) {
    LandscapeRequest request;
    request.w = grid;
    EXPECT_THROW((void)landscape_file(request, Workers(1)), Error);
  }
}

}  // namespace
}  // namespace icl::analysis
