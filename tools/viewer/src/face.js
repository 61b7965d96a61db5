// A face from its coefficients: S = S̄ + Σ sₖ σₖ Pₖ + Σ eₖ σₖ Pₖ in millimetres, T = T̄ + Σ tₖ σₖ Pₖ in sRGB.

function add(target, { values, step }, coefficient) {
  const factor = step * coefficient;
  for (let i = 0; i < target.length; i++) target[i] += factor * values[i];
}

// Linear light of sRGB in 0...1, looked up in steps finer than a picture's, as 16-bit numbers.
const STEPS = 4095;
const LINEAR = Uint16Array.from({ length: STEPS + 1 }, (_, i) => {
  const srgb = i / STEPS;
  return Math.round(65535 * (srgb <= 0.04045 ? srgb / 12.92 : ((srgb + 0.055) / 1.055) ** 2.4));
});

export class Face {
  constructor(data, { triangles, fields }) {
    this.triangles = triangles;
    this.fields = fields;
    this.spaces = data.spaces; // { key, of: "positions" | "albedo", fields: [name of each component] }
    this.darkestAlbedo = data.darkestAlbedo;
    this.coefficients = Object.fromEntries(data.spaces.map(({ key, fields }) => [key, new Float32Array(fields.length)]));
    this.sums = { positions: new Float32Array(3 * data.vertexCount), albedo: new Float32Array(3 * data.vertexCount) };
    this.normals = new Float32Array(3 * data.vertexCount);
    this.diffuse = new Uint16Array(3 * data.vertexCount);
    for (const of of Object.keys(this.sums)) this.update(of);
  }

  get positions() {
    return this.sums.positions;
  }

  // Sums again what the coefficients of "positions" or "albedo" changed.
  update(of) {
    const sum = this.sums[of].fill(0);
    add(sum, this.fields[of], 1);
    for (const space of this.spaces.filter((space) => space.of === of)) {
      this.coefficients[space.key].forEach((coefficient, k) => {
        if (coefficient) add(sum, this.fields[space.fields[k]], coefficient);
      });
    }
    if (of === "positions") this.updateNormals();
    else this.updateColors();
  }

  // The sum of the adjacent triangles' area vectors, as in mmreg/geometry/mesh.py; the shader normalises it.
  updateNormals() {
    const { triangles, positions: p, normals: n } = this;
    n.fill(0);
    for (let t = 0; t < triangles.length; t += 3) {
      const a = 3 * triangles[t], b = 3 * triangles[t + 1], c = 3 * triangles[t + 2];
      const ux = p[b] - p[a], uy = p[b + 1] - p[a + 1], uz = p[b + 2] - p[a + 2];
      const vx = p[c] - p[a], vy = p[c + 1] - p[a + 1], vz = p[c + 2] - p[a + 2];
      const x = uy * vz - uz * vy, y = uz * vx - ux * vz, z = ux * vy - uy * vx;
      n[a] += x; n[a + 1] += y; n[a + 2] += z;
      n[b] += x; n[b + 1] += y; n[b + 2] += z;
      n[c] += x; n[c + 1] += y; n[c + 2] += z;
    }
  }

  updateColors() {
    const { diffuse, darkestAlbedo } = this, { albedo } = this.sums;
    for (let i = 0; i < diffuse.length; i++) {
      diffuse[i] = LINEAR[(STEPS * Math.min(Math.max(albedo[i], darkestAlbedo), 1) + 0.5) | 0];
    }
  }
}
