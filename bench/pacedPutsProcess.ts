/** The process of `putBeside`: its argument is the task, and any message ends it. */
import { keyOf } from './keys.ts';
import { type PutReport, type PutTask, paced, poolOf, putter } from './pacedPuts.ts';

const { url, perSecond, connections, keys }: PutTask = JSON.parse(process.argv[2] ?? '{}');
const pool = poolOf(url, connections);
const put = putter(pool);
let isOver = false;
process.once('message', () => {
  isOver = true;
});
const startedAt = performance.now();
process.send?.('started');
const answered = await paced({ perSecond, isOver: () => isOver }, (index) =>
  put(keyOf((index * 7919) % keys)),
);
const report: PutReport = { answered, seconds: (performance.now() - startedAt) / 1000 };
await pool.close();
process.send?.(report, () => process.disconnect());
