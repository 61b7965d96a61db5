// Bundles src/ and what it uses of three.js into book/_extra/viewer/face_viewer.js, with three.js's licence beside it.
// Not into _static, of which Jupyter Book loads every script in every page; so only a page with a viewer asks for it.
import { createHash } from "node:crypto";
import { copyFileSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "../../book/_extra/viewer");

// tests/test_viewer.py computes the same number, and so finds a bundle that is older than its sources
const sources = readdirSync(join(here, "src")).sort().map((name) => join(here, "src", name));
const digest = createHash("sha256");
for (const file of [...sources, join(here, "package-lock.json")]) digest.update(readFileSync(file));

await build({
  absWorkingDir: here,
  entryPoints: ["src/element.js"],
  outfile: join(out, "face_viewer.js"),
  bundle: true,
  minify: true,
  format: "iife", // a module script is refused in a page that is read from a disk
  target: "es2020",
  charset: "utf8",
  legalComments: "none",
  loader: { ".css": "text", ".glsl": "text" },
  banner: {
    js: `/* Built from tools/viewer, sources ${digest.digest("hex")}. Contains parts of three.js, MIT: face_viewer.LICENSE.txt */`,
  },
});
copyFileSync(join(here, "node_modules/three/LICENSE"), join(out, "face_viewer.LICENSE.txt"));
