// The emulation's last word: a defect of the code under test that no error code can tell, such as a barrier
// that some threads of a block never reach. It ends the test process, as a sanitizer does.
#pragma once

#include <string>

namespace deadscope_emulation {

[[noreturn]] void fail(const std::string& what);

}  // namespace deadscope_emulation
