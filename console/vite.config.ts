import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const SERVER = process.env["HOLDPOINT_SERVER_URL"] ?? "http://localhost:8123";

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react()],
  build: {
    outDir: "dist",
    emptyOutDir: true,
    // Nothing is inlined: the content security policy allows files of our own and nothing else.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    target: "es2022",
  },
  // While the console itself is being written: everything that is no file of it is asked of a running server.
  server: {
    proxy: {
      "^/(reviews|review-groups|runs|threads|assistants|queue|workers|insights|whoami|info|ok|deliveries|audit|login)":
        {
          target: SERVER,
          bypass: ({ headers, method, url }) =>
            method === "GET" && headers.accept?.includes("text/html") && !url?.startsWith("/login")
              ? "/index.html"
              : undefined,
        },
    },
  },
});
