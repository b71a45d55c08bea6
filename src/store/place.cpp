#include "icl/store/place.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <csignal>
#include <memory>
#include <string_view>
#include <system_error>

#include "icl/core/error.hpp"

namespace icl::store {
namespace {

namespace fs = std::filesystem;

constexpr const char* temporary_kind = ".tmp-";
constexpr const char* draft_kind = ".lock-";

Descriptor open_folder(const fs::path& folder) {
  Descriptor open(
      uninterrupted([&] { return ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (open.number() >= 0 || errno != EACCES) return open;
  // One may make files in a folder that one may not list.
  return Descriptor(
      uninterrupted([&] { return ::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC); }));
}

/// The name of this host as a part of file names.
std::string host_part() {
  constexpr std::size_t most_bytes = 32;
  std::array<char, HOST_NAME_MAX + 1> name{};
  ::gethostname(name.data(), name.size() - 1);
  std::string host = std::string(name.data()).substr(0, most_bytes);
  std::ranges::replace(host, '/', '_');
  return host;
}

/// A name in at most `most` bytes: whole, or its beginning (not cut inside of a UTF-8 character)
/// and a hash of all of it.
std::string shortened(const std::string& name, std::size_t most) {
  if (name.size() <= most) return name;
  const std::string hash = fmt::format("~{:016x}", XXH3_64bits(name.data(), name.size()));
  std::size_t kept = most > hash.size() ? most - hash.size() : 0;
  const auto continues = [&](std::size_t at) {
    return (static_cast<unsigned char>(name[at]) & 0xC0U) == 0x80U;
  };
  while (kept > 0 && continues(kept)) --kept;
  return name.substr(0, kept) + hash;
}

struct Owner {
  std::string_view host;
  pid_t process = 0;
};

/// Who made a file whose name is prefix + HOST-PID-RANDOM; process 0 if that is not its form.
Owner owner_of(std::string_view name, std::string_view prefix) {
  constexpr std::size_t random_digits = 8;
  if (!name.starts_with(prefix)) return {};
  name.remove_prefix(prefix.size());
  if (name.size() <= random_digits + 1) return {};
  const std::string_view random = name.substr(name.size() - random_digits);
  name.remove_suffix(random_digits);
  if (random.find_first_not_of("0123456789abcdef") != std::string_view::npos) return {};
  if (name.back() != '-') return {};
  name.remove_suffix(1);
  const std::size_t dash = name.rfind('-');
  if (dash == std::string_view::npos) return {};
  Owner owner{name.substr(0, dash)};
  const std::string_view number = name.substr(dash + 1);
  const char* const end = number.data() + number.size();
  const auto [stop, error] = std::from_chars(number.data(), end, owner.process);
  // What looks like a host may be the rest of a longer output's name.
  const bool other_output = owner.host.find(temporary_kind) != std::string_view::npos ||
                            owner.host.find(draft_kind) != std::string_view::npos;
  if (error != std::errc() || stop != end || owner.process <= 0 || other_output) return {};
  return owner;
}

/// Removes the files of a folder whose names have the prefix and an owner that is `doomed`. Best
/// effort: what cannot be removed stays.
template <class Doomed>
void remove_files(int folder, const std::string& prefix, Doomed doomed) {
  const int copy = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(copy), &::closedir);
  if (!entries) {
    if (copy >= 0) ::close(copy);
    return;
  }
  while (const dirent* entry = ::readdir(entries.get())) {
    const Owner owner = owner_of(entry->d_name, prefix);
    if (owner.process != 0 && doomed(owner)) ::unlinkat(folder, entry->d_name, 0);
  }
}

/// Names that no file has: two are equal by chance only, and files are made under them with O_EXCL.
std::string with_owner(const std::string& prefix) {
  std::uint32_t random = 0;
  if (::getrandom(&random, sizeof random, 0) != ssize_t{sizeof random}) {
    throw Error(ExitCode::io, fmt::format("cannot choose the name of a temporary file: {}",
                                          std::generic_category().message(errno)));
  }
  return fmt::format("{}{}-{}-{:08x}", prefix, host_part(), ::getpid(), random);
}

}  // namespace

fs::path follow_links(const fs::path& path) {
  constexpr int most_links = 40;  // as Linux follows
  fs::path at = path;
  for (int i = 0; i <= most_links; ++i) {
    std::array<char, PATH_MAX> text{};
    const ssize_t length = ::readlink(at.c_str(), text.data(), text.size());
    // No link, or nothing there; what else is wrong shows at the next step.
    if (length <= 0) return at;
    at = at.parent_path() / std::string(text.data(), static_cast<std::size_t>(length));
  }
  throw Error(ExitCode::cannot_create, fmt::format("cannot create '{}': {}", path.native(),
                                                   std::generic_category().message(ELOOP)));
}

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

int sync_folder(int folder) {
  constexpr std::array cannot_be_asked = {EINVAL, EBADF, EROFS, ENOTSUP, ENOSYS};
  if (uninterrupted([&] { return ::fsync(folder); }) == 0) return 0;
  return std::ranges::find(cannot_be_asked, errno) == cannot_be_asked.end() ? errno : 0;
}

Place::Place(const fs::path& path)
    : given_(path),
      path_(follow_links(path)),
      name_(path_.filename().native()),
      folder_(open_folder(folder_of(path_))) {
  const auto refuse = [&](int error, const std::string& step) {
    throw Error(ExitCode::io, fmt::format("cannot write '{}': {} ({})", given_.native(),
                                          std::generic_category().message(error), step));
  };
  if (folder_.number() < 0) {
    refuse(errno, fmt::format("opening its folder '{}'", folder_of(path_).native()));
  }
  if (name_.empty() || name_ == "." || name_ == "..") refuse(EISDIR, "looking at the target");
  const long longest = ::fpathconf(folder_.number(), _PC_NAME_MAX);
  if (longest > 0)
    longest_name_ = std::min<std::size_t>(NAME_MAX, static_cast<std::size_t>(longest));
}

std::string Place::name_with(const std::string& ending) const {
  return shortened(name_, longest_name_ - std::min(longest_name_, ending.size())) + ending;
}

std::string Place::lock_name() const { return name_with(".lock"); }

std::string Place::numbered_name(int number) const { return name_with(fmt::format(".{}", number)); }

fs::path Place::beside(const std::string& name) const { return path_.parent_path() / name; }

std::string Place::prefix(const char* kind) const {
  constexpr std::size_t longest_owner = 32 + 1 + 10 + 1 + 8;  // HOST-PID-RANDOM
  const std::size_t taken = 1 + std::string_view(draft_kind).size() + longest_owner;
  return fmt::format(".{}{}", shortened(name_, longest_name_ - std::min(longest_name_, taken)),
                     kind);
}

std::string Place::temporary_name() const { return with_owner(prefix(temporary_kind)); }

std::string Place::draft_name() const { return with_owner(prefix(draft_kind)); }

void Place::remove_temporaries() const {
  remove_files(folder(), prefix(temporary_kind), [](const Owner&) { return true; });
}

void Place::remove_drafts() const {
  const std::string host = host_part();
  remove_files(folder(), prefix(draft_kind), [&](const Owner& owner) {
    return owner.host == host && ::kill(owner.process, 0) != 0 && errno == ESRCH;
  });
}

}  // namespace icl::store
