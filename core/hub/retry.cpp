// See retry.h.
#include "core/hub/retry.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <ctime>
#include <optional>
#include <random>
#include <thread>

#include "core/hub/curl.h"

namespace deadscope {
namespace {

constexpr double longest_backoff_s = 8;

// Seconds, or a date (RFC 9110 §10.2.3).
std::optional<double> retry_after(const HttpReply& reply) {
    const std::string text = reply.header("retry-after");
    if (text.empty()) return std::nullopt;
    std::uint32_t seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error == std::errc() && end == text.data() + text.size()) return seconds;
    const std::time_t date = curl().getdate(text.c_str(), nullptr);
    if (date < 0) return std::nullopt;
    return std::max(0.0, std::difftime(date, std::time(nullptr)));
}

// Between half of it and the whole, so that many that failed together do not come back together.
double with_jitter(double seconds) {
    thread_local std::minstd_rand random{std::random_device{}()};
    return seconds * std::uniform_real_distribution<double>(0.5, 1.0)(random);
}

}  // namespace

bool may_pass(const HttpReply& reply) {
    if (reply.end == HttpReply::End::broken) return reply.may_pass;
    if (reply.end != HttpReply::End::answered) return false;
    for (const long status : {408L, 429L, 500L, 502L, 503L, 504L})
        if (reply.status == status) return true;
    return false;
}

bool wait_for(double seconds, const GoOn& go_on) {
    using Clock = std::chrono::steady_clock;
    const auto until =
        Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
    constexpr std::chrono::milliseconds step{50};
    for (;;) {
        if (!goes_on(go_on)) return false;
        const auto left = until - Clock::now();
        if (left <= Clock::duration::zero()) return true;
        std::this_thread::sleep_for(std::min<Clock::duration>(left, step));
    }
}

Retry::Next Retry::after(const HttpReply& reply, const GoOn& go_on) {
    if (reply.end == HttpReply::End::cancelled) return Next::cancelled;
    if (!may_pass(reply) || tries_ >= settings_->retries) return Next::give_up;
    double delay =
        with_jitter(std::min(longest_backoff_s, settings_->first_delay_s * std::ldexp(1.0, tries_)));
    if (const auto asked = retry_after(reply)) {
        if (*asked > settings_->longest_delay_s) return Next::give_up;
        delay = std::max(delay, *asked);
    }
    ++tries_;
    return wait_for(delay, go_on) ? Next::again : Next::cancelled;
}

}  // namespace deadscope
