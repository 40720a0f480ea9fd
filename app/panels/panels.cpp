// The list of panels, in the order of explorer.md, with their places in the Explore layout
// (app/explorer.cpp).
#include "app/panels/panels.h"

#include <array>

namespace deadscope {

std::span<const PanelInfo> panels() {
    static constexpr std::array<PanelInfo, 7> list{{
        {"Models", "models", "What am I looking at?", "Left", draw_models_panel},
        {"Verdict", "verdict", "Is the theorem true here?", "Right", draw_verdict_panel},
        {"γ spectra", "gamma", "What did training do to γ?", "MainDockSpace", draw_gamma_panel},
        {"Eigenvalues", "eigenvalues", "Which directions are dead, and is it exact?", "CentreTopRight",
         draw_eigenvalues_panel},
        {"Alignment", "alignment", "Does the predicted direction match the measured one?", "CentreBottomLeft",
         draw_alignment_panel},
        {"Residual stream", "residual", "Where does a direction die?", "CentreBottomRight",
         draw_residual_panel},
        {"Jobs", "jobs", "What is it doing?", "LeftBottom", draw_jobs_panel},
    }};
    return list;
}

}  // namespace deadscope
