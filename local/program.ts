import { Command } from 'commander';
import { accountCommands } from './account-commands.ts';
import { attemptCommands } from './attempt-commands.ts';
import { queryCommands } from './query-commands.ts';
import { folded } from './terminal-text.ts';
import { uploadCommands } from './upload-commands.ts';
import { watchCommands } from './watch-commands.ts';

/**
 * The command line: every command with its flags and examples. A command's code is loaded with the command: that of all takes a second
 * and 60 MB.
 * @param exit is told the command's exit code.
 */
export function program(exit: (code: number) => void): Command {
  const hundredfold = new Command('hundredfold')
    .description('Summarizes tables of text with language models: a hundred rows a call, from a file to SQL.')
    .showHelpAfterError('(--help shows the options)')
    .configureOutput({ writeOut: (text) => process.stdout.write(fittedHelp(text, process.stdout.columns)) })
    .exitOverride();
  uploadCommands(hundredfold, exit);
  watchCommands(hundredfold, exit);
  queryCommands(hundredfold, exit);
  attemptCommands(hundredfold, exit);
  accountCommands(hundredfold, exit);
  return hundredfold;
}

/** Help whose longer lines are broken between words, as indented as they begin. @param columns of the terminal; undefined elsewhere. */
export function fittedHelp(text: string, columns: number | undefined): string {
  if (!columns) return text;
  const fitted = (line: string) => {
    const indent = /^ */.exec(line)?.[0] ?? '';
    return folded(line.slice(indent.length), Math.max(columns - indent.length, 2)).map((piece) => `${indent}${piece}`.trimEnd());
  };
  return text.split('\n').flatMap(fitted).join('\n');
}
