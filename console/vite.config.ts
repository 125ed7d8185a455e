import react from "@vitejs/plugin-react";
import { loadEnv } from "vite";
import { defineConfig } from "vitest/config";

// The binary embeds dist/ and serves it at "/" under a policy that allows this origin only, so nothing
// may be inlined: no data: addresses for assets, no inline scripts, hashed files under /assets.
export default defineConfig(({ mode }) => ({
  plugins: [react()],
  base: "/",
  build: {
    target: "es2022",
    outDir: "dist",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
  // `npm run dev` shows the sources against a running holdfast.
  server: {
    host: "127.0.0.1", // an address: a bare machine may not know the name localhost
    proxy: {
      "/api": { target: loadEnv(mode, ".", "HOLDFAST_")["HOLDFAST_URL"] ?? "http://127.0.0.1:8040", changeOrigin: false },
    },
  },
  test: { environment: "node", include: ["src/**/*.test.{ts,tsx}"] },
}));
