import { spawnSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What runs the pattern. */
export interface SparkEnvironment {
  python: string;
  versions: Record<string, string>;
}

/** Why there is none, as one sentence. */
export interface Missing {
  missing: string;
}

const OLDEST_JAVA = 17;
const INSTALL_MS = 10 * 60_000;

const requirements = fileURLToPath(new URL('requirements.txt', import.meta.url));

/** The main version of a Java, by what `java -version` says: 8 for `1.8.0_392`. @returns undefined where it says none. */
export function javaVersionOf(said: string): number | undefined {
  const [, first, second] = /version "(\d+)(?:\.(\d+))?/.exec(said) ?? [];
  return first === undefined ? undefined : Number(first === '1' ? second : first);
}

/** The packages of a requirements file with their versions. */
export const pinnedVersions = (text: string): Record<string, string> =>
  Object.fromEntries([...text.matchAll(/^([\w-]+)==([\w.]+)$/gm)].map(([, name = '', version = '']) => [name, version]));

/** How a program ended: its output, errors included, or undefined where it failed or there is none of that name. */
function output(command: string, args: readonly string[]): string | undefined {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: INSTALL_MS });
  return status === 0 ? `${stdout}${stderr}` : undefined;
}

/** A virtual environment with the pattern's packages, made where there is none yet, or why it cannot be. */
export function sparkEnvironment(say: (line: string) => void): SparkEnvironment | Missing {
  if (process.platform !== 'linux') return { missing: 'the memory of all processes is read from /proc, which only Linux has' };
  const { JAVA_HOME } = process.env;
  const java = javaVersionOf(output(JAVA_HOME ? join(JAVA_HOME, 'bin', 'java') : 'java', ['-version']) ?? '');
  if (java === undefined || java < OLDEST_JAVA)
    return { missing: `Spark needs Java ${OLDEST_JAVA} or later, and ${java === undefined ? 'no java was found' : `this is ${java}`}` };
  const pythonVersion = /^Python ([\d.]+)/.exec(output('python3', ['--version']) ?? '')?.[1];
  if (pythonVersion === undefined) return { missing: 'no python3 was found' };

  const text = readFileSync(requirements, 'utf8');
  const folder = fileURLToPath(
    new URL(`../../node_modules/.cache/spark-${hash('sha1', text + pythonVersion).slice(0, 12)}`, import.meta.url),
  );
  const python = join(folder, 'bin', 'python');
  const isWhole = join(folder, 'is-whole');
  if (!existsSync(isWhole)) {
    say('Installing PySpark into node_modules/.cache (once; two minutes) ...');
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    if (output('python3', ['-m', 'venv', folder]) === undefined) return { missing: 'python3 -m venv made no virtual environment' };
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--requirement', requirements];
    if (output(python, pip) === undefined) return { missing: 'pip could not install PySpark and openai' };
    writeFileSync(isWhole, '');
  }
  const { openai = '', ...packages } = pinnedVersions(text);
  return { python, versions: { ...packages, 'openai for Python': openai, python: pythonVersion, java: String(java) } };
}
