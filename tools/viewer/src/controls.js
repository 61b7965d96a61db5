// One tab a space, one slider a component; every number is in standard deviations, of a movement in parts of the whole.

const SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉";
const subscript = (number) => [...String(number)].map((digit) => SUBSCRIPTS[digit]).join("");
const signed = (value) => {
  const rounded = Math.round(10 * value);
  return `${rounded < 0 ? "−" : rounded > 0 ? "+" : ""}${Math.abs(rounded / 10).toFixed(1)}`;
};

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

class Slider {
  constructor(space, k, changed) {
    const named = space.labels?.[k];
    this.unit = space.unit;
    const [low, high] = space.range;
    const label = named ?? `${space.symbol}${subscript(k + 1)}`;
    this.input = element("input", { type: "range", min: low, max: high, step: 0.05, value: 0 });
    this.input.setAttribute("aria-label", named ?? `${space.title}, component ${k + 1}`);
    this.value = element("output", {});
    this.row = element("label", { class: named ? "row named" : "row" }, element("span", { class: "name" }, label), this.input, this.value);
    this.input.addEventListener("input", () => {
      this.show(Number(this.input.value));
      changed(k, Number(this.input.value));
    });
    this.input.addEventListener("dblclick", () => {
      this.input.value = 0;
      this.input.dispatchEvent(new Event("input"));
    });
    this.show(0);
  }

  // Shows a value without announcing it as the reader's own.
  show(value) {
    const low = Number(this.input.min), high = Number(this.input.max);
    const deviations = this.unit === "σ";
    this.input.value = value;
    this.value.textContent = deviations ? `${signed(value)} σ` : `${Math.round(100 * value)} %`;
    this.input.setAttribute("aria-valuetext", deviations ? `${signed(value)} standard deviations` : `${Math.round(100 * value)} per cent`);
    const at = (x) => `${(100 * (x - low)) / (high - low)}%`;
    this.input.style.setProperty("--from", at(Math.min(0, value)));
    this.input.style.setProperty("--to", at(Math.max(0, value)));
  }
}

// The tabs with their panels. `changed(key, k, value)` hears a slider, `drawn(key)` the button under some panels.
export class Controls {
  constructor(spaces, coefficients, { changed, drawn }) {
    this.spaces = spaces;
    this.sliders = {};
    this.lengths = {};
    this.tabs = element("div", { class: "tabs", role: "tablist", "aria-label": "What the sliders move" });
    this.panels = element("div", { class: "panels" });
    for (const space of spaces) {
      const { key } = space;
      const tab = element("button", { type: "button", role: "tab", id: `tab-${key}`, "aria-controls": `panel-${key}` }, space.title);
      const panel = element("div", { role: "tabpanel", id: `panel-${key}`, "aria-labelledby": `tab-${key}` });
      this.sliders[key] = space.fields.map((_, k) => new Slider(space, k, (k, value) => {
        changed(key, k, value);
        this.showLength(key, coefficients[key]);
      }));
      panel.append(...this.sliders[key].map((slider) => slider.row));
      this.lengths[key] = element("p", { class: "length" });
      const foot = element("div", { class: "foot" }, this.lengths[key]);
      if (space.drawn === "alone") {
        const draw = element("button", { type: "button", class: "quiet" }, "Random expression");
        draw.addEventListener("click", () => drawn(key));
        foot.append(draw);
      }
      panel.append(foot);
      this.showLength(key, coefficients[key]);
      tab.addEventListener("click", () => this.open(key));
      this.tabs.append(tab);
      this.panels.append(panel);
    }
    this.tabs.addEventListener("keydown", (event) => this.moveTab(event));
    this.open(spaces[0].key);
  }

  open(key) {
    this.opened = key;
    this.spaces.forEach((space, i) => {
      const chosen = space.key === key;
      this.tabs.children[i].setAttribute("aria-selected", chosen);
      this.tabs.children[i].tabIndex = chosen ? 0 : -1;
      this.panels.children[i].hidden = !chosen;
    });
  }

  moveTab(event) {
    const keys = this.spaces.map((space) => space.key), at = keys.indexOf(this.opened), last = keys.length - 1;
    const to = { ArrowRight: at < last ? at + 1 : 0, ArrowLeft: at ? at - 1 : last, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.open(keys[to]);
    this.tabs.children[to].focus();
  }

  show(key, values) {
    this.sliders[key].forEach((slider, k) => slider.show(values[k]));
    this.showLength(key, values);
  }

  // How far from the mean these numbers are, beside how far a random person's are: the square root of their count.
  showLength(key, values) {
    const space = this.spaces.find((space) => space.key === key);
    if (space.unit !== "σ") {
      this.lengths[key].textContent = space.note ?? "";
      return;
    }
    const length = Math.hypot(...values).toFixed(1), typical = Math.sqrt(values.length).toFixed(1);
    this.lengths[key].textContent = `Length ${length}; a random person’s is about ${typical}`;
  }
}
