#include "icl/core/cgroup.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace icl::cgroup {
namespace {

namespace fs = std::filesystem;

/// A folder in which hierarchies are planted.
class Planted : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = fs::temp_directory_path() / "icl_cgroup_XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    hierarchy.root = name;
  }
  void TearDown() override { fs::remove_all(hierarchy.root); }

  void plant(const fs::path& path, const std::string& text) const {
    const fs::path file = hierarchy.root / path;
    fs::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }

  Hierarchy hierarchy;
};

const std::string v1 =
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n";
const std::string v2 =
    "25 24 0:22 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";

TEST_F(Planted, NothingThereIsNoLimit) {
  EXPECT_FALSE(cpu_quota(hierarchy));
  EXPECT_FALSE(memory(hierarchy));
  hierarchy.groups = "4:memory:/a\n5:cpu,cpuacct:/a\n0::/a\n";
  EXPECT_FALSE(cpu_quota(hierarchy));
  hierarchy.mounts = v1 + v2;
  EXPECT_FALSE(cpu_quota(hierarchy)) << "mounted, but without a file";
  EXPECT_FALSE(memory(hierarchy));
}

TEST_F(Planted, MalformedTextsAreNoLimit) {
  hierarchy.groups = "\n::\n0:\n:::\nx\n0::/a\n5:cpu:/a";
  hierarchy.mounts = "- - - -\n1 2 3\n" + v1 + "9 9 0:1 / /x rw -\n" + v2;
  plant("sys/fs/cgroup/a/cpu.max", "");
  plant("sys/fs/cgroup/a/memory.max", "-5\n");
  plant("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "x");
  EXPECT_FALSE(cpu_quota(hierarchy));
  EXPECT_FALSE(memory(hierarchy));
  plant("sys/fs/cgroup/a/cpu.max", "50000 0\n");
  EXPECT_FALSE(cpu_quota(hierarchy));
  plant("sys/fs/cgroup/a/cpu.max", "50000");
  EXPECT_FALSE(cpu_quota(hierarchy));
}

TEST_F(Planted, QuotaOfVersion2IsTheLeastOfAllAncestors) {
  hierarchy.groups = "0::/a/b/c\n";
  hierarchy.mounts = v2;
  plant("sys/fs/cgroup/a/b/c/cpu.max", "max 100000\n");
  plant("sys/fs/cgroup/a/b/cpu.max", "300000 100000\n");
  EXPECT_EQ(cpu_quota(hierarchy), 3.0);
  plant("sys/fs/cgroup/a/cpu.max", "50000 200000\n");
  EXPECT_EQ(cpu_quota(hierarchy), 0.25);
  plant("sys/fs/cgroup/a/b/c/cpu.max", "1000 100000\n");
  EXPECT_EQ(cpu_quota(hierarchy), 0.01);
}

TEST_F(Planted, QuotaOfVersion1) {
  hierarchy.groups = "5:cpu,cpuacct:/job\n4:memory:/\n";
  hierarchy.mounts = v1;
  plant("sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us", "-1\n");
  plant("sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us", "100000\n");
  EXPECT_FALSE(cpu_quota(hierarchy));
  plant("sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us", "150000\n");
  EXPECT_EQ(cpu_quota(hierarchy), 1.5);
  plant("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "100000\n");
  plant("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cpu_quota(hierarchy), 1.0);
}

TEST_F(Planted, ControllersAreWholeWords) {
  hierarchy.groups = "6:cpuset:/set\n7:cpuacct:/account\n";
  hierarchy.mounts = "1 1 0:1 / /cg/cpuset rw - cgroup cgroup rw,cpuset\n";
  plant("cg/cpuset/set/cpu.cfs_quota_us", "100000\n");
  plant("cg/cpuset/set/cpu.cfs_period_us", "100000\n");
  EXPECT_FALSE(cpu_quota(hierarchy));
}

TEST_F(Planted, BothVersionsAtOnce) {
  hierarchy.groups = "4:memory:/m\n0::/u\n";
  hierarchy.mounts = v1 + "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
  plant("sys/fs/cgroup/memory/m/memory.limit_in_bytes", "2000000000\n");
  plant("sys/fs/cgroup/memory/m/memory.usage_in_bytes", "500000000\n");
  plant("sys/fs/cgroup/unified/u/cpu.max", "100000 100000\n");
  EXPECT_EQ(cpu_quota(hierarchy), 1.0);
  EXPECT_EQ(memory(hierarchy)->available(), 1500000000);
}

TEST_F(Planted, InAContainerTheMountShowsAPartOfTheHierarchy) {
  hierarchy.groups = "0::/docker/abc/job\n";
  hierarchy.mounts = "9 8 0:2 /docker/abc /a\\040place\\134x rw - cgroup2 cgroup rw\n";
  plant("a place\\x/job/cpu.max", "200000 100000\n");
  EXPECT_EQ(cpu_quota(hierarchy), 2.0);
  plant("a place\\x/cpu.max", "100000 100000\n");
  EXPECT_EQ(cpu_quota(hierarchy), 1.0);
  hierarchy.groups = "0::/docker/abcd\n";  // not below /docker/abc
  EXPECT_EQ(cpu_quota(hierarchy), 1.0) << "the top of the mount, if the names do not fit";
  hierarchy.groups = "0::/\n";
  EXPECT_EQ(cpu_quota(hierarchy), 1.0);
}

TEST_F(Planted, OfSeveralMountsThoseCountThatShowTheGroup) {
  hierarchy.groups = "0::/a/b\n";
  hierarchy.mounts =
      "9 8 0:2 /other /other rw - cgroup2 cgroup rw\n"
      "9 8 0:2 / /all rw - cgroup2 cgroup rw\n";
  plant("other/cpu.max", "1000 100000\n");
  plant("all/a/b/cpu.max", "400000 100000\n");
  EXPECT_EQ(cpu_quota(hierarchy), 4.0);
}

TEST_F(Planted, MemoryInUseLeavesOutTheFileCache) {
  hierarchy.groups = "0::/a/b\n";
  hierarchy.mounts = v2;
  plant("sys/fs/cgroup/a/memory.max", "3000\n");
  plant("sys/fs/cgroup/a/memory.current", "2500\n");
  plant("sys/fs/cgroup/a/memory.stat",
        "anon 1000\nactive_file 700\ninactive_file 500\ninactive_anon 9\nslab_reclaimable 100\n");
  ASSERT_TRUE(memory(hierarchy));
  EXPECT_EQ(memory(hierarchy)->limit, 3000);
  EXPECT_EQ(memory(hierarchy)->in_use, 1200);
  EXPECT_EQ(memory(hierarchy)->available(), 1800);
  // The group with the least room counts, not the one with the least limit.
  plant("sys/fs/cgroup/a/b/memory.max", "2000\n");
  plant("sys/fs/cgroup/a/b/memory.current", "100\n");
  EXPECT_EQ(memory(hierarchy)->limit, 3000);
  plant("sys/fs/cgroup/a/b/memory.high", "1000\n");
  EXPECT_EQ(memory(hierarchy)->available(), 900);
  plant("sys/fs/cgroup/a/b/memory.current", "1500\n");
  EXPECT_EQ(memory(hierarchy)->available(), 0) << "never less than nothing";
}

TEST_F(Planted, MemoryOfVersion1) {
  hierarchy.groups = "4:memory:/slurm/job\n";
  hierarchy.mounts = v1;
  const fs::path job = "sys/fs/cgroup/memory/slurm/job";
  plant(job / "memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_FALSE(memory(hierarchy)) << "how version 1 writes that there is no limit";
  plant(job / "memory.limit_in_bytes", "18446744073709551615\n");
  EXPECT_FALSE(memory(hierarchy));
  plant(job.parent_path() / "memory.limit_in_bytes", "4000\n");
  plant(job.parent_path() / "memory.usage_in_bytes", "3000\n");
  plant(job.parent_path() / "memory.stat",
        "cache 900\nactive_file 1\ntotal_active_file 200\ntotal_inactive_file 300\n");
  EXPECT_EQ(memory(hierarchy)->available(), 1500);
}

/// A group made on this machine, with this process in it.
class Real : public testing::Test {
 protected:
  void TearDown() override {
    if (folder.empty()) return;
    std::ofstream(folder.parent_path() / "cgroup.procs") << getpid() << std::flush;
    fs::remove(folder);
  }
  /// False where the group cannot be made, or where this process is in a group that another
  /// manages.
  bool enter(const std::string& controller) {
    const fs::path top = "/sys/fs/cgroup/" + controller;
    const std::string groups = this_process().groups;
    if (groups.find(":" + controller + ":/\n") == groups.npos) return false;
    const fs::path made = top / ("icl_test_" + std::to_string(getpid()));
    std::error_code error;
    if (!fs::create_directory(made, error)) return false;
    folder = made;
    std::ofstream procs(made / "cgroup.procs");
    return static_cast<bool>(procs << getpid() << std::flush);
  }
  void set(const std::string& file, const std::string& value) const {
    std::ofstream out(folder / file);
    ASSERT_TRUE(out << value << std::flush) << file;
  }

  fs::path folder;
};

TEST_F(Real, QuotaOfAGroupOfVersion1) {
  if (!enter("cpu")) GTEST_SKIP() << "needs root and a hierarchy of version 1";
  set("cpu.cfs_period_us", "100000");
  EXPECT_FALSE(cpu_quota());
  set("cpu.cfs_quota_us", "150000");
  EXPECT_EQ(cpu_quota(), 1.5);
}

TEST_F(Real, MemoryOfAGroupOfVersion1) {
  if (!enter("memory")) GTEST_SKIP() << "needs root and a hierarchy of version 1";
  set("memory.limit_in_bytes", "1073741824");
  ASSERT_TRUE(memory());
  EXPECT_EQ(memory()->limit, 1073741824);
}

}  // namespace
}  // namespace icl::cgroup
