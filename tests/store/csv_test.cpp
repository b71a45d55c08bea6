#include "icl/store/csv.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace icl::store {
namespace {

TEST(Csv, NumbersKeepTheirBitsAndWhatIsMissingIsEmpty) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const std::vector<Column> columns{
      {"step", std::vector<std::int64_t>{0, -3, std::int64_t{1} << 60}},
      {"data.K", std::vector<double>{64, infinity, -infinity}},
      {"loss", std::vector<double>{0.1, std::numeric_limits<double>::quiet_NaN(), 5e-324}}};
  EXPECT_EQ(to_csv(columns),
            "step,data.K,loss\r\n0,64,0.1\r\n-3,Inf,\r\n1152921504606846976,-Inf,5e-324\r\n");
}

TEST(Csv, TextThatCouldBeTakenForSeveralFieldsIsQuoted) {
  const std::vector<Column> columns{
      {"a,b", std::vector<std::string>{"plain text", "a,b", "say \"so\"", "two\nlines", ""}},
      {"n", std::vector<std::int64_t>{1, 2, 3, 4, 5}}};
  EXPECT_EQ(to_csv(columns),
            "\"a,b\",n\r\nplain text,1\r\n\"a,b\",2\r\n"
            "\"say \"\"so\"\"\",3\r\n\"two\nlines\",4\r\n,5\r\n");
}

TEST(Csv, ATableWithoutRowsIsItsNames) {
  EXPECT_EQ(to_csv(std::vector<Column>{{"a", std::vector<double>{}}, {"b", std::vector<double>{}}}),
            "a,b\r\n");
}

}  // namespace
}  // namespace icl::store
