// Which threads the system prefers where there are fewer cores than work: the window's before those that
// compute. Nothing here changes a result.
#pragma once

namespace deadscope {

// The calling thread, and those that it starts from then on, give way to threads of ordinary priority. Cannot
// be taken back without privileges. Nothing where the system does not allow it.
void give_way();

// The same for every other thread that there is now: pools that libraries started when they were loaded.
void make_others_give_way();

// Threads of a pass beside a window. asked: 0 leaves the choice here: every core but one, every core where
// there are two or fewer, since half the rate would be too much to give.
int threads_beside_window(int asked, int cores);

}  // namespace deadscope
