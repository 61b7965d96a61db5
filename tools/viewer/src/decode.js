// Undoes mmreg/figures/packing.py: integers, predicted from a vertex's neighbours, in byte planes, gzipped.

async function inflate(base64) {
  const packed = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Reads `count` signed integers after another: four planes of bytes, the lowest first, of 2|x| or 2|x| - 1 for the sign.
function integerReader(bytes) {
  let at = 0;
  return (count) => {
    const out = new Int32Array(count);
    for (let plane = 0; plane < 4; plane++, at += count) {
      for (let i = 0; i < count; i++) out[i] |= bytes[at + i] << (8 * plane);
    }
    for (let i = 0; i < count; i++) out[i] = (out[i] >>> 1) ^ -(out[i] & 1);
    return out;
  };
}

// For each vertex the neighbours that come before it: `list` from `starts[v]` to `starts[v + 1]`.
function earlierNeighbours(triangles, vertexCount) {
  const earlier = Array.from({ length: vertexCount }, () => []);
  const join = (a, b) => {
    const [first, last] = a < b ? [a, b] : [b, a];
    if (first !== last && !earlier[last].includes(first)) earlier[last].push(first);
  };
  for (let t = 0; t < triangles.length; t += 3) {
    join(triangles[t], triangles[t + 1]);
    join(triangles[t + 1], triangles[t + 2]);
    join(triangles[t + 2], triangles[t]);
  }
  const starts = new Uint32Array(vertexCount + 1);
  earlier.forEach((list, v) => (starts[v + 1] = starts[v] + list.length));
  return { starts, list: Uint32Array.from(earlier.flat()) };
}

// A field: x y z or R G B of each vertex, in steps; residuals come axis by axis. The prediction is the neighbours' mean.
function undoPrediction(residuals, { starts, list }, vertexCount) {
  const field = new Int16Array(3 * vertexCount);
  for (let axis = 0; axis < 3; axis++) {
    for (let v = 0; v < vertexCount; v++) {
      const count = starts[v + 1] - starts[v];
      let sum = 0;
      for (let i = starts[v]; i < starts[v + 1]; i++) sum += field[3 * list[i] + axis];
      field[3 * v + axis] = residuals[axis * vertexCount + v] + (count ? Math.floor(sum / count + 0.5) : 0);
    }
  }
  return field;
}

// The model of a page: triangles, and fields by name, each { values, step }.
export async function decode(data) {
  const { vertexCount, triangleCount } = data;
  const read = integerReader(await inflate(data.payload));
  const differences = read(3 * triangleCount); // corner by corner, each the difference from the triangle before
  const triangles = new Uint32Array(3 * triangleCount);
  for (let corner = 0; corner < 3; corner++) {
    for (let t = 0, index = 0; t < triangleCount; t++) {
      triangles[3 * t + corner] = index += differences[corner * triangleCount + t];
    }
  }
  const neighbours = earlierNeighbours(triangles, vertexCount);
  const fields = {};
  for (const { name, step } of data.fields) {
    fields[name] = { step, values: undoPrediction(read(3 * vertexCount), neighbours, vertexCount) };
  }
  return { triangles, fields };
}
