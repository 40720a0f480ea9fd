// The program: arguments become a command or the window, in app/commands.
#include "app/commands/commands.h"
#include "core/base/single_threaded_blas.h"

int main(int argc, char** argv) {
    deadscope::restore_blas_environment();
    return deadscope::run_command_line(argc, argv);
}
