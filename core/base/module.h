// Parts of the program that are files of their own, beside it or in lib/deadscope, and are loaded when they
// are needed: they bring libraries with them whose start would cost every command. (The GPU's module has
// rules of its own: core/backend/module_loader.h.)
#pragma once

#include <string>

namespace deadscope {

struct Module {
    void* handle = nullptr;  // open until the process ends
    std::string why;         // there is none; empty: there is no such file
};

Module open_module(const char* file_name);

}  // namespace deadscope
