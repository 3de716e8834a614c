// Serves page.js on a port of localhost, another origin than the stack's, and opens it in Chromium.
// The contract is in ../README.md.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";

import { chromium } from "playwright-core";

const { MATRIX_CASES, MATRIX_COUNT, MATRIX_HTTP, MATRIX_PAUSE } = process.env;
const QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--no-proxy-server"];
const ALONE = ["--disable-background-networking", "--disable-component-update", "--disable-sync"];

const files = { "/": ["text/html", "<!doctype html><script src=/page.js></script>"] };
files["/page.js"] = ["text/javascript", await readFile("page.js")];
const server = createServer((request, response) => {
  const [type, body] = files[request.url] ?? [];
  response.writeHead(type ? 200 : 404, { "Content-Type": type ?? "text/plain" }).end(body);
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: [...QUIET, ...ALONE] });
try {
  const page = await browser.newPage();
  page.on("console", (message) => console.error(message.text()));
  await page.goto(`http://localhost:${server.address().port}/`);
  const settings = [MATRIX_CASES.split(" "), MATRIX_HTTP, Number(MATRIX_COUNT), Number(MATRIX_PAUSE)];
  console.log(JSON.stringify(await page.evaluate((settings) => globalThis.run(...settings), settings)));
} finally {
  await browser.close();
  server.close();
}
