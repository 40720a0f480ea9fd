// What the window's tests share: the explorer behind a test, waiting for it, its rows in Models, a drop.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "app/explorer.h"

struct ImGuiTestContext;

namespace deadscope {

using Stage = OpenModel::Stage;

Explorer* explorer_of(ImGuiTestContext* ctx);
const ExplorerState& state_of(ImGuiTestContext* ctx);
const OpenModel& model(ImGuiTestContext* ctx, std::size_t place);
std::string row(const OpenModel& one, const char* item);  // an item of the model's row

// Draws frames until it is so; false after a long time.
bool until(ImGuiTestContext* ctx, const std::function<bool()>& there);
bool idle(ImGuiTestContext* ctx);  // until no job is left

// What the desktop calls when files are dropped on the window, called with its arguments. False: nothing
// listens.
bool drop(const std::vector<std::string>& paths);

}  // namespace deadscope
