// H5Web's viewer on the file that the page's address names ("?file=run.h5"), read with h5wasm in the browser.
import "@h5web/app/styles.css";

import { App } from "@h5web/app";
import { H5WasmBufferProvider } from "@h5web/h5wasm";
import { createRoot } from "react-dom/client";

const name = new URLSearchParams(location.search).get("file");
const buffer = await (await fetch(name)).arrayBuffer();
createRoot(document.getElementById("root")).render(
  <div style={{ height: "100vh" }}>
    <H5WasmBufferProvider filename={name} buffer={buffer}>
      <App />
    </H5WasmBufferProvider>
  </div>,
);
