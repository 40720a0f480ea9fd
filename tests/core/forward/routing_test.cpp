// Choices of experts by hand: ties, groups, corrections and what the weights add up to.
#include "core/forward/routing.h"

#include <gtest/gtest.h>

#include <cmath>

namespace deadscope::testing {
namespace {

using Scoring = ExpertsSpec::Scoring;

ExpertsSpec spec_of(Scoring scoring, std::int64_t chosen) {
    ExpertsSpec spec;
    spec.scoring = scoring;
    spec.chosen = chosen;
    return spec;
}

std::vector<std::size_t> experts(const std::vector<Choice>& choices) {
    std::vector<std::size_t> result;
    for (const Choice& choice : choices) result.push_back(choice.expert);
    return result;
}

TEST(Routing, SoftmaxOverAllAndOverTheChosen) {
    const std::vector<double> logits{std::log(1.0), std::log(4.0), std::log(2.0), std::log(1.0)};
    ExpertsSpec spec = spec_of(Scoring::softmax, 2);
    std::vector<Choice> choices = choose_experts(spec, logits, {});
    EXPECT_EQ(experts(choices), (std::vector<std::size_t>{1, 2}));
    EXPECT_NEAR(choices[0].weight, 4.0 / 8.0, 1e-15);
    EXPECT_NEAR(choices[1].weight, 2.0 / 8.0, 1e-15);
    spec.renormalise = true;
    spec.scale = 3.0;
    EXPECT_NEAR(choose_experts(spec, logits, {})[0].weight, 2.0, 1e-15);
    spec.scoring = Scoring::softmax_chosen;
    spec.renormalise = false;
    EXPECT_NEAR(choose_experts(spec, logits, {})[1].weight, 1.0, 1e-15);
}

TEST(Routing, OfEqualScoresTheLowestIndexIsTaken) {
    const std::vector<double> logits{0.5, 2.0, 2.0, 0.5, 2.0};
    EXPECT_EQ(experts(choose_experts(spec_of(Scoring::sigmoid, 2), logits, {})),
              (std::vector<std::size_t>{1, 2}));
    EXPECT_EQ(experts(choose_experts(spec_of(Scoring::softmax, 4), logits, {})),
              (std::vector<std::size_t>{1, 2, 4, 0}));
}

TEST(Routing, ACorrectionChangesTheChoiceButNotTheWeight) {
    const std::vector<double> logits{0.0, 1.0, 2.0}, correction{5.0, 0.0, 0.0};
    const std::vector<Choice> choices = choose_experts(spec_of(Scoring::sigmoid, 2), logits, correction);
    EXPECT_EQ(experts(choices), (std::vector<std::size_t>{0, 2}));
    EXPECT_NEAR(choices[0].weight, 0.5, 1e-15);
    EXPECT_NEAR(choices[1].weight, 1.0 / (1.0 + std::exp(-2.0)), 1e-15);
}

TEST(Routing, OnlyTheBestGroupsAreChosenFrom) {
    ExpertsSpec spec = spec_of(Scoring::sigmoid, 2);
    spec.groups = 2;
    spec.groups_chosen = 1;
    const std::vector<double> logits{3.0, -9.0, 2.0, 2.5};
    EXPECT_EQ(experts(choose_experts(spec, logits, {})), (std::vector<std::size_t>{0, 1}));
    spec.group_by_top_two = true;
    EXPECT_EQ(experts(choose_experts(spec, logits, {})), (std::vector<std::size_t>{3, 2}));
}

TEST(Routing, LargeLogitsDoNotOverflow) {
    const std::vector<double> logits{1000.0, -1000.0, 999.0};
    for (const Scoring scoring : {Scoring::softmax, Scoring::softmax_chosen, Scoring::sigmoid}) {
        for (const Choice& choice : choose_experts(spec_of(scoring, 2), logits, {}))
            EXPECT_TRUE(choice.weight >= 0.0 && choice.weight <= 1.0) << choice.weight;
    }
}

}  // namespace
}  // namespace deadscope::testing
