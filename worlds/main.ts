/**
 * `npm run worlds`: two regions on this machine; `npm run worlds -- bots`: players for them; `config`, `drain` and
 * `token`: what operators do; `trace`, `audit`, `player` and `pids`: what has happened, and what runs; `cut`, `heal` and `evacuate`: what may happen to a region;
 * `secrets` and `first-worlds`: what containers need before they start (docker-compose.yml).
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
  case 'cut':
  case 'heal':
    await import('./run/network.ts');
    break;
  case 'evacuate':
    await import('./run/evacuate.ts');
    break;
  case 'secrets':
    await import('./run/secretsCommand.ts');
    break;
  case 'first-worlds':
    await import('./run/firstWorldsCommand.ts');
    break;
  case 'trace': {
    const { traceCommand } = await import('./run/traceCommand.ts');
    await traceCommand(process.argv.slice(3));
    break;
  }
  case 'player': {
    const { playerCommand } = await import('./run/playerCommand.ts');
    await playerCommand(process.argv.slice(3));
    break;
  }
  case 'pids': {
    const { pidsCommand } = await import('./run/pidsCommand.ts');
    pidsCommand(process.argv.slice(3));
    break;
  }
  case 'audit': {
    const { auditCommand } = await import('./run/auditCommand.ts');
    auditCommand(process.argv.slice(3));
    break;
  }
  default:
    await import('./run/main.ts');
}
