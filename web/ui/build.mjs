// Builds the pages' scripts, styles and fonts into ../dist: hashed names, manifest.json, and gzip and brotli beside
// each. MapLibre and its worker are copied as they are. The drive page's detector is compiled from Go.
import {build} from 'esbuild';
import {Resvg} from '@resvg/resvg-js';
import {execFileSync} from 'node:child_process';
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
async function put(name, body) {
  const hash = createHash('sha256').update(body).digest('hex').slice(0, 8).toUpperCase();
  const file = `${basename(name, extname(name))}-${hash}${extname(name)}`;
  await writeFile(join(out, file), body);
  manifest[name] = file;
}

const copies = {
  'maplibre.js': 'node_modules/maplibre-gl/dist/maplibre-gl.mjs',
  'maplibre-worker.js': 'node_modules/maplibre-gl/dist/maplibre-gl-worker.mjs',
  'icon.svg': 'src/icon.svg',
};
for (const [name, from] of Object.entries(copies)) {
  await put(name, (await readFile(from, 'utf8')).replace(/\n?\/\/# sourceMappingURL=.*\s*$/, '\n'));
}
for (const size of [180, 192, 512]) {
  await put(`icon-${size}.png`, new Resvg(await readFile('src/icon.svg', 'utf8'), {fitTo: {mode: 'width', value: size}}).render().asPng());
}

// The detector, with the script that comes with the toolchain and fits it.
const goroot = execFileSync('go', ['env', 'GOROOT'], {encoding: 'utf8'}).trim();
const wasm = join(out, '.detector.wasm');
execFileSync('go', ['build', '-trimpath', '-ldflags=-s -w', '-o', `web/dist/${basename(wasm)}`, './firmware-sim/browser'],
  {cwd: '../..', env: {...process.env, GOOS: 'js', GOARCH: 'wasm'}, stdio: 'inherit'});
await put('detector.wasm', await readFile(wasm));
await rm(wasm);

const result = await build({
  entryPoints: ['src/map.ts', 'src/report.ts', 'src/boundary.ts', 'src/drive.ts', 'src/drive-worker.ts', 'src/drive-offline.ts', 'src/console.ts', 'src/crew.ts', 'src/crew-offline.ts', 'src/site.css', 'src/map.css', 'src/drive.css', 'src/console.css', 'src/crew.css'],
  outdir: out, bundle: true, minify: true, format: 'esm', target: ['es2022', 'chrome109', 'firefox115', 'safari16'],
  entryNames: '[name]-[hash]', assetNames: '[name]-[hash]', metafile: true, legalComments: 'none',
  loader: {'.woff2': 'file'},
  plugins: [{name: 'elsewhere', setup(b) {
    b.onResolve({filter: /^maplibre-gl$/}, () => ({path: './' + manifest['maplibre.js'], external: true}));
    b.onResolve({filter: /^wasm_exec$/}, () => ({path: join(goroot, 'lib/wasm/wasm_exec.js')}));
  }}],
});
for (const [path, made] of Object.entries(result.metafile.outputs)) {
  if (made.entryPoint) manifest[basename(made.entryPoint).replace(/\.ts$/, '.js')] = basename(path);
  if (/overpass-latin-wght-normal/.test(path)) manifest['overpass.woff2'] = basename(path);
}

for (const name of await readdir(out)) {
  if (name.startsWith('.') || name.endsWith('.woff2') || name.endsWith('.png')) continue;
  const body = await readFile(join(out, name));
  await writeFile(join(out, name + '.gz'), gzipSync(body, {level: 9}));
  await writeFile(join(out, name + '.br'), brotliCompressSync(body, {params: {[constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 22}}));
}
await writeFile(join(out, 'manifest.json'), JSON.stringify(manifest, null, 1) + '\n');
