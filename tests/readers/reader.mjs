// Reads with h5wasm or jsfive in node what stands in a list, one thing a line ("what <tab> path <tab> name <tab> index":
// see files.py), and prints one value a line, as text with its line ends escaped.
//
// usage: node reader.mjs h5wasm|jsfive FOLDER-OF-NODE_MODULES FILE LIST
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [, , library, modules, path, list] = process.argv;
const require = createRequire(pathToFileURL(`${modules}/`));

async function openWithH5wasm() {
  const h5wasm = await import(pathToFileURL(`${modules}/node_modules/h5wasm/dist/node/hdf5_hl.js`));
  await h5wasm.ready;
  return new h5wasm.File(path, "r");
}

function openWithJsfive() {
  const { File } = require("jsfive");
  const bytes = readFileSync(path);
  return new File(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength), path);
}

const file = library === "h5wasm" ? await openWithH5wasm() : openWithJsfive();
const attribute = (item, name) => (library === "h5wasm" ? item.attrs[name].value : item.attrs[name]);

function column(table, name, row) {
  if (library === "h5wasm") {
    const names = table.metadata.compound_type.members.map((member) => member.name);
    return table.value[row][names.indexOf(name)];
  }
  return table.value[row][name];
}

function element(data, index) {
  const at = data.shape.reduce((sum, length, axis) => sum * length + index[axis], 0);
  return data.value[at];
}

function read(what, path, name, index) {
  const item = file.get(path);
  if (what === "attribute") return attribute(item, name);
  if (what === "column") return column(item, name, index[0]);
  if (what === "text") return Array.isArray(item.value) ? item.value[0] : item.value;
  return element(item, index);
}

for (const line of readFileSync(list, "utf-8").trimEnd().split("\n")) {
  const [what, path, name, at] = line.split("\t");
  let value;
  try {
    value = read(what, path, name, at === "-" ? [] : at.split(",").map(Number));
    if (value === undefined) throw new Error("undefined");
  } catch (error) {
    value = `error: ${error.message ?? error}`;
  }
  if (Array.isArray(value) && value.length === 1) value = value[0];
  const text = typeof value === "number" || typeof value === "bigint" ? String(value) : String(value).replace(/\0+$/, "");
  console.log(text.replaceAll("\n", "\\n"));
}
