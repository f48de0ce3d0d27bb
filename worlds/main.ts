/**
 * `npm run worlds`: one region on this machine; `npm run worlds -- bots`: players for it; `config`, `drain` and
 * `token`: what operators do.
 */
switch (process.argv[2]) {
  case 'bots':
    process.argv.splice(2, 1);
    await import('./bots/main.ts');
    break;
  case 'config':
  case 'drain':
  case 'token':
    await import('./operator/main.ts');
    break;
  default:
    await import('./run/main.ts');
}
