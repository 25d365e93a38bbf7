import { defineConfig, type Plugin } from 'vite';

const server = process.env.SAGITTAL_SERVER ?? 'http://127.0.0.1:1527';

/// NiiVue can read Zarr; its WebAssembly codecs would be half of the page, and the server reads all files here.
const without_zarr_codecs: Plugin = {
  name: 'without-zarr-codecs',
  enforce: 'pre',
  resolveId: (source) => (/^numcodecs\/(blosc|lz4|zstd)$/.test(source) ? '\0no-codec' : null),
  load: (id) => (id === '\0no-codec' ? 'export default { fromConfig() { throw new Error("This page reads no Zarr."); } };' : null),
};

export default defineConfig({
  base: './', // the page also works behind a proxy's sub-path
  plugins: [without_zarr_codecs],
  build: {
    target: 'es2022',
    assetsInlineLimit: 0, // the page's Content-Security-Policy allows no data: addresses but pictures
    chunkSizeWarningLimit: 1000,
    modulePreload: { polyfill: false },
  },
  worker: { format: 'es' },
  server: { proxy: { '/api': { target: server, ws: true }, '/healthz': server } },
});
