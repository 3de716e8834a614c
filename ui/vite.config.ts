import react from '@vitejs/plugin-react';
import { lezer } from '@lezer/generator/rollup';
import { defineConfig } from 'vite';

/** `OBSCTL_UI_SERVER` is where `obsctl ui` answers, for `npm run dev`. */
const server = process.env.OBSCTL_UI_SERVER ?? 'http://127.0.0.1:3000';

export default defineConfig({
  plugins: [react(), lezer()],
  build: {
    target: 'es2022',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0, // the policy of the pages allows no script but from files
    chunkSizeWarningLimit: 1500,
  },
  server: { proxy: { '/api': server, '/proxy': { target: server, ws: true } } },
});
