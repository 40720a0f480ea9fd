// The window's tests for Dear ImGui's test engine: a person's acts, assertions on the explorer's state.
#pragma once

struct ImGuiTestEngine;

namespace deadscope {

class Explorer;

// They run in this order, in one window; each leaves the two models of main.cpp open and read.
void register_explorer_tests(ImGuiTestEngine* engine, Explorer& explorer);
int explorer_test_count();

}  // namespace deadscope
