// The program: arguments become a command or the window, in app/commands.
#include "app/commands/commands.h"

int main(int argc, char** argv) {
    return deadscope::run_command_line(argc, argv);
}
