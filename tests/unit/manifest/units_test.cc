// SPDX-License-Identifier: Apache-2.0
#include "outrigger/manifest/units.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

namespace outrigger::manifest {
namespace {

struct Known {
  const char* from;
  double value;
  const char* to;
  double expected;
};

class KnownConversion : public ::testing::TestWithParam<Known> {};

TEST_P(KnownConversion, GivesTheKnownValueAndComesBack) {
  const Known& known = GetParam();

  const auto there = ConvertUnit(known.from, known.to);
  const auto back = ConvertUnit(known.to, known.from);

  ASSERT_TRUE(there.ok()) << there.error().ToString();
  ASSERT_TRUE(back.ok()) << back.error().ToString();
  const double slack = 1e-12 * std::max(1.0, std::abs(known.expected));
  EXPECT_NEAR(there->Apply(known.value), known.expected, slack);
  EXPECT_NEAR(back->Apply(there->Apply(known.value)), known.value,
              1e-12 * std::max(1.0, std::abs(known.value)));
}

INSTANTIATE_TEST_SUITE_P(OfUcum, KnownConversion,
                         ::testing::ValuesIn(std::vector<Known>{
                             Known{"[degF]",      32,      "Cel",       0                 },
                             Known{"[degF]",      212,     "Cel",       100               },
                             Known{"[degF]",      -40,     "Cel",       -40               },
                             Known{"Cel",         0,       "K",         273.15            },
                             Known{"K",           0,       "[degF]",    -459.67           },
                             Known{"[degR]",      491.67,  "Cel",       0                 },
                             Known{"mCel",        1000,    "Cel",       1                 },
                             Known{"Cel{inside}", 21.5,    "Cel",       21.5              },
                             Known{"km/h",        3.6,     "m/s",       1                 },
                             Known{"[mi_i]/h",    1,       "m/s",       0.44704           },
                             Known{"[kn_i]",      1,       "km/h",      1.852             },
                             Known{"mm/s",        1000,    "m/s",       1                 },
                             Known{"bar",         1,       "Pa",        100000            },
                             Known{"mbar",        1013.25, "atm",       1                 },
                             Known{"[psi]",       1,       "kPa",       6.894757293168361 },
                             Known{"mm[Hg]",      760,     "kPa",       101.32472         },
                             Known{"cm[H2O]",     1,       "Pa",        98.0665           },
                             Known{"m[H2O]",      1,       "kPa",       9.80665           },
                             Known{"%",           50,      "1",         0.5               },
                             Known{"[ppm]",       10000,   "%",         1                 },
                             Known{"[ppth]",      1,       "%",         0.1               },
                             Known{"[ppb]",       1000,    "[ppm]",     1                 },
                             Known{"/min",        60,      "Hz",        1                 },
                             Known{"{rev}/min",   3000,    "Hz",        50                },
                             Known{"Hz",          1,       "/h",        3600              },
                             Known{"min",         1,       "s",         60                },
                             Known{"d",           1,       "h",         24                },
                             Known{"wk",          1,       "d",         7                 },
                             Known{"a",           1,       "d",         365.25            },
                             Known{"W.h",         1,       "J",         3600              },
                             Known{"kW.h",        1,       "MJ",        3.6               },
                             Known{"[HP]",        1,       "W",         745.69987158227022},
                             Known{"A.h",         1,       "C",         3600              },
                             Known{"V.A",         5,       "W",         5                 },
                             Known{"V/A",         1,       "Ohm",       1                 },
                             Known{"A/V",         1,       "S",         1                 },
                             Known{"m3/h",        3600,    "L/s",       1000              },
                             Known{"L/min",       60,      "m3/h",      3.6               },
                             Known{"[gal_us]",    1,       "L",         3.785411784       },
                             Known{"deg",         180,     "rad",       M_PI              },
                             Known{"circ",        1,       "deg",       360               },
                             Known{"gon",         100,     "deg",       90                },
                             Known{"'",           60,      "deg",       1                 },
                             Known{"[g]",         1,       "m/s2",      9.80665           },
                             Known{"m/s2",        1,       "m.s-2",     1                 },
                             Known{"N.m",         1,       "J",         1                 },
                             Known{"kg.m/s2",     1,       "N",         1                 },
                             Known{"kg.m2.s-3",   1,       "W",         1                 },
                             Known{"N/m2",        1,       "Pa",        1                 },
                             Known{"J/(kg.K)",    1,       "m2/s2/K",   1                 },
                             Known{"W/(m2.K)",    1,       "kg/(s3.K)", 1                 },
                             Known{"g/m3",        1,       "mg/L",      1                 },
                             Known{"ug/m3",       1,       "ng/L",      1                 },
                             Known{"t",           1,       "kg",        1000              },
                             Known{"[lb_av]",     1,       "g",         453.59237         },
                             Known{"[oz_av]",     16,      "[lb_av]",   1                 },
                             Known{"[in_i]",      1,       "mm",        25.4              },
                             Known{"[ft_i]",      1,       "m",         0.3048            },
                             Known{"[mi_i]",      1,       "km",        1.609344          },
                             Known{"10*3/uL",     1,       "10^9/L",    1                 },
                             Known{"10*-3",       1,       "[ppth]",    1                 },
                             Known{"KiBy",        1,       "By",        1024              },
                             Known{"MBy/s",       1,       "Mbit/s",    8                 },
                             Known{"lx",          1,       "lm/m2",     1                 },
                             Known{"lm",          1,       "cd.sr",     1                 },
                             Known{"T",           1,       "G",         10000             },
                             Known{"Wb/m2",       1,       "T",         1                 },
                             Known{"dB",          10,      "B",         1                 },
                             Known{"dam",         1,       "m",         10                },
                             Known{"cd",          1,       "mcd",       1000              },
                             Known{"100/s",       1,       "/s",        100               },
                             Known{"mol/L",       1,       "mmol/m3",   1e6               },
                             Known{"(m/s)/(1/s)", 1,       "m",         1                 },
                             Known{"/(s.s)",      1,       "s-2",       1                 }
}));

struct Code {
  const char* text;
};
void PrintTo(const Code& code, std::ostream* out) { *out << code.text; }

class UnknownUnit : public ::testing::TestWithParam<Code> {};

TEST_P(UnknownUnit, IsRefusedWithAHint) {
  const auto conversion = ConvertUnit(GetParam().text, "m");

  EXPECT_FALSE(IsUnit(GetParam().text));
  ASSERT_FALSE(conversion.ok());
  EXPECT_EQ(conversion.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_FALSE(conversion.error().hint().empty());
}

INSTANTIATE_TEST_SUITE_P(OfStrangers, UnknownUnit,
                         ::testing::ValuesIn(std::vector<Code>{Code{""},
                                                               Code{" "},
                                                               Code{"no-such-unit"},
                                                               Code{"°C"},
                                                               Code{"degC"},
                                                               Code{"psi"},
                                                               Code{"m "},
                                                               Code{"m/"},
                                                               Code{"/"},
                                                               Code{"."},
                                                               Code{"m..s"},
                                                               Code{"m//s"},
                                                               Code{"(m"},
                                                               Code{"m)"},
                                                               Code{"()"},
                                                               Code{"{x"},
                                                               Code{"m{a{b}}"},
                                                               Code{"[ppm"},
                                                               Code{"m^2"},
                                                               Code{"m+"},
                                                               Code{"m-"},
                                                               Code{"m0"},
                                                               Code{"m100"},
                                                               Code{"kmin"},
                                                               Code{"k%"},
                                                               Code{"kk"},
                                                               Code{"Cel2"},
                                                               Code{"Cel/min"},
                                                               Code{"Cel.s"},
                                                               Code{"/Cel"},
                                                               Code{"dB.m"},
                                                               Code{"0"},
                                                               Code{"0.m"},
                                                               Code{"99999999999999999999"},
                                                               Code{"10*99999"},
                                                               Code{"Ym99.Ym99.Ym99.Ym99"},
                                                               Code{"m\n"},
                                                               Code{"M"},
                                                               Code{"CEL"}}));

TEST(Unit, RefusesWhatIsTooDeepOrTooLong) {
  const std::string deep = std::string(100'000, '(') + "m" + std::string(100'000, ')');
  std::string wide = "m";
  for (int i = 0; i < 1000; ++i) wide += ".m";

  EXPECT_FALSE(IsUnit(deep));
  EXPECT_FALSE(IsUnit(deep.substr(99'900, 201)));
  EXPECT_FALSE(IsUnit(wide));
}

TEST(Unit, ConvertsOnlyWhatMeasuresTheSame) {
  for (const auto& [from, to] : {
           std::pair{"Cel",  "m"    },
           {"Cel",  "[ppm]"},
           {"J",    "W"    },
           {"dB",   "1"    },
           {"B",    "Np"   },
           {"rad",  "1"    },
           {"Hz",   "rad/s"},
           {"[pH]", "1"    }
  }) {
    const auto conversion = ConvertUnit(from, to);
    ASSERT_FALSE(conversion.ok()) << from << " to " << to;
    EXPECT_NE(conversion.error().message().find("different things"), std::string::npos);
  }
}

TEST(Unit, ConvertsEqualUnitsByIdentity) {
  for (const char* unit : {"Cel", "[degF]", "kPa", "{rpm}", "m/s2", "dB", "%"}) {
    ASSERT_TRUE(ConvertUnit(unit, unit).ok()) << unit;
    EXPECT_TRUE(ConvertUnit(unit, unit)->identity()) << unit;
  }
}

TEST(Unit, NamesTheCodeForWhatPeopleWrite) {
  EXPECT_EQ(ConvertUnit("°C", "K").error().hint(), "did you mean \"Cel\"?");
  EXPECT_EQ(ConvertUnit("rpm", "Hz").error().hint(), "did you mean \"/min\"?");
  EXPECT_EQ(ConvertUnit("K", "degF").error().hint(), "did you mean \"[degF]\"?");
}

}  // namespace
}  // namespace outrigger::manifest
