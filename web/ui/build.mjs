// Builds the pages' scripts, styles and fonts into ../dist: hashed names, manifest.json, and gzip and brotli beside
// each. MapLibre and its worker are copied as they are.
import {build} from 'esbuild';
import {createHash} from 'node:crypto';
import {mkdir, readFile, readdir, rm, writeFile} from 'node:fs/promises';
import {basename, extname, join} from 'node:path';
import {brotliCompressSync, constants, gzipSync} from 'node:zlib';

const out = '../dist';
await mkdir(out, {recursive: true});
for (const name of await readdir(out)) {
  if (!name.startsWith('.')) await rm(join(out, name), {recursive: true});
}

const manifest = {};
const copies = {
  'maplibre.js': 'node_modules/maplibre-gl/dist/maplibre-gl.mjs',
  'maplibre-worker.js': 'node_modules/maplibre-gl/dist/maplibre-gl-worker.mjs',
  'icon.svg': 'src/icon.svg',
};
for (const [name, from] of Object.entries(copies)) {
  const body = (await readFile(from, 'utf8')).replace(/\n?\/\/# sourceMappingURL=.*\s*$/, '\n');
  const hash = createHash('sha256').update(body).digest('hex').slice(0, 8).toUpperCase();
  const file = `${basename(name, extname(name))}-${hash}${extname(name)}`;
  await writeFile(join(out, file), body);
  manifest[name] = file;
}

const result = await build({
  entryPoints: ['src/map.ts', 'src/report.ts', 'src/console.ts', 'src/site.css', 'src/map.css', 'src/console.css'],
  outdir: out, bundle: true, minify: true, format: 'esm', target: ['es2022', 'chrome109', 'firefox115', 'safari16'],
  entryNames: '[name]-[hash]', assetNames: '[name]-[hash]', metafile: true, legalComments: 'none',
  loader: {'.woff2': 'file'},
  plugins: [{name: 'maplibre', setup(b) {
    b.onResolve({filter: /^maplibre-gl$/}, () => ({path: './' + manifest['maplibre.js'], external: true}));
  }}],
});
for (const [path, made] of Object.entries(result.metafile.outputs)) {
  if (made.entryPoint) manifest[basename(made.entryPoint).replace(/\.ts$/, '.js')] = basename(path);
}

for (const name of await readdir(out)) {
  if (name.startsWith('.') || name.endsWith('.woff2')) continue;
  const body = await readFile(join(out, name));
  await writeFile(join(out, name + '.gz'), gzipSync(body, {level: 9}));
  await writeFile(join(out, name + '.br'), brotliCompressSync(body, {params: {[constants.BROTLI_PARAM_QUALITY]: 11}}));
}
await writeFile(join(out, 'manifest.json'), JSON.stringify(manifest, null, 1) + '\n');
