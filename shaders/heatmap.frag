#version 330 core
// |values| of a float texture [rows, columns] as colours. A pixel that covers several columns shows the one
// farthest from the middle of the range, so that an outlier or a zero never falls between pixels.
in vec2 place;
out vec4 colour;

uniform sampler2D values;     // R32F, one texel a value
uniform sampler2D ramp;       // one row of colours, dark to bright
uniform vec4 view;            // x0, y0, x1, y1 in columns and rows, y downwards
uniform vec2 target;          // pixels
uniform vec2 range;           // of |value|; positive where log_scale is set
uniform bool log_scale;
uniform vec4 zero_colour;     // exactly 0
uniform vec4 hatch_colour;    // stripes on negative values, and beside invalid_colour
uniform vec4 invalid_colour;  // NaN and infinity
uniform vec4 outside_colour;  // no value here
uniform float hatch_period;   // pixels

const int MOST = 512;         // texels one pixel looks at
const float ABSENT = 3.0e38;  // no value here: rows may be narrower than the texture (heatmap.h)

float level(float size) {
    float low = log_scale ? log(range.x) : range.x;
    float high = log_scale ? log(range.y) : range.y;
    float at = log_scale ? log(max(size, 1e-38)) : size;
    return (at - low) / max(high - low, 1e-30);
}

// 3: not finite, 2: zero, -1: absent, else the distance of the level from the middle, at most 1.
float weight(float value) {
    if (value == ABSENT) return -1.0;
    if (isnan(value) || isinf(value)) return 3.0;
    if (value == 0.0) return 2.0;
    return min(abs(level(abs(value)) - 0.5), 1.0);
}

void main() {
    vec2 at = mix(view.xy, view.zw, place);
    ivec2 size = textureSize(values, 0);
    if (at.x < 0.0 || at.y < 0.0 || at.x >= float(size.x) || at.y >= float(size.y)) {
        colour = outside_colour;
        return;
    }
    int row = int(at.y);
    float half_px = 0.5 * (view.z - view.x) / target.x;
    int first = int(at.x), last = first;
    if (half_px > 0.5) {
        first = max(0, int(at.x - half_px));
        last = min(size.x - 1, max(first, int(at.x + half_px) - 1));
    }
    int stride = max(1, (last - first + MOST) / MOST);
    float value = texelFetch(values, ivec2(first, row), 0).r;
    for (int i = first + stride; i <= last; i += stride) {
        float other = texelFetch(values, ivec2(i, row), 0).r;
        if (weight(other) > weight(value)) value = other;
    }

    vec2 pixel = place * target;
    bool stripe = mod(pixel.x + pixel.y, hatch_period) < hatch_period * 0.34;
    float kind = weight(value);
    if (kind == 3.0) {
        bool square = mod(floor(pixel.x / 3.0) + floor(pixel.y / 3.0), 2.0) < 1.0;
        colour = square ? invalid_colour : hatch_colour;
    } else if (kind == -1.0) {
        colour = outside_colour;
    } else if (kind == 2.0) {
        colour = zero_colour;
    } else {
        // Texel centres, so that both ends of the ramp are reached exactly.
        float n = float(textureSize(ramp, 0).x);
        float u = (clamp(level(abs(value)), 0.0, 1.0) * (n - 1.0) + 0.5) / n;
        colour = vec4(texture(ramp, vec2(u, 0.5)).rgb, 1.0);
        if (value < 0.0 && stripe) colour = mix(colour, hatch_colour, hatch_colour.a);
    }
    colour.a = 1.0;
    // Rows stand apart by one pixel where there is room for it.
    float row_px = target.y / (view.w - view.y);
    if (row_px > 6.0 && fract(at.y) * row_px < 1.0) colour = outside_colour;
}
