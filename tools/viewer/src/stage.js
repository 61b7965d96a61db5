// The head before the camera and in the light of mmreg/figures/space.py; dragging and arrow keys turn it.
import { BufferAttribute, BufferGeometry, DynamicDrawUsage, Group, Mesh, PerspectiveCamera, Scene, ShaderMaterial, Vector3, WebGLRenderer } from "three";
import fragmentShader from "./phong_fragment.glsl";
import vertexShader from "./phong_vertex.glsl";

const TURN = 0.009; // radians a pixel
const STEP = Math.PI / 24; // radians a key
const FARTHEST_PITCH = 0.7; // radians
const FRAME_MS = 28; // while something moves, a picture may take this long, or it becomes coarser
const COARSEST = 0.5; // picture elements a CSS pixel
const REST_MS = 140; // after this long without a change the picture is sharp again
const CELL_MM = 4.5; // without a graphics card, what moves has one vertex in a cell of this size that looks the same way
const COLORS = 9; // and is coloured alike, in so many steps of a channel's root
const vectors = (rows) => rows.map((row) => new Vector3(...row));

// A coarser mesh over the same vertices: one of each cell stands for all in it that look the same way and are coloured alike, so that
// lids and lips stay apart, and eyes and brows stay what they are.
function coarser({ triangles, positions, normals, diffuse }) {
  const chosen = new Map(), standsFor = new Uint32Array(positions.length / 3);
  for (let v = 0; v < standsFor.length; v++) {
    const at = 3 * v, [nx, ny, nz] = normals.subarray(at, at + 3);
    const [ax, ay, az] = [Math.abs(nx), Math.abs(ny), Math.abs(nz)];
    let key = ax > ay && ax > az ? (nx > 0 ? 0 : 1) : ay > az ? (ny > 0 ? 2 : 3) : nz > 0 ? 4 : 5;
    for (const channel of [0, 2]) key = 16 * key + Math.round(COLORS * Math.sqrt(diffuse[at + channel] / 65535));
    for (let k = 0; k < 3; k++) key = 1024 * key + 512 + Math.round(positions[at + k] / CELL_MM);
    if (!chosen.has(key)) chosen.set(key, v);
    standsFor[v] = chosen.get(key);
  }
  const kept = [];
  for (let t = 0; t < triangles.length; t += 3) {
    const a = standsFor[triangles[t]], b = standsFor[triangles[t + 1]], c = standsFor[triangles[t + 2]];
    if (a !== b && b !== c && c !== a) kept.push(a, b, c);
  }
  return Uint32Array.from(kept);
}

export class Stage {
  constructor(canvas, face, { camera, lights, shading }) {
    this.canvas = canvas;
    this.face = face;
    this.view = camera;
    this.renderer = new WebGLRenderer({ canvas, antialias: false, alpha: true });
    this.renderer.setClearAlpha(0); // the page's own colour shows behind the head, in the dark as well
    this.geometry = new BufferGeometry();
    this.geometry.setIndex(new BufferAttribute(face.triangles, 1));
    this.geometry.setAttribute("position", new BufferAttribute(face.positions, 3));
    this.geometry.setAttribute("normal", new BufferAttribute(face.normals, 3));
    this.geometry.setAttribute("diffuse", new BufferAttribute(face.diffuse, 3, true));
    const material = new ShaderMaterial({
      vertexShader,
      fragmentShader,
      defines: { LIGHTS: lights.positions.length },
      uniforms: {
        lightPosition: { value: vectors(lights.positions) },
        lightIntensity: { value: vectors(lights.intensities) },
        ambient: { value: new Vector3(...lights.ambient) },
        specularConstant: { value: shading.specularConstant },
        shininess: { value: shading.shininess },
      },
    });
    this.mesh = new Mesh(this.geometry, material);
    this.mesh.frustumCulled = false; // it is always in view, and its bounds would have to be found again each time
    this.geometry.computeBoundingBox();
    this.head = new Group(); // turns about the middle of the head, wherever the model's origin is
    this.geometry.boundingBox.getCenter(this.head.position);
    this.mesh.position.copy(this.head.position).negate();
    this.head.add(this.mesh);
    this.scene = new Scene();
    this.scene.add(this.head);
    this.camera = new PerspectiveCamera(30, 1, 0.5 * camera.distance, 2 * camera.distance);
    this.camera.position.set(0, camera.height, camera.distance);
    this.camera.lookAt(0, camera.height, 0);
    this.listen();
    this.resize();
    this.calibrate();
    new ResizeObserver(() => this.resize()).observe(canvas);
  }

  // Edges are smoothed by drawing more picture elements than the screen has.
  get sharp() {
    return Math.min(Math.max(1.5 * window.devicePixelRatio, 2), 4);
  }

  // Finds how fine a picture may be while it moves: its time is a + b ratio², and both are measured once.
  calibrate() {
    const milliseconds = (ratio) => {
      const gl = this.renderer.getContext(), began = performance.now();
      this.draw(ratio);
      gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4)); // waits until it is drawn
      return performance.now() - began;
    };
    milliseconds(COARSEST); // compiles the shader
    const finest = () => {
      const slow = milliseconds(this.sharp), quick = milliseconds(COARSEST);
      const b = Math.max(slow - quick, 1e-3) / (this.sharp ** 2 - COARSEST ** 2), a = quick - b * COARSEST ** 2;
      return Math.min(Math.max(Math.sqrt(Math.max(FRAME_MS - a, 0) / b), COARSEST), this.sharp);
    };
    this.moving = finest();
    if (this.moving < this.sharp) { // no graphics card: most of the work is triangles, and half of them look away
      this.coarse = coarser(this.face);
      this.seen = new BufferAttribute(new Uint32Array(this.face.triangles.length), 1).setUsage(DynamicDrawUsage);
      this.geometry.setIndex(this.seen);
      this.moving = finest();
    }
    this.draw(this.sharp);
  }

  // Keeps the triangles whose outside is towards the camera; the others would be drawn over or not at all.
  selectSeen(triangles) {
    const p = this.face.positions, index = this.seen.array;
    const [cx, cy, cz] = this.mesh.worldToLocal(this.camera.position.clone()).toArray();
    let count = 0;
    for (let t = 0; t < triangles.length; t += 3) {
      const a = 3 * triangles[t], b = 3 * triangles[t + 1], c = 3 * triangles[t + 2];
      const ux = p[b] - p[a], uy = p[b + 1] - p[a + 1], uz = p[b + 2] - p[a + 2];
      const vx = p[c] - p[a], vy = p[c + 1] - p[a + 1], vz = p[c + 2] - p[a + 2];
      const outwards =
        (uy * vz - uz * vy) * (cx - p[a]) + (uz * vx - ux * vz) * (cy - p[a + 1]) + (ux * vy - uy * vx) * (cz - p[a + 2]);
      if (outwards > 0) {
        index[count++] = triangles[t];
        index[count++] = triangles[t + 1];
        index[count++] = triangles[t + 2];
      }
    }
    this.geometry.setDrawRange(0, count);
    this.seen.clearUpdateRanges();
    this.seen.addUpdateRange(0, count);
    this.seen.needsUpdate = true;
  }

  // The window of mmreg's portraits is always seen whole, however narrow the canvas.
  resize() {
    this.camera.aspect = (this.canvas.clientWidth || 1) / (this.canvas.clientHeight || 1);
    const window_mm = this.view.window * Math.max(1, this.view.aspect / this.camera.aspect);
    this.camera.fov = (360 / Math.PI) * Math.atan((0.5 * window_mm) / this.view.distance);
    this.camera.updateProjectionMatrix();
    this.draw(this.sharp);
  }

  show(of) {
    for (const name of of === "positions" ? ["position", "normal"] : ["diffuse"]) {
      this.geometry.attributes[name].needsUpdate = true;
    }
    this.schedule();
  }

  turn(yaw, pitch) {
    const { rotation } = this.head;
    rotation.y += yaw;
    rotation.x = Math.min(Math.max(rotation.x + pitch, -FARTHEST_PITCH), FARTHEST_PITCH);
    this.schedule();
  }

  faceForward() {
    this.head.rotation.set(0, 0, 0);
    this.schedule();
  }

  schedule() {
    this.scheduled ??= requestAnimationFrame(() => {
      this.scheduled = undefined;
      this.draw(this.moving);
      clearTimeout(this.rest);
      if (this.moving < this.sharp) this.rest = setTimeout(() => this.draw(this.sharp), REST_MS);
    });
  }

  draw(ratio) {
    const width = Math.round(ratio * (this.canvas.clientWidth || 1)), height = Math.round(ratio * (this.canvas.clientHeight || 1));
    if (this.canvas.width !== width || this.canvas.height !== height) this.renderer.setSize(width, height, false);
    if (this.seen) {
      this.scene.updateMatrixWorld();
      this.selectSeen(ratio < this.sharp ? this.coarse : this.face.triangles);
    }
    this.renderer.render(this.scene, this.camera);
  }

  listen() {
    const { canvas } = this;
    let last = null;
    canvas.addEventListener("pointerdown", (event) => {
      last = event;
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!last || event.pointerId !== last.pointerId) return;
      this.turn(TURN * (event.clientX - last.clientX), TURN * (event.clientY - last.clientY));
      last = event;
    });
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (last = null));
    canvas.addEventListener("dblclick", () => this.faceForward());
    canvas.addEventListener("keydown", (event) => {
      const turns = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
      if (event.key in turns) this.turn(...turns[event.key]);
      else if (event.key === "Home") this.faceForward();
      else return;
      event.preventDefault();
    });
    canvas.addEventListener("webglcontextrestored", () => this.schedule());
  }
}
