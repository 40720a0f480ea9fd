// What this machine offers: processor, memory, BLAS, and this process's peak memory. Words for `doctor`, the
// Jobs panel and the report; nothing here decides anything.
#pragma once

#include <cstdint>
#include <string>

namespace deadscope {

struct Machine {
    std::string processor;  // "AMD EPYC 7B13"
    int cores = 1;          // usable by this process
    std::uint64_t memory_bytes = 0;
    std::string blas;  // OpenBLAS's own description, with the kernel it chose
};
const Machine& machine();

std::uint64_t resident_bytes();       // now
std::uint64_t peak_resident_bytes();  // since the process started; 0 where the system does not say

}  // namespace deadscope
