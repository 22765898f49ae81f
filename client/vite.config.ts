import { defineConfig } from 'vite';

const root = import.meta.dirname;

/** Builds the page. The SDK is built by `scripts/sdk/build.ts`. */
export default defineConfig({
  root,
  base: './',
  build: {
    outDir: '../dist/client',
    emptyOutDir: true,
    target: 'es2022',
  },
  logLevel: 'warn',
});
