import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

// Compiled code is kept between starts, which halves them. What is imported before that would not be kept.
enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/node', import.meta.url)));

for (const stream of [process.stdout, process.stderr]) {
  // Whoever reads may have enough (head, a closed pager); the work goes on to its end and its exit code.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

const { runCommandLine } = await import('./main.ts');
process.exitCode = await runCommandLine(process.argv.slice(2));
