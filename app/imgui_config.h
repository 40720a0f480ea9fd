// Compile-time configuration of Dear ImGui, seen by it and by everything that includes it
// (IMGUI_USER_CONFIG in app/graphics.cmake): these options change the layout of its data.
#pragma once

// A plot of a large model has more than 65,536 vertices; ImPlot asks for wide indices then.
#define ImDrawIdx unsigned int

// Mathematical alphabets lie above U+FFFF.
#define IMGUI_USE_WCHAR32
