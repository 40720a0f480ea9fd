// The panels: each is a function of (state, intents) in a file of its own. A panel opens with its finding as
// one sentence, has four designed states (empty, working, error, done) and holds no state and no mathematics.
#pragma once

#include <span>

#include "app/intents.h"
#include "app/state.h"

namespace deadscope {

void draw_models_panel(const ExplorerState& state, Intents& intents);
void draw_verdict_panel(const ExplorerState& state, Intents& intents);
void draw_gamma_panel(const ExplorerState& state, Intents& intents);
void draw_eigenvalues_panel(const ExplorerState& state, Intents& intents);
void draw_alignment_panel(const ExplorerState& state, Intents& intents);
void draw_residual_panel(const ExplorerState& state, Intents& intents);
void draw_jobs_panel(const ExplorerState& state, Intents& intents);

struct PanelInfo {
    const char* name;     // window title and docking id: "Models"
    const char* slug;     // for `snapshot --panel`: "models"
    const char* answers;  // the question it answers (explorer.md)
    const char* dock;     // dock space of the Explore layout
    void (*draw)(const ExplorerState&, Intents&);
};
std::span<const PanelInfo> panels();  // the readable list, in the order of explorer.md

}  // namespace deadscope
