#!/usr/bin/env node
/**
 * The `hearsay` command. It must not import anything above the check: better-sqlite3 crashes an
 * older Node, and an older Node may not even parse the rest.
 */
// By default Node opens its debugger on SIGUSR1, to anyone on this machine.
process.on('SIGUSR1', () => {});

const OLDEST_NODE_MAJOR = 24;
const nodeVersion = process.versions.node;

if (Number.parseInt(nodeVersion, 10) < OLDEST_NODE_MAJOR) {
  process.stderr.write(
    `Hearsay needs Node ${OLDEST_NODE_MAJOR} or newer, and this is Node ${nodeVersion}: ` +
      'install one from nodejs.org.\n',
  );
  process.exitCode = 1;
} else {
  const words = process.argv.slice(2);
  const { yieldEarly } = await import('./cli/log/besideNode.ts');
  yieldEarly(words, process.env);
  const { keepCompiledCode } = await import('./cli/compiledCode.ts');
  keepCompiledCode(process.env);
  // A node and the other commands share too little to load from the same files (scripts/bundle.ts).
  const { run } = await (words[0] === 'serve'
    ? import('./cli/nodeProgram.ts')
    : import('./cli/wholeProgram.ts'));
  await run(words, import.meta.filename);
}
