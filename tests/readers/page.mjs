// Opens a file with H5Web in headless Chromium, and prints what its default plot shows as one JSON object: the text in drawings
// (titles of axes, ticks), the text of the page in lines, and errors.
//
// usage: node page.mjs FOLDER-OF-NODE_MODULES FILE
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, extname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const [, , modules, file] = process.argv;
const require = createRequire(pathToFileURL(`${modules}/`));
const esbuild = require("esbuild");
const { chromium } = require("playwright-core");
const here = dirname(fileURLToPath(import.meta.url));
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm" };
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--enable-unsafe-swiftshader"];

async function bundle(folder) {
  await esbuild.build({
    entryPoints: [join(here, "page.jsx")], outfile: join(folder, "page.js"), bundle: true, format: "esm", jsx: "automatic",
    nodePaths: [join(modules, "node_modules")], define: { "process.env.NODE_ENV": '"production"' }, logLevel: "error",
    loader: { ".woff2": "dataurl", ".svg": "dataurl" },
  });
  writeFileSync(join(folder, "index.html"), '<!doctype html><link rel="stylesheet" href="page.css"><div id="root"></div>' +
    '<script type="module" src="page.js"></script>');
  cpSync(file, join(folder, basename(file)));
}

function serve(folder) {
  const server = createServer((request, response) => {
    const name = new URL(request.url, "http://localhost").pathname.slice(1) || "index.html";
    try {
      const content = readFileSync(join(folder, name));
      response.writeHead(200, { "Content-Type": TYPES[extname(name)] ?? "application/octet-stream" }).end(content);
    } catch {
      response.writeHead(404).end();
    }
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

async function shown(browser, address) {
  const page = await browser.newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  await page.goto(address);
  try {
    await page.locator("svg tspan").nth(1).waitFor({ timeout: 60000 }); // the titles of two axes
    await page.waitForTimeout(500);
  } catch (error) {
    errors.push(error.message.split("\n")[0]);
  }
  const drawn = await page.locator("svg text").allTextContents();
  const text = (await page.locator("body").innerText()).split("\n");
  return { errors, drawn, text };
}

const folder = mkdtempSync(join(tmpdir(), "icl-h5web-"));
await bundle(folder);
const server = await serve(folder);
const browser = await chromium.launchPersistentContext(join(folder, "profile"),
  { executablePath: "/usr/bin/chromium", headless: true, args: FLAGS });
try {
  console.log(JSON.stringify(await shown(browser, `http://127.0.0.1:${server.address().port}/?file=${basename(file)}`)));
} finally {
  await browser.close();
  server.close();
  rmSync(folder, { recursive: true, force: true });
}
