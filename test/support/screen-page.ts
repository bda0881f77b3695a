import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { build } from "vite";

const PAGE = join(import.meta.dirname, "..", "clients", "page", "main.js");

/** What the page is told of the server that it talks to. */
export interface ScreenSettings {
  apiUrl: string;
  apiKey: string;
}

/** A page of somebody else's: it comes from an origin of its own. */
export interface ScreenPage {
  url: string;
  settings: ScreenSettings;
  close(): Promise<void>;
}

/** Builds the page and serves it. */
export async function openScreenPage(): Promise<ScreenPage> {
  const script = await bundled();
  const page: ScreenPage = { url: "", settings: { apiUrl: "", apiKey: "" }, close: () => Promise.resolve() };
  const server = createServer((request, response) => {
    if (request.url === "/main.js") {
      response.setHeader("content-type", "text/javascript; charset=utf-8");
      return response.end(script);
    }
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end(htmlOf(page.settings));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  page.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  page.close = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  };
  return page;
}

function htmlOf(settings: ScreenSettings): string {
  const content = JSON.stringify(settings).replaceAll("&", "&amp;").replaceAll('"', "&quot;");
  return `<!doctype html><link rel="icon" href="data:,"><meta name="settings" content="${content}"><main></main><script type="module" src="/main.js"></script>`;
}

async function bundled(): Promise<string> {
  const made = await build({
    configFile: false,
    logLevel: "silent",
    root: join(PAGE, ".."),
    define: { "process.env.NODE_ENV": '"production"' },
    build: { write: false, minify: false, rolldownOptions: { input: PAGE, output: { codeSplitting: false } } },
  });
  const files = [made].flat().flatMap((one) => ("output" in one ? one.output : []));
  return files.find((file) => file.type === "chunk")?.code ?? "";
}
