import { spawnSync } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';
import { cliPath, type Ended, type Program, startCommand } from './program.ts';

/** Whether there is what makes a pseudo-terminal: `script` of util-linux. */
export const hasTerminals = spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout?.includes('util-linux') === true;

export interface TerminalProgram extends Program {
  /** Types into the terminal; `\u0003` is Ctrl-C. */
  type(keys: string): void;
}

/** What cli-progress writes before it draws. */
const LINE_START = '\u001b[1G';

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

/** `hundredfold ...` under way in a terminal of so many columns; all that it shows is on stdout. */
export function startInTerminal(args: readonly string[], columns: number, env: Record<string, string>): TerminalProgram {
  const command = [process.execPath, cliPath, ...args].map(quoted).join(' ');
  const program = startCommand('script', ['-qfec', `stty cols ${columns} rows 24; exec ${command}`, '/dev/null'], {
    env: { TERM: 'xterm', ...env },
    hasInput: true,
  });
  return { ...program, type: (keys) => void program.child.stdin?.write(keys) };
}

/** Everything that was drawn, line by line and stroke by stroke, without control characters. */
export const strokesOf = ({ stdout }: Ended): string[] =>
  stdout
    .replaceAll(LINE_START, '\n')
    .split(/[\r\n]+/)
    .map(stripVTControlCharacters)
    .filter((stroke) => stroke !== '');

/** Whether anything was drawn in colour or with cursor control. */
export const hasControls = ({ stdout }: Ended): boolean => stdout.includes('\u001b');
export const hasColours = ({ stdout }: Ended): boolean => ['31', '36', '39'].some((colour) => stdout.includes(`\u001b[${colour}m`));

/** Whether the terminal was left with its cursor shown and its lines wrapped. */
export const isRestored = ({ stdout }: Ended): boolean =>
  stdout.lastIndexOf('\u001b[?25h') >= stdout.lastIndexOf('\u001b[?25l') &&
  stdout.lastIndexOf('\u001b[?7h') >= stdout.lastIndexOf('\u001b[?7l');
