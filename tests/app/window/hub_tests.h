// Open from the hub, against a hub on loopback: a download that is cancelled, resumed and opened, and what is
// in the cache. Part of explorer_tests.h's list.
#pragma once

struct ImGuiTestEngine;

namespace deadscope {

class Explorer;

void register_hub_tests(ImGuiTestEngine* engine, Explorer& explorer);
int hub_test_count();

}  // namespace deadscope
