import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

/** KiB of gzipped JavaScript that the first screen may load. */
const FIRST_LOAD_BUDGET_KIB = 40;

/** Prints the gzipped size of every chunk and fails the build when the first load is over its budget. */
function bundleBudget(): Plugin {
  return {
    name: "bundle-budget",
    apply: "build",
    generateBundle(_options, bundle) {
      const chunks = Object.values(bundle).filter((file) => file.type === "chunk");
      const byName = new Map(chunks.map((chunk) => [chunk.fileName, chunk]));
      const first = new Set<string>();
      const visit = (fileName: string): void => {
        if (first.has(fileName)) return;
        first.add(fileName);
        for (const imported of byName.get(fileName)?.imports ?? []) visit(imported);
      };
      for (const chunk of chunks) if (chunk.isEntry) visit(chunk.fileName);
      const kib = (code: string) => gzipSync(code, { level: 9 }).length / 1024;
      let total = 0;
      for (const chunk of chunks) {
        const size = kib(chunk.code);
        if (first.has(chunk.fileName)) total += size;
        console.info(
          `${first.has(chunk.fileName) ? "first" : "lazy "} ${size.toFixed(1).padStart(6)} KiB  ${chunk.fileName}`,
        );
      }
      console.info(`first load ${total.toFixed(1)} KiB of JavaScript, gzipped (budget ${FIRST_LOAD_BUDGET_KIB})`);
      if (total > FIRST_LOAD_BUDGET_KIB) this.error(`first load is over its budget: ${total.toFixed(1)} KiB`);
    },
  };
}

/**
 * Emits /app.js and /app.css, which the documents load: their names stay, whatever release is live, so that no document
 * depends on one (docs/decisions, "published documents").
 */
function stableNames(): Plugin {
  return {
    name: "stable-names",
    apply: "build",
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        const index = bundle["index.html"];
        if (index?.type !== "asset") this.error("the build has no index.html");
        const named = (pattern: RegExp) => [...String(index.source).matchAll(pattern)].map(([, path]) => path ?? "");
        // Chunks first, so that they load beside the entry that imports them.
        const modules = [...named(/rel="modulepreload"[^>]* href="([^"]+)"/g), ...named(/<script[^>]* src="([^"]+)"/g)];
        const css = named(/rel="stylesheet"[^>]* href="\/([^"]+)"/g).map((name) => {
          const file = bundle[name];
          return file?.type === "asset" ? String(file.source) : this.error(`${name} is not in the build`);
        });
        if (modules.length === 0 || css.length === 0) this.error("index.html names no module or no style");
        const source = modules.map((path) => `import "${path}";\n`).join("");
        this.emitFile({ type: "asset", fileName: "app.js", source });
        this.emitFile({ type: "asset", fileName: "app.css", source: css.join("\n") });
      },
    },
  };
}

/** Emits /sw.js with the list of what to keep for offline use; the cache's name changes with that list. */
function serviceWorker(): Plugin {
  return {
    name: "service-worker",
    apply: "build",
    generateBundle: {
      // After Vite has dropped the chunks that held only CSS.
      order: "post",
      handler(_options, bundle) {
        const files = Object.keys(bundle).filter((name) => /^assets\/.*\.(js|css|woff2)$|^app\./.test(name));
        const shell = [
          "/index.html",
          "/config.json",
          "/manifest.webmanifest",
          "/icon.svg",
          ...files.map((name) => `/${name}`),
        ].sort();
        const version = createHash("sha256").update(shell.join()).digest("hex").slice(0, 12);
        const source = readFileSync(new URL("src/app/sw.js", import.meta.url), "utf8")
          .replace("__SHELL__", JSON.stringify(shell))
          .replace("__VERSION__", JSON.stringify(version));
        this.emitFile({ type: "asset", fileName: "sw.js", source });
      },
    },
  };
}

/** The modules of every first screen, in one chunk: split by who shares what, it is 2 KiB more. */
const SHARED = new RegExp(
  [
    "node_modules/(preact|preact-iso|@tanstack)/",
    "src/api/(board|client|config|copies|problem|queries|service|session)\\.ts$",
    "src/lib/(folding|ids|storage|text|time|within)\\.ts$",
    "src/ui/(feedback|icons|quests)\\.tsx$",
    "src/features/discover/board\\.ts$",
  ].join("|"),
);

/** The platform that `make up` started. */
const PLATFORM = process.env.CIVICFORGE_URL ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [bundleBudget(), stableNames(), serviceWorker()],
  build: {
    target: "es2022",
    // The CSP allows neither inline scripts nor data: fonts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: {
      output: {
        codeSplitting: { groups: [{ name: "shared", test: SHARED }] },
      },
    },
  },
  server: { proxy: { "/api": PLATFORM, "/config.json": PLATFORM } },
  test: {
    environment: "happy-dom",
    setupFiles: ["test/setup.ts"],
    restoreMocks: true,
    testTimeout: 30_000,
    coverage: {
      provider: "v8",
      include: ["src/**/*.{ts,tsx}"],
      exclude: ["src/**/*.test.{ts,tsx}", "src/**/*.gen.ts", "src/main.tsx"],
      thresholds: { lines: 80 },
    },
  },
});
