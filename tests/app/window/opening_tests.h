// What is opened beside checkpoints by name: activations without their model, other towers. Part of
// explorer_tests.h's list.
#pragma once

struct ImGuiTestEngine;

namespace deadscope {

class Explorer;

void register_opening_tests(ImGuiTestEngine* engine, Explorer& explorer);
int opening_test_count();

}  // namespace deadscope
