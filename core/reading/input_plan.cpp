// See input_plan.h.
#include "core/reading/input_plan.h"

#include "core/model/family.h"
#include "core/reading/input_pictures.h"

namespace deadscope {

Plan plan_for_input(const Checkpoint& checkpoint, const InputSettings& settings) {
    Plan plan = make_plan(checkpoint);
    if (!plan.patch_input) return plan;
    const auto family = Family::of(checkpoint);
    if (family && family->data().patches && family->data().patches->any_size)
        fit_to_pictures(plan, settings, &checkpoint);
    return plan;
}

}  // namespace deadscope
