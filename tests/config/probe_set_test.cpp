#include "icl/config/probe_set.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "icl/config/field_values.hpp"

namespace icl::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using enum ProbeName;

TEST(ProbeRows, NameEachProbeOnce) {
  std::set<std::string_view> names;
  std::set<ProbeName> probes;
  for (const ProbeRow& row : probe_rows()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_TRUE(probes.insert(row.probe).second) << row.name;
    EXPECT_EQ(row.name.find_first_of(" ,"), std::string_view::npos) << row.name;
  }
  EXPECT_EQ(names.size(), 9U);
}

/// Names of the probes of a system.
std::vector<std::string_view> names_in(std::string_view system) {
  std::vector<std::string_view> names;
  for (const ProbeRow& row : probe_rows()) {
    if (has_probe(choice_of<System>(system).value(), row.probe)) names.push_back(row.name);
  }
  return names;
}

TEST(HasProbe, SaysWhatASystemHas) {
  for (const std::string_view system : {"one_layer", "multi_layer"}) {
    EXPECT_THAT(names_in(system), ElementsAre("memorisation", "effective", "attention", "margins",
                                              "alignment", "lesions", "norms"));
  }
  for (const std::string_view system : {"scalar_beta", "minimal"}) {
    EXPECT_THAT(names_in(system), ElementsAre("memorisation", "effective", "attention", "margins",
                                              "lesions", "norms"));
  }
  EXPECT_THAT(names_in("memoriser"), ElementsAre("memorisation", "norms"));
  EXPECT_THAT(names_in("blocks"), ElementsAre("memorisation", "effective", "attention", "margins",
                                              "lesions", "norms", "heads", "head_lesions"));
}

TEST(ProbesOf, TakeNamesBetweenBlanksAndCommas) {
  Config config;
  for (const std::string_view text :
       {"norms,lesions", "norms lesions", "norms, lesions", "  norms ,, lesions , "}) {
    config.probe.record = text;
    EXPECT_THAT(probes_of(config), ElementsAre(lesions, norms)) << text;
  }
  config.probe.record = " , ";
  EXPECT_THAT(probes_of(config), IsEmpty());
}

TEST(ProbesOf, AreAllThatTheSystemHas) {
  Config config;
  EXPECT_THAT(probes_of(config),
              ElementsAre(memorisation, effective, attention, margins, alignment, lesions, norms));
  config.model.system = config::System::minimal;
  EXPECT_THAT(probes_of(config),
              ElementsAre(memorisation, effective, attention, margins, lesions, norms));
  config.model.system = config::System::memoriser;
  EXPECT_THAT(probes_of(config), ElementsAre(memorisation, norms));
  config.model.system = config::System::blocks;
  EXPECT_THAT(probes_of(config),
              ElementsAre(memorisation, effective, attention, margins, lesions, norms));
  config.data.label_count = 3;
  EXPECT_THAT(probes_of(config), ElementsAre(attention, margins, lesions, norms));
  config.data.label_count.reset();
  config.data.task = config::TaskKind::regression;
  EXPECT_THAT(probes_of(config), ElementsAre(norms)) << "the others look at items with labels";
  config.data.task = config::TaskKind::chains;
  EXPECT_THAT(probes_of(config), ElementsAre(norms));
}

// A run of before they came, which names none, goes on with the columns that it has.
TEST(ProbesOf, AreThoseOfHeadsOnlyWhereTheyAreNamed) {
  Config config;
  config.model.system = config::System::blocks;
  EXPECT_THAT(probes_of(config),
              ElementsAre(memorisation, effective, attention, margins, lesions, norms));
  config.probe.record = "head_lesions, heads, norms";
  for (std::size_t task = 0; task < enumerator_count<TaskKind>(); ++task) {
    config.data.task = static_cast<TaskKind>(task);
    EXPECT_THAT(probes_of(config), ElementsAre(norms, heads, head_lesions)) << "of any task";
  }
}

TEST(ProbesOf, AreThoseAskedForInTheOrderOfTheTable) {
  Config config;
  config.probe.record = "norms, memorisation norms";
  EXPECT_THAT(probes_of(config), ElementsAre(memorisation, norms));
}

TEST(ProbesOf, AreNoneWithoutSequences) {
  Config config;
  config.probe.sequences = 0;
  EXPECT_THAT(probes_of(config), IsEmpty());
  config.probe.record = "norms";
  EXPECT_THAT(probes_of(config), IsEmpty());
}

// What the help says of probe.record is text of its own.
TEST(Probes, AreAllNamedInTheDocOfTheirKey) {
  for (const ProbeRow& row : probe_rows()) {
    EXPECT_THAT(std::string(find_field("probe.record")->doc),
                testing::HasSubstr(std::string(row.name)));
  }
}

}  // namespace
}  // namespace icl::config
