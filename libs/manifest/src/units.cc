// SPDX-License-Identifier: Apache-2.0
#include "outrigger/manifest/units.h"
