#version 330 core
// One triangle that covers the target; the fragment shader does the rest from its pixel's place.
out vec2 place;  // 0..1; ImGui shows the row that OpenGL writes first on top, so y runs downwards

void main() {
    vec2 corner = vec2((gl_VertexID << 1) & 2, gl_VertexID & 2);
    place = corner;
    gl_Position = vec4(corner * 2.0 - 1.0, 0.0, 1.0);
}
