// licences.mjs OUT.txt: the licence texts of the packages that the built page holds, by the lock file. Where a package has no
// text of its own, packaging/licences/ has it.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

function textOf(folder) {
  const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name));
  return readFileSync(file ? join(folder, file) : `../packaging/licences/${basename(folder)}.txt`, 'utf8').trim();
}

const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'));
const parts = Object.entries(packages)
  .filter(([folder, entry]) => folder && !entry.dev && !entry.optional)
  .map(([folder, entry]) => `${folder.replace('node_modules/', '')} ${entry.version}: ${entry.license}\n\n${textOf(folder)}\n`);
writeFileSync(process.argv[2], parts.join(`\n${'-'.repeat(80)}\n\n`));
