// The DejaVu fonts that travel inside the program, given to ImGui. Sizes and colours are the theme's.
#pragma once

namespace deadscope {

// Call once for each ImGui context, before the first frame. The text goes up to the mathematical alphabets;
// glyphs are drawn into the atlas when they are first used. Thread rule: the window's thread only. Errors:
// Error::resource where the program carries no fonts.
void load_fonts();

}  // namespace deadscope
