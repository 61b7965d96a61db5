// mmreg/rendering/shading.py in the same letters: I = K_d I_a + sum_l I_l (K_d n.l + K_s (r.v)^shininess), K_s = c - c K_d
varying vec3 vNormal, vPosition, vDiffuse;
uniform vec3 lightPosition[LIGHTS], lightIntensity[LIGHTS], ambient;
uniform float specularConstant, shininess;

vec3 srgb(vec3 light) {
  light = clamp(light, 0.0, 1.0);
  return mix(12.92 * light, 1.055 * pow(light, vec3(1.0 / 2.4)) - 0.055, step(0.0031308, light));
}

void main() {
  vec3 n = normalize(vNormal), v = normalize(cameraPosition - vPosition);
  vec3 specular = specularConstant - specularConstant * vDiffuse;
  vec3 radiance = vDiffuse * ambient;
  for (int i = 0; i < LIGHTS; i++) {
    vec3 l = normalize(lightPosition[i] - vPosition);
    float n_l = dot(n, l), r_v = dot(2.0 * n_l * n - l, v);
    float highlight = n_l > 0.0 && r_v > 0.0 ? pow(r_v, shininess) : 0.0;
    radiance += lightIntensity[i] * (vDiffuse * max(n_l, 0.0) + specular * highlight);
  }
  gl_FragColor = vec4(srgb(radiance), 1.0);
}
