// See tower_choice.h.
#include "core/reading/tower_choice.h"

#include "core/base/error.h"
#include "core/model/plan.h"

namespace deadscope {
namespace {

bool takes(const Checkpoint& checkpoint, InputKind kind) {
    try {
        const Plan plan = make_plan(checkpoint);
        switch (kind) {
            case InputKind::pixels:
            case InputKind::images:
                return plan.patch_input.has_value();
            case InputKind::features:
            case InputKind::audio:
                return plan.sound_input.has_value();
            case InputKind::tokens:
            case InputKind::text:
            case InputKind::prompt:
                return plan.token_input.has_value();
            case InputKind::random:
                break;
        }
        return true;
    } catch (const Error&) {
        return false;  // a tower of a family that is not known; the default one's refusal comes with its pass
    }
}

}  // namespace

Checkpoint open_for_input(const std::string& model, InputKind kind) {
    Checkpoint checkpoint = open_checkpoint(model);
    if (kind == InputKind::random || !checkpoint.tower().empty()) return checkpoint;
    const std::vector<std::string> names = towers(checkpoint);
    if (names.size() < 2 || takes(checkpoint, kind)) return checkpoint;
    for (const std::string& name : names) {
        Checkpoint other = open_checkpoint(model + "#" + name);
        if (takes(other, kind)) return other;
    }
    return checkpoint;
}

}  // namespace deadscope
