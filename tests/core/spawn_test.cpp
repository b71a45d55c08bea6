#include "icl/core/spawn.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include "icl/core/error.hpp"
#include "support/errors.hpp"

namespace icl {
namespace {

TEST(Environment, HasWhatIsSetInPlaceOfOurs) {
  ASSERT_EQ(setenv("ICL_SPAWN_TEST", "ours", 1), 0);
  EXPECT_THAT(environment_with({}), testing::Contains("ICL_SPAWN_TEST=ours"));
  const std::array<std::pair<std::string, std::string>, 2> set{
      {{"ICL_SPAWN_TEST", "theirs"}, {"ICL_SPAWN", "new"}}};
  const auto all = environment_with(set);
  EXPECT_THAT(all, testing::Contains("ICL_SPAWN_TEST=theirs").Times(1));
  EXPECT_THAT(all, testing::Contains("ICL_SPAWN=new").Times(1));
  EXPECT_THAT(all, testing::Not(testing::Contains("ICL_SPAWN_TEST=ours")));
  EXPECT_EQ(all.size(), environment_with({}).size() + 1);
  unsetenv("ICL_SPAWN_TEST");
}

TEST(Pipe, ClosesItsEndsUnlessTheyAreReleased) {
  int released = -1;
  int closed = -1;
  {
    Pipe pipe;
    closed = pipe.write_end();
    released = pipe.release_read_end();
    EXPECT_EQ(pipe.read_end(), -1);
    EXPECT_EQ(fcntl(released, F_GETFD), FD_CLOEXEC);
  }
  EXPECT_EQ(fcntl(closed, F_GETFD), -1);
  EXPECT_EQ(close(released), 0);
}

TEST(FailTo, NamesTheLimitsWhereTheyMayBeTheCause) {
  EXPECT_EQ(test::message_of(ExitCode::resources, [] { fail_to("make a pipe", EMFILE); }),
            "cannot make a pipe: Too many open files (limits: ulimit -u, -n and -v, and "
            "pids.max of the cgroup)");
  EXPECT_EQ(test::message_of(ExitCode::io, [] { fail_to("make a pipe", EIO); }),
            "cannot make a pipe: Input/output error");
}

}  // namespace
}  // namespace icl
