// The first thing that runs, under whatever Node is on the PATH and with nothing installed: brings node_modules up to
// date with package-lock.json, then hands over to the Node version that the project itself depends on.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const stampPath = join(root, 'node_modules', '.hundredfold-installed');
const node = join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');

const lockHash = () =>
  createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .update(`${process.platform}-${process.arch}`)
    .digest('hex');

const isInstalled = () => existsSync(node) && existsSync(stampPath) && readFileSync(stampPath, 'utf8') === lockHash();

/** Exit status of `npm ci`, whose own words are shown only when it fails. */
function install() {
  process.stderr.write('Installing what this project needs (once; about a minute) ...\n');
  const started = Date.now();
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const result = spawnSync(npm, ['ci', '--include=dev', '--include=optional', '--loglevel=error'], {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
    env: { ...process.env, NODE_ENV: 'development' },
  });
  if (result.status !== 0 || !existsSync(node)) {
    process.stderr.write(
      `${result.stdout ?? ''}${result.stderr ?? ''}\nThe installation failed (npm ci). Check the network and run the command again.\n`,
    );
    return result.status || 1;
  }
  writeFileSync(stampPath, lockHash());
  process.stderr.write(`Installed in ${Math.round((Date.now() - started) / 1000)} s.\n`);
  return 0;
}

if (!isInstalled()) {
  const status = install();
  if (status !== 0) process.exit(status);
}

const [target, ...args] = process.argv.slice(2);
// Without a target, installing was all.
if (target === undefined) process.exit(0);
// MAX_SEMI_SPACE_MIB of functions/shared/limits.ts: what is read is let go of soon, a larger young generation only keeps it resident for longer.
const child = spawn(node, ['--max-semi-space-size=8', join(root, target), ...args], { stdio: 'inherit' });
// A terminal sends Ctrl-C to the whole group; the child decides what it means, this process only waits for its answer.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.on('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});
child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
