import { MemoryCheckpoints } from '../../src/log/memoryCheckpoints.ts';
import { checkpointConformance } from '../conformance/checkpoints.ts';

const checkpoints = checkpointConformance('memory', async () => ({
  checkpoints: new MemoryCheckpoints(),
  remove: async () => {},
}));

checkpoints.run();
