// BullMQ with jobs that do nothing, measured beside the belt by bench/belt.py.
//
//   node noop.mjs push SOCKET COUNT BODY_BYTES
//   node noop.mjs work SOCKET CONCURRENCY        runs until SIGTERM
//
// As its documentation has it: bulk pushes, one Worker a process with many jobs under way, what is done is removed.
import { Queue, Worker } from 'bullmq';

const [what, socket, number, body] = process.argv.slice(2);
const name = 'noop';
const PART = 500;

if (what === 'push') {
  const queue = new Queue(name, { connection: { path: socket } });
  const data = { v: 1, fields: 'x'.repeat(Number(body)) };
  for (let left = Number(number); left > 0; left -= PART) {
    const part = Array.from({ length: Math.min(left, PART) }, () => ({
      name, data, opts: { removeOnComplete: true, removeOnFail: true },
    }));
    await queue.addBulk(part);
  }
  await queue.close();
} else if (what === 'work') {
  const worker = new Worker(name, async () => {}, {
    connection: { path: socket, maxRetriesPerRequest: null },
    concurrency: Number(number),
    removeOnComplete: { count: 0 },
  });
  worker.on('error', (error) => console.error(error.message));
  process.on('SIGTERM', async () => {
    await worker.close();
    process.exit(0);
  });
} else {
  console.error('usage: noop.mjs push SOCKET COUNT BODY_BYTES | work SOCKET CONCURRENCY');
  process.exit(2);
}
