/** Trouble with a file, a folder or the disk, as the system names it: `EACCES: permission denied, open '...'`. */
export const isSystemError = (error: unknown): error is NodeJS.ErrnoException => error instanceof Error && 'syscall' in error;

/** Codes of what no further try cures. */
const lasting = new Set(['ENOSPC', 'EDQUOT', 'EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EIO']);

/** Whether nothing can be kept any more until somebody does something about it. */
export const isStorageLost = (error: unknown): error is NodeJS.ErrnoException => isSystemError(error) && lasting.has(error.code ?? '');

const remedies: Record<string, string> = {
  ENOSPC: 'The disk is full: make room, or name a folder on another one with --out.',
  EDQUOT: 'Your share of the disk is used up: make room, or name a folder on another one with --out.',
  EACCES: 'Make it yours to read or write, or name another folder with --out.',
  EPERM: 'Make it yours to read or write, or name another folder with --out.',
  EROFS: 'Nothing can be written there: name another folder with --out.',
  ENOTDIR: 'A file lies where a folder is wanted: name another folder with --out.',
  EEXIST: 'A file lies where a folder is wanted: name another folder with --out.',
  ENAMETOOLONG: 'Give the file a shorter name.',
  EMFILE: 'Too many files are open: raise the limit (ulimit -n 4096), or take a lower --concurrency.',
  EIO: 'The disk does not work as it should: name a folder on another one with --out.',
};

/** What to do about trouble with the disk. Whatever was answered before is kept. */
export const remedyOf = ({ code }: Pick<NodeJS.ErrnoException, 'code'>): string =>
  `${causeOf(code)} Then run the same command again: it goes on from what is done.`;

/** What to do about the cause alone. */
export const causeOf = (code: string | undefined): string => remedies[code ?? ''] ?? 'Mend the cause.';
