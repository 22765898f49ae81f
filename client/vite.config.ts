import { resolve } from 'node:path';
import { defineConfig } from 'vite';

const root = import.meta.dirname;

/** Two things are built: the page, and the SDK by itself as `sdk.js` for other pages. */
export default defineConfig({
  root,
  base: './',
  build: {
    outDir: '../dist/client',
    emptyOutDir: true,
    target: 'es2022',
    rollupOptions: {
      input: { page: resolve(root, 'index.html'), sdk: resolve(root, 'sdk/index.ts') },
      preserveEntrySignatures: 'exports-only',
      output: {
        entryFileNames: ({ name }) => (name === 'sdk' ? 'sdk.js' : 'assets/[name]-[hash].js'),
      },
    },
  },
  logLevel: 'warn',
});
