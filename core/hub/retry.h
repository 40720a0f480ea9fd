// When to ask again and when not: statuses and broken connections that may pass, ever longer waits, what the
// server asks for.
#pragma once

#include "core/hub/http.h"

namespace deadscope {

// A 408, 429, 5xx of a passing kind, or a connection that broke.
bool may_pass(const HttpReply& reply);

// Thread rule: one thread at a time.
class Retry {
public:
    explicit Retry(const HubSettings& settings) : settings_(&settings) {}

    enum class Next { again, give_up, cancelled };
    // Waits as long as it should; give_up where another try would not help, or there were enough of them.
    Next after(const HttpReply& reply, const GoOn& go_on);
    void progressed() { tries_ = 0; }  // bytes came: the count of tries starts anew

private:
    const HubSettings* settings_;
    int tries_ = 0;
};

// False: cancelled.
bool wait_for(double seconds, const GoOn& go_on);

}  // namespace deadscope
