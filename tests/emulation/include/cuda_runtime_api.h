// Stands in for the CUDA toolkit's header where the .cu sources are compiled for the CPU.
#pragma once

#include "tests/emulation/runtime_api.h"
