// Several things done at once on connections of their own, watched from the thread that asked for them.
#pragma once

#include <cstddef>
#include <functional>

#include "core/hub/http.h"

namespace deadscope {

// Runs work(session, i, go_on) for every i below `count` on up to `connections` threads, while the calling
// thread asks `go_on` every 50 ms. The work's own go_on turns false once anything stopped; false returned by
// the work stops the rest. False: cancelled, by go_on or by the work.
// Errors: the first that the work threw, after all threads have ended.
bool for_each_connected(const HubSettings& settings, std::size_t count, std::size_t connections,
                        const GoOn& go_on,
                        const std::function<bool(HttpSession&, std::size_t, const GoOn&)>& work);

// The same question, asked only where the calling thread comes by; other threads learn its last answer.
GoOn asked_here(GoOn go_on);

}  // namespace deadscope
