/** A supervisor with one program, as a process that a test can kill: its argument is a program as JSON. */
import { Supervised } from '../../run/supervisor.ts';
import type { Program } from '../../run/worldsPlan.ts';

const { program, logs } = JSON.parse(process.argv[2] ?? '{}') as {
  program: Program;
  logs: string;
};
const supervised = new Supervised(program, logs, () => {});
while (!(await supervised.isHealthy)) await new Promise((resolve) => setTimeout(resolve, 50));
process.stdout.write('healthy\n');
