#include "icl/core/cgroup.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <limits>
#include <string_view>
#include <vector>

namespace icl::cgroup {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    if (end > 0) parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

bool lists(std::string_view names, std::string_view name) {
  const auto parts = split(names, ',');
  return std::ranges::find(parts, name) != parts.end();
}

/// A number of 0 or more at the start of a text; "max" and -1 are none.
std::optional<std::int64_t> leading_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range && !text.starts_with('-')) {
    return std::numeric_limits<std::int64_t>::max();
  }
  if (error != std::errc{} || value < 0) return std::nullopt;
  return value;
}

std::optional<std::int64_t> number_in(const fs::path& path) {
  return leading_number(text_of(path));
}

/// mountinfo writes blanks, tabs, line breaks and backslashes as \ooo.
std::string unescaped(std::string_view text) {
  std::string plain;
  constexpr std::size_t digits = 3;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned int code = 0;
    const char* const first = text.data() + i + 1;
    if (text[i] == '\\' && i + digits < text.size() &&
        std::from_chars(first, first + digits, code, 8).ptr == first + digits) {
      plain += static_cast<char>(code);
      i += digits;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

enum class Version : std::uint8_t { one, two };

struct Mount {
  std::string group;  ///< the group that the mount shows as its top
  std::string point;
};

/// "31 23 0:28 / /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu": fields 4 and 5,
/// and, behind the dash, the type and the controllers.
std::vector<Mount> mounts_of(std::string_view mountinfo, std::string_view controller,
                             Version version) {
  std::vector<Mount> mounts;
  for (const std::string_view line : split(mountinfo, '\n')) {
    const auto fields = split(line, ' ');
    const auto dash = std::ranges::find(fields, "-");
    if (dash - fields.begin() < 6 || fields.end() - dash < 4) continue;
    const bool right = version == Version::two ? dash[1] == "cgroup2"
                                               : dash[1] == "cgroup" && lists(dash[3], controller);
    if (right) mounts.push_back({unescaped(fields[3]), unescaped(fields[4])});
  }
  return mounts;
}

/// "4:cpu,cpuacct:/path" of version 1, "0::/path" of version 2.
std::optional<std::string> group_of(std::string_view text, std::string_view controller,
                                    Version version) {
  for (const std::string_view line : split(text, '\n')) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view names = line.substr(first + 1, second - first - 1);
    if (version == Version::two ? names.empty() : lists(names, controller)) {
      return std::string(line.substr(second + 1));
    }
  }
  return std::nullopt;
}

/// `group` seen from the group `top`: "" for itself, "/x" for one below; none if it is not below.
std::optional<std::string> below(const std::string& group, const std::string& top) {
  const std::string prefix = top == "/" ? "" : top;
  if (!group.starts_with(prefix)) return std::nullopt;
  const std::string rest = group.substr(prefix.size());
  if (!rest.empty() && rest[0] != '/') return std::nullopt;
  return rest == "/" ? "" : rest;
}

/// The folders of the group and of its ancestors, as far up as the mounts show them.
std::vector<fs::path> folders(const Hierarchy& hierarchy, std::string_view controller,
                              Version version) {
  const auto group = group_of(hierarchy.groups, controller, version);
  const auto mounts = mounts_of(hierarchy.mounts, controller, version);
  std::vector<fs::path> all;
  if (!group) return all;
  const auto climb = [&](const Mount& mount, const std::string& inside) {
    const fs::path point = hierarchy.root / fs::path(mount.point).relative_path();
    for (fs::path rest = fs::path(inside).relative_path();; rest = rest.parent_path()) {
      all.push_back(rest.empty() ? point : point / rest);
      if (rest.empty()) return;
    }
  };
  for (const Mount& mount : mounts) {
    if (const auto inside = below(*group, mount.group)) climb(mount, *inside);
  }
  // In a container the names of the two texts may be of different name spaces: the top of the mount
  // is then the container's own group.
  if (all.empty() && !mounts.empty()) climb(mounts.front(), "");
  return all;
}

std::optional<double> quota_of(const fs::path& folder, Version version) {
  std::optional<std::int64_t> quota;
  std::optional<std::int64_t> period;
  if (version == Version::two) {  // "50000 100000"
    const std::string text = text_of(folder / "cpu.max");
    quota = leading_number(text);
    if (const auto blank = text.find(' '); blank != std::string::npos) {
      period = leading_number(std::string_view(text).substr(blank + 1));
    }
  } else {
    quota = number_in(folder / "cpu.cfs_quota_us");
    period = number_in(folder / "cpu.cfs_period_us");
  }
  if (!quota || !period || *quota == 0 || *period == 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

/// The sum of the named rows "name number" of a memory.stat.
std::int64_t sum_of(const std::string& stat, std::initializer_list<std::string_view> names) {
  std::int64_t sum = 0;
  for (const std::string_view line : split(stat, '\n')) {
    const std::size_t blank = std::min(line.find(' '), line.size());
    if (std::ranges::find(names, line.substr(0, blank)) == names.end()) continue;
    sum += leading_number(line.substr(std::min(blank + 1, line.size()))).value_or(0);
  }
  return sum;
}

std::optional<Memory> memory_of(const fs::path& folder, Version version) {
  const bool two = version == Version::two;
  std::optional<std::int64_t> limit =
      number_in(folder / (two ? "memory.max" : "memory.limit_in_bytes"));
  if (two) {  // above memory.high a group is slowed down until it stands still
    const auto high = number_in(folder / "memory.high");
    if (high && (!limit || *high < *limit)) limit = high;
  }
  constexpr std::int64_t unlimited = std::int64_t{1} << 60U;  // version 1 writes 2^63 less a page
  if (!limit || *limit >= unlimited) return std::nullopt;
  const std::string stat = text_of(folder / "memory.stat");
  const std::int64_t reclaimable =
      two ? sum_of(stat, {"active_file", "inactive_file", "slab_reclaimable"})
          : sum_of(stat, {"total_active_file", "total_inactive_file"});
  const std::int64_t usage =
      number_in(folder / (two ? "memory.current" : "memory.usage_in_bytes")).value_or(0);
  return Memory{.limit = *limit, .in_use = std::max<std::int64_t>(usage - reclaimable, 0)};
}

}  // namespace

Hierarchy this_process() {
  return {.groups = text_of("/proc/self/cgroup"), .mounts = text_of("/proc/self/mountinfo")};
}

std::optional<double> cpu_quota(const Hierarchy& hierarchy) {
  std::optional<double> least;
  for (const Version version : {Version::one, Version::two}) {
    for (const fs::path& folder : folders(hierarchy, "cpu", version)) {
      const auto quota = quota_of(folder, version);
      if (quota && (!least || *quota < *least)) least = quota;
    }
  }
  return least;
}

std::optional<Memory> memory(const Hierarchy& hierarchy) {
  std::optional<Memory> least;
  for (const Version version : {Version::one, Version::two}) {
    for (const fs::path& folder : folders(hierarchy, "memory", version)) {
      const auto memory = memory_of(folder, version);
      if (memory && (!least || memory->available() < least->available())) least = memory;
    }
  }
  return least;
}

}  // namespace icl::cgroup
