// embed.mjs DIST OUT.cpp: the built page as C++ (src/server/viewer_files.h), each file packed with gzip.
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';
import { gzipSync } from 'node:zlib';

const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

const [dist, out] = process.argv.slice(2);
const files = readdirSync(dist, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
  .sort();

const arrays = [];
const rows = [];
files.forEach((file, n) => {
  const path = relative(dist, file).split(sep).join('/');
  const type = types[extname(file)];
  if (!type) throw new Error(`${path}: its content type is not in embed.mjs`);
  const raw = readFileSync(file);
  const packed = gzipSync(raw, { level: 9 });
  const tag = createHash('sha256').update(raw).digest('hex').slice(0, 20);
  arrays.push(`constexpr unsigned char k${n}[] = {${packed.join(',').replace(/(.{1,118},)/g, '$1\n')}};`);
  rows.push(`    {"/${path === 'index.html' ? '' : path}", "${type}", "\\"${tag}\\"", {k${n}, sizeof(k${n})}, ${raw.length}},`);
});

writeFileSync(out, `// Made by web/embed.mjs from the built page.
#include "server/viewer_files.h"

namespace sagittal::server {
namespace {

${arrays.join('\n')}

constexpr ViewerFile kFiles[] = {
${rows.join('\n')}
};

}  // namespace

std::span<const ViewerFile> viewer_files() { return kFiles; }

}  // namespace sagittal::server
`);
