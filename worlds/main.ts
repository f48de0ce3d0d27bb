/** `npm run worlds`: one region on this machine; `npm run worlds -- bots`: players for it. */
const [, , command] = process.argv;
if (command === 'bots') {
  process.argv.splice(2, 1);
  await import('./bots/main.ts');
} else {
  await import('./run/main.ts');
}
