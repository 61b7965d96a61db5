attribute vec3 diffuse; // linear light
varying vec3 vNormal, vPosition, vDiffuse;

void main() {
  vPosition = (modelMatrix * vec4(position, 1.0)).xyz;
  vNormal = mat3(modelMatrix) * normal; // the head only turns, so its normals turn with it
  vDiffuse = diffuse;
  gl_Position = projectionMatrix * modelViewMatrix * vec4(position, 1.0);
}
