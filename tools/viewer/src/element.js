// <mmreg-face-viewer data="ID">: a face with sliders; its own content, a picture, stays where the browser can't show one.
import { Controls, element } from "./controls.js";
import { decode } from "./decode.js";
import { Face } from "./face.js";
import { Stage } from "./stage.js";
import css from "./viewer.css";

const FORMAT = 1;
const EASE_MS = 350;

// A standard normal number (Box and Muller), kept within the slider.
function normal([low, high]) {
  const x = Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
  return Math.min(Math.max(x, low), high);
}

class FaceViewer extends HTMLElement {
  connectedCallback() {
    if (this.started) return;
    this.started = true;
    this.ready = this.start().catch((error) => {
      this.setAttribute("state", "picture"); // what the element holds, a picture, is still there
      console.warn(`The face can't be shown live here: ${error.message}`);
    });
  }

  async start() {
    if (document.readyState === "loading") await new Promise((read) => addEventListener("DOMContentLoaded", read, { once: true }));
    const source = document.getElementById(this.getAttribute("data"));
    if (!source) throw new Error("its data are not in this page");
    this.data = JSON.parse(source.textContent);
    if (this.data.format !== FORMAT) throw new Error("its data are of another version than the viewer; reload the page");
    if (!window.DecompressionStream) throw new Error("this browser is too old");
    if (!document.createElement("canvas").getContext("webgl2")) throw new Error("this browser has no WebGL 2");
    this.face = new Face(this.data, await decode(this.data));
    this.build();
    this.setAttribute("state", "live");
  }

  build() {
    const { data, face } = this;
    this.controls = new Controls(data.spaces, face.coefficients, {
      changed: (key, k, value) => this.set(key, k, value),
      drawn: (key) => this.draw([key]),
    });
    const canvas = element("canvas", { tabindex: 0, role: "img", "aria-label": "A head in 3D. Arrow keys turn it, Home faces it forward." });
    const button = (text, kind, act) => {
      const made = element("button", { type: "button", class: kind }, text);
      made.addEventListener("click", act);
      return made;
    };
    this.status = element("p", { class: "unseen", role: "status" });
    const buttons = element("div", { class: "buttons" },
      button("Random person", "main", () => this.random()),
      button("Mean face", "plain", () => this.mean()));
    const view = element("div", { class: "view" }, canvas, element("p", { class: "hint", "aria-hidden": "true" }, "drag to turn"));
    const shadow = this.attachShadow({ mode: "open" }); // what the element holds is no longer shown, but for printing
    shadow.append(element("style", {}, css),
      element("div", { class: "viewer" }, element("div", { class: "left" }, view, buttons),
        element("div", { class: "right" }, this.controls.tabs, this.controls.panels), this.status),
      element("div", { class: "printed" }, element("slot")));
    this.stage = new Stage(canvas, face, data);
    canvas.addEventListener("pointerdown", () => view.classList.add("turned"), { once: true });
  }

  space(key) {
    return this.data.spaces.find((space) => space.key === key);
  }

  // One coefficient, its slider, and the face.
  set(key, k, value) {
    cancelAnimationFrame(this.easing);
    this.face.coefficients[key][k] = value;
    this.update([key]);
  }

  update(keys) {
    for (const of of new Set(keys.map((key) => this.space(key).of))) {
      this.face.update(of);
      this.stage.show(of);
    }
  }

  // Moves to other coefficients, { key: numbers }, in a moment; at once for those who prefer no motion.
  go(targets) {
    cancelAnimationFrame(this.easing);
    const keys = Object.keys(targets), { coefficients } = this.face;
    const from = Object.fromEntries(keys.map((key) => [key, Float32Array.from(coefficients[key])]));
    const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    const began = performance.now();
    const frame = (now) => {
      const x = still ? 1 : Math.min(Math.max((now - began) / EASE_MS, 0), 1), eased = x * x * (3 - 2 * x);
      for (const key of keys) {
        targets[key].forEach((to, k) => (coefficients[key][k] = from[key][k] + eased * (to - from[key][k])));
        this.controls.show(key, coefficients[key]);
      }
      this.update(keys);
      if (x < 1) this.easing = requestAnimationFrame(frame);
    };
    frame(began);
  }

  draw(keys) {
    this.go(Object.fromEntries(keys.map((key) => [key, this.space(key).fields.map(() => normal(this.space(key).range))])));
  }

  // A person: shape and albedo are drawn; expression is no part of who somebody is, so it stays as it is.
  random() {
    this.draw(this.data.spaces.filter((space) => space.drawn === "person").map((space) => space.key));
    this.status.textContent = "A random person";
  }

  mean() {
    this.go(Object.fromEntries(this.data.spaces.map(({ key, fields }) => [key, fields.map(() => 0)])));
    this.status.textContent = "The mean face";
  }
}

if (!customElements.get("mmreg-face-viewer")) customElements.define("mmreg-face-viewer", FaceViewer);
