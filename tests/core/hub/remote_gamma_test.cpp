// γ of a checkpoint on the hub equals that of its download, whatever its format, for a small part of its
// bytes.
#include "core/reading/remote_gamma.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "core/jobs/jobs.h"
#include "core/reading/analyze.h"
#include "tests/fixtures/model_files.h"
#include "tests/fixtures/pickle_writer.h"
#include "tests/fixtures/small_hub.h"
#include "tests/fixtures/zip_writer.h"

namespace deadscope {
namespace {

using fixtures::HttpAnswer;
using fixtures::HttpQuestion;
using fixtures::SmallHub;
using testing::HasSubstr;
using Files = std::map<std::string, std::string>;

const HubId tiny{.repository = SmallHub::repository, .revision = "main"};

// A model with a tensor of 2 MiB that no family uses.
fixtures::ModelFiles padded_gpt2() {
    auto model = fixtures::tiny_gpt2();
    model.tensors["transformer.h.0.unused"] = fixtures::constant({1024, 512}, 0.5);
    return model;
}

Files safetensors() {
    const auto model = padded_gpt2();
    return {{"config.json", model.config.dump()},
            {"model.safetensors", fixtures::safetensors_bytes(model.tensors)}};
}

// The same as PyTorch keeps it: one stored entry for each tensor.
Files torch_zip() {
    const auto model = padded_gpt2();
    std::vector<std::pair<std::string, std::string>> items;
    std::vector<std::string> storages;
    for (const auto& [name, tensor] : model.tensors) {
        std::vector<std::int64_t> strides(tensor.shape.size(), 1);
        for (std::size_t i = strides.size(); i-- > 1;) strides[i - 1] = strides[i] * tensor.shape[i];
        items.emplace_back(
            name, fixtures::pickles::tensor({.shape = tensor.shape,
                                             .strides = strides,
                                             .key = std::to_string(storages.size()),
                                             .elements = static_cast<std::int64_t>(tensor.values.size())}));
        std::string bytes(tensor.values.size() * sizeof(float), '\0');
        for (std::size_t i = 0; i < tensor.values.size(); ++i) {
            const auto value = static_cast<float>(tensor.values[i]);
            std::memcpy(bytes.data() + i * sizeof(float), &value, sizeof(float));
        }
        storages.push_back(std::move(bytes));
    }
    return {{"config.json", model.config.dump()},
            {"pytorch_model.bin",
             fixtures::torch_zip(fixtures::pickles::whole(fixtures::pickles::dict(items)), storages)}};
}

Files gguf() {
    std::ifstream file(DEADSCOPE_GOLDEN_DIR "/gguf_gemma2/model/model.gguf", std::ios::binary);
    return {{"model.gguf", {std::istreambuf_iterator<char>(file), {}}}};
}

void expect_equal(const GammaReading& a, const GammaReading& b) {
    ASSERT_EQ(a.norms.size(), b.norms.size());
    ASSERT_GT(a.norms.size(), 2u);
    for (std::size_t i = 0; i < a.norms.size(); ++i) {
        EXPECT_EQ(a.norms[i].spec.name, b.norms[i].spec.name);
        EXPECT_EQ(a.norms[i].parameters.gamma, b.norms[i].parameters.gamma);
        EXPECT_EQ(a.norms[i].parameters.beta, b.norms[i].parameters.beta);
    }
    EXPECT_EQ(a.prediction.v, b.prediction.v);
}

TEST(RemoteGamma, EqualsWhatADownloadGivesInEveryFormat) {
    for (const Files& files : {safetensors(), torch_zip(), gguf()}) {
        const SmallHub hub(files);
        SCOPED_TRACE(files.rbegin()->first);
        const auto remote = read_gamma_remotely(hub.settings("/nowhere"), tiny);
        ASSERT_TRUE(remote);
        fixtures::TemporaryFolder folder;
        std::uint64_t bytes = 0;
        for (const auto& [name, contents] : files) {
            fixtures::write_text(folder / name, contents);
            bytes += contents.size();
        }
        expect_equal(remote->gamma, read_gamma(open_checkpoint(folder.path().string())));
        EXPECT_FALSE(remote->gamma.model.forward_supported);
        EXPECT_THAT(remote->gamma.model.forward_error, HasSubstr("Download"));
        EXPECT_EQ(remote->bytes_total, bytes);
        if (bytes > (1u << 20)) {
            EXPECT_LT(remote->bytes_fetched, bytes / 8);
        }
        EXPECT_LE(remote->requests, 8u);
        EXPECT_THAT(remote_words(*remote), HasSubstr("requests"));
    }
}

TEST(RemoteGamma, AJobThatIsCancelledEndsWithin200Ms) {
    const SmallHub hub(safetensors(), [](const HttpQuestion& question) -> std::optional<HttpAnswer> {
        if (!question.target.ends_with(".safetensors")) return std::nullopt;
        return HttpAnswer{.status = 206,
                          .headers = {{"Content-Range", "bytes 0-131071/*"}},
                          .body = std::string(131072, ' '),
                          .cut_after = {},
                          .pause = std::chrono::milliseconds(150)};
    });
    JobQueue queue;
    bool returned = false;
    const auto id = queue.submit("hub", "reading", [&](JobContext& context) {
        returned = !read_gamma_remotely(hub.settings("/nowhere"), tiny,
                                        [&] { return context.progress({.phase = "hub"}); });
    });
    // The question of a commit, the list, the configuration, then the weights.
    while (hub.server().questions().size() < 4) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    const auto started = std::chrono::steady_clock::now();
    queue.cancel(id);
    queue.wait_idle();
    EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::milliseconds(200));
    EXPECT_TRUE(returned);
    EXPECT_EQ(queue.status().at(0).state, JobState::cancelled);
}

}  // namespace
}  // namespace deadscope
