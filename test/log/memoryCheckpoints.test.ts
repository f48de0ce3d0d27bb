import { MemoryCheckpoints } from '../../src/log/memoryCheckpoints.ts';
import { checkpointConformance } from '../conformance/checkpoints.ts';

checkpointConformance('memory', async () => ({
  checkpoints: new MemoryCheckpoints(),
  remove: async () => {},
})).run();
