// SPDX-License-Identifier: Apache-2.0
#include "unit_atoms.h"

namespace outrigger::manifest {
namespace {

constexpr long double kPi = 3.14159265358979323846264338327950288L;
constexpr long double kInch = 0.0254L;
constexpr long double kFoot = 12 * kInch;
constexpr long double kPound = 453.59237L;
constexpr long double kGravity = 9.80665L;
constexpr long double kGallon = 231 * kInch * kInch * kInch;
constexpr long double kPoundForce = kPound * kGravity;  // g.m/s2
constexpr long double kDay = 86400;

constexpr Dimensions kNone{};
constexpr Dimensions kLength{1};
constexpr Dimensions kArea{2};
constexpr Dimensions kVolume{3};
constexpr Dimensions kMass{0, 1};
constexpr Dimensions kTime{0, 0, 1};
constexpr Dimensions kAngle{0, 0, 0, 1};
constexpr Dimensions kTemperature{0, 0, 0, 0, 1};
constexpr Dimensions kFrequency{0, 0, -1};
constexpr Dimensions kSpeed{1, 0, -1};
constexpr Dimensions kAcceleration{1, 0, -2};
constexpr Dimensions kForce{1, 1, -2};
constexpr Dimensions kPressure{-1, 1, -2};
constexpr Dimensions kEnergy{2, 1, -2};
constexpr Dimensions kPower{2, 1, -3};
constexpr Dimensions kDose{2, 0, -2};

// clang-format off
constexpr UnitAtom kAtoms[] = {
    // base
    {"m", 1, kLength, true},
    {"g", 1, kMass, true},
    {"s", 1, kTime, true},
    {"rad", 1, kAngle, true},
    {"K", 1, kTemperature, true},
    {"C", 1, {0, 0, 0, 0, 0, 1}, true},
    {"cd", 1, {0, 0, 0, 0, 0, 0, 1}, true},
    {"mol", 1, {0, 0, 0, 0, 0, 0, 0, 1}, true},
    // numbers
    {"10*", 10, kNone},
    {"10^", 10, kNone},
    {"[pi]", kPi, kNone},
    {"%", 0.01L, kNone},
    {"[ppth]", 1e-3L, kNone},
    {"[ppm]", 1e-6L, kNone},
    {"[ppb]", 1e-9L, kNone},
    {"[pptr]", 1e-12L, kNone},
    {"bit", 1, kNone, true},
    {"By", 8, kNone, true},
    {"Bd", 1, kFrequency, true},
    // SI, derived (in grams, not kilograms)
    {"sr", 1, {0, 0, 0, 2}, true},
    {"Hz", 1, kFrequency, true},
    {"N", 1e3L, kForce, true},
    {"Pa", 1e3L, kPressure, true},
    {"J", 1e3L, kEnergy, true},
    {"W", 1e3L, kPower, true},
    {"A", 1, {0, 0, -1, 0, 0, 1}, true},
    {"V", 1e3L, {2, 1, -2, 0, 0, -1}, true},
    {"F", 1e-3L, {-2, -1, 2, 0, 0, 2}, true},
    {"Ohm", 1e3L, {2, 1, -1, 0, 0, -2}, true},
    {"S", 1e-3L, {-2, -1, 1, 0, 0, 2}, true},
    {"Wb", 1e3L, {2, 1, -1, 0, 0, -1}, true},
    {"T", 1e3L, {0, 1, -1, 0, 0, -1}, true},
    {"H", 1e3L, {2, 1, 0, 0, 0, -2}, true},
    {"Cel", 1, kTemperature, true, 273.15L},
    {"lm", 1, {0, 0, 0, 2, 0, 0, 1}, true},
    {"lx", 1, {-2, 0, 0, 2, 0, 0, 1}, true},
    {"Bq", 1, kFrequency, true},
    {"Gy", 1, kDose, true},
    {"Sv", 1, kDose, true},
    {"kat", 1, {0, 0, -1, 0, 0, 0, 0, 1}, true},
    // beside SI
    {"l", 1e-3L, kVolume, true},
    {"L", 1e-3L, kVolume, true},
    {"st", 1, kVolume, true},
    {"ar", 100, kArea, true},
    {"t", 1e6L, kMass, true},
    {"u", 1.66053906660e-24L, kMass, true},
    {"bar", 1e8L, kPressure, true},
    {"atm", 101325e3L, kPressure},
    {"att", 98066.5e3L, kPressure},
    {"m[H2O]", 9806.65e3L, kPressure, true},
    {"m[Hg]", 133322e3L, kPressure, true},
    {"eV", 1.602176634e-16L, kEnergy, true},
    {"cal", 4184, kEnergy, true},
    {"cal_th", 4184, kEnergy, true},
    {"cal_IT", 4186.8L, kEnergy, true},
    {"erg", 1e-4L, kEnergy, true},
    {"dyn", 1e-2L, kForce, true},
    {"gf", kGravity, kForce, true},
    {"P", 100, {-1, 1, -1}, true},
    {"St", 1e-4L, {2, 0, -1}, true},
    {"G", 0.1L, {0, 1, -1, 0, 0, -1}, true},
    {"Ci", 37e9L, kFrequency, true},
    {"[g]", kGravity, kAcceleration, true},
    {"[c]", 299792458, kSpeed, true},
    {"pc", 3.085678e16L, kLength, true},
    {"AU", 149597870691.0L, kLength},
    // time
    {"min", 60, kTime},
    {"h", 3600, kTime},
    {"d", kDay, kTime},
    {"wk", 7 * kDay, kTime},
    {"mo", 365.25L * kDay / 12, kTime},
    {"a", 365.25L * kDay, kTime},
    // angle
    {"deg", kPi / 180, kAngle},
    {"'", kPi / 10800, kAngle},
    {"''", kPi / 648000, kAngle},
    {"gon", kPi / 200, kAngle},
    {"circ", 2 * kPi, kAngle},
    // temperature
    {"[degF]", 5.0L / 9, kTemperature, false, 459.67L * 5 / 9},
    {"[degR]", 5.0L / 9, kTemperature},
    // English
    {"[in_i]", kInch, kLength},
    {"[ft_i]", kFoot, kLength},
    {"[yd_i]", 3 * kFoot, kLength},
    {"[mi_i]", 5280 * kFoot, kLength},
    {"[nmi_i]", 1852, kLength},
    {"[mil_i]", kInch / 1000, kLength},
    {"[kn_i]", 1852.0L / 3600, kSpeed},
    {"[sin_i]", kInch * kInch, kArea},
    {"[sft_i]", kFoot * kFoot, kArea},
    {"[cin_i]", kInch * kInch * kInch, kVolume},
    {"[cft_i]", kFoot * kFoot * kFoot, kVolume},
    {"[gal_us]", kGallon, kVolume},
    {"[qt_us]", kGallon / 4, kVolume},
    {"[pt_us]", kGallon / 8, kVolume},
    {"[foz_us]", kGallon / 128, kVolume},
    {"[bbl_us]", 42 * kGallon, kVolume},
    {"[gal_br]", 4.54609e-3L, kVolume},
    {"[lb_av]", kPound, kMass},
    {"[oz_av]", kPound / 16, kMass},
    {"[gr]", kPound / 7000, kMass},
    {"[ston_av]", 2000 * kPound, kMass},
    {"[lton_av]", 2240 * kPound, kMass},
    {"[lbf_av]", kPoundForce, kForce},
    {"[psi]", kPoundForce / (kInch * kInch), kPressure},
    {"[in_i'H2O]", 9806.65e3L * kInch, kPressure},
    {"[in_i'Hg]", 133322e3L * kInch, kPressure},
    {"[Btu_IT]", 1055055.85262L, kEnergy},
    {"[Btu_th]", 1054350, kEnergy},
    {"[Btu]", 1054350, kEnergy},
    {"[HP]", 550 * kFoot * kPoundForce, kPower},
    // logarithms and arbitrary scales
    {"B", 1, kNone, true, 0, true},
    {"Np", 1, kNone, true, 0, true},
    {"B[SPL]", 1, kNone, true, 0, true},
    {"B[V]", 1, kNone, true, 0, true},
    {"B[W]", 1, kNone, true, 0, true},
    {"[pH]", 1, kNone, false, 0, true},
};

constexpr UnitPrefix kPrefixes[] = {
    {"da", 1e1L}, {"Ki", 1024.0L}, {"Mi", 1048576.0L}, {"Gi", 1073741824.0L},
    {"Ti", 1099511627776.0L},
    {"Y", 1e24L}, {"Z", 1e21L}, {"E", 1e18L}, {"P", 1e15L}, {"T", 1e12L}, {"G", 1e9L},
    {"M", 1e6L}, {"k", 1e3L}, {"h", 1e2L}, {"d", 1e-1L}, {"c", 1e-2L}, {"m", 1e-3L},
    {"u", 1e-6L}, {"n", 1e-9L}, {"p", 1e-12L}, {"f", 1e-15L}, {"a", 1e-18L}, {"z", 1e-21L},
    {"y", 1e-24L},
};

constexpr UnitAlias kAliases[] = {
    {"°C", "Cel"}, {"℃", "Cel"}, {"degC", "Cel"}, {"celsius", "Cel"}, {"Celsius", "Cel"},
    {"°F", "[degF]"}, {"℉", "[degF]"}, {"degF", "[degF]"}, {"fahrenheit", "[degF]"},
    {"Fahrenheit", "[degF]"}, {"kelvin", "K"}, {"Kelvin", "K"}, {"psi", "[psi]"}, {"PSI", "[psi]"},
    {"ppm", "[ppm]"}, {"ppb", "[ppb]"}, {"percent", "%"}, {"rpm", "/min"}, {"RPM", "/min"},
    {"sec", "s"}, {"second", "s"}, {"seconds", "s"}, {"minute", "min"}, {"minutes", "min"},
    {"hour", "h"}, {"hours", "h"}, {"hr", "h"}, {"day", "d"}, {"days", "d"}, {"kph", "km/h"},
    {"kmh", "km/h"}, {"mph", "[mi_i]/h"}, {"lb", "[lb_av]"}, {"lbs", "[lb_av]"}, {"oz", "[oz_av]"},
    {"in", "[in_i]"}, {"inch", "[in_i]"}, {"ft", "[ft_i]"}, {"yd", "[yd_i]"}, {"mi", "[mi_i]"},
    {"°", "deg"}, {"degree", "deg"}, {"degrees", "deg"}, {"Ω", "Ohm"}, {"ohm", "Ohm"},
    {"µm", "um"}, {"μm", "um"}, {"m³", "m3"}, {"m²", "m2"}, {"m/s²", "m/s2"}, {"m^2", "m2"},
    {"m^3", "m3"}, {"m/s^2", "m/s2"}, {"m3/hr", "m3/h"}, {"Wh", "W.h"}, {"kWh", "kW.h"},
    {"MWh", "MW.h"}, {"Ah", "A.h"}, {"VA", "V.A"}, {"kVA", "kV.A"}, {"Nm", "N.m"}, {"mmHg", "mm[Hg]"},
    {"hp", "[HP]"}, {"gal", "[gal_us]"}, {"byte", "By"}, {"bytes", "By"}, {"KB", "kBy"}, {"MB", "MBy"},
    {"GB", "GBy"}, {"volt", "V"}, {"volts", "V"}, {"watt", "W"}, {"watts", "W"}, {"amp", "A"},
    {"amps", "A"}, {"hertz", "Hz"}, {"meter", "m"}, {"metre", "m"}, {"bars", "bar"}, {"litre", "L"},
    {"liter", "L"},
};
// clang-format on

}  // namespace

std::span<const UnitAtom> UnitAtoms() { return kAtoms; }
std::span<const UnitPrefix> UnitPrefixes() { return kPrefixes; }
std::span<const UnitAlias> UnitAliases() { return kAliases; }

}  // namespace outrigger::manifest
