import { existsSync, readFileSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fileLayer } from '../functions/accept-upload/accept-upload.ts';
import { newRun } from '../functions/accept-upload/new-run.ts';
import type { Run, SourcePart } from '../functions/shared/contract.ts';
import { ConfigError } from '../functions/shared/errors.ts';
import { bytesOfParts, isPartFile, pinParts, versionOfParts } from '../functions/shared/folder-parts.ts';
import { SETTINGS_FILE } from '../functions/shared/object-keys.ts';
import type { ObjectStore } from '../functions/shared/ports.ts';
import type { Settings, SettingsLayer } from '../functions/shared/settings.ts';
import { importFile } from './directory-store/import-file.ts';
import { listFiles } from './directory-store/listing.ts';

const SAMPLE = join(dirname(fileURLToPath(import.meta.url)), '..', 'samples', 'reviews.csv');

export interface UploadOptions {
  dataset?: string;
  limit?: number;
  /** Settings named on the command line, by their names. */
  settings: Record<string, unknown>;
}

/** A file or a folder of part files on this machine, and what the run of it will be but for its version. */
export interface LocalUpload {
  path: string;
  kind: Settings['upload'];
  /** Where it lies in the input bucket; that of a folder ends in `/`. */
  key: string;
  /** @throws ConfigError: a setting is wrong. */
  runOf(source: { key?: string; versionId: string; bytes: number; parts?: number }): Run;
}

function pathOf(file: string): string {
  if (file.trim() === '') throw new ConfigError('FILE is empty: name a file, or leave it out for the sample.', { code: 'empty_file_name' });
  return pathAsCalled(file);
}

/** npm runs scripts in the project's folder; a relative path means the folder in which npm was called. */
export function pathAsCalled(file: string): string {
  const path = resolve(file);
  return existsSync(path) || !process.env.INIT_CWD ? path : resolve(process.env.INIT_CWD, file);
}

/**
 * What FILE names; without it the sample.
 * @throws ConfigError: there is nothing that can be read, or a setting is wrong.
 */
export function localUpload(file: string | undefined, endpoint: string, options: UploadOptions): LocalUpload {
  const path = file === undefined ? SAMPLE : pathOf(file);
  const kind = kindOf(path, statSync(path, { throwIfNoEntry: false }));
  const dataset = options.dataset ?? 'default';
  const name = basename(path);
  const fileKey = options.dataset === undefined ? name : `${dataset}/${name}`;
  const key = kind === 'file' ? fileKey : `${dataset}/${name}/`;
  const layers = layersOf(path, kind, options.settings);
  const upload: LocalUpload = {
    path,
    kind,
    key,
    runOf: (source) => newRun({ dataset, endpoint, limit: options.limit ?? null, source: { bucket: 'input', key, ...source } }, layers),
  };
  // Wrong settings are found before a large file is read.
  const { settings } = upload.runOf({ versionId: '', bytes: 0 });
  if (settings.upload !== kind) {
    const trouble =
      kind === 'folder'
        ? `upload: "file", but ${path} is a folder; leave out --upload file.`
        : `upload: "folder", but ${path} is a file; name the folder, or read the file alone with --upload file.`;
    throw new ConfigError(trouble, { code: 'invalid_settings' });
  }
  return upload;
}

function kindOf(path: string, stat: Stats | undefined): Settings['upload'] {
  if (!stat) throw new ConfigError(`There is no file ${path}.`, { code: 'no_such_file' });
  if (stat.isFile()) return 'file';
  if (stat.isDirectory() && dirname(path) !== path) return 'folder';
  throw new ConfigError(`${path} is not a file; name one file, or a folder of part files.`, { code: 'not_a_file' });
}

/** The settings files beside FILE and, for a folder, in it: on AWS either may be the dataset's. */
function layersOf(path: string, kind: Settings['upload'], settings: Record<string, unknown>): SettingsLayer[] {
  const folders = kind === 'folder' ? [dirname(path), path] : [dirname(path)];
  const settingsPaths = folders.map((folder) => join(folder, SETTINGS_FILE)).filter((settingsPath) => existsSync(settingsPath));
  return [
    ...settingsPaths.map((settingsPath) => fileLayer(settingsPath, readFileSync(settingsPath))),
    ...(kind === 'folder' ? [{ origin: path, values: { upload: kind } }] : []),
    { origin: 'command line', values: settings },
  ];
}

/** Whether a path is the folder, or lies in it. */
export function isWithin(folder: string, path: string): boolean {
  const fromFolder = relative(folder, resolve(path));
  return !/^\.\.(?:$|[/\\])/.test(fromFolder) && !isAbsolute(fromFolder);
}

/** Who watches the copying: of so many bytes, so many more are copied. */
export interface CopyMeter {
  copying(bytes: number): void;
  bytesCopied(bytes: number): void;
}

/**
 * The run of an upload, after its bytes were copied into the input bucket below `out`.
 * @throws ConfigError: `out` lies within the folder that is to be read.
 */
export async function importUpload(upload: LocalUpload, out: string, work: ObjectStore, meter?: CopyMeter): Promise<Run> {
  const inputRoot = join(out, 'input');
  const onRead = meter && ((bytes: number) => meter.bytesCopied(bytes));
  if (upload.kind === 'file') {
    meter?.copying(statSync(upload.path).size);
    return upload.runOf(await importFile(inputRoot, upload.path, upload.key, { onRead }));
  }
  if (isWithin(upload.path, out)) {
    throw new ConfigError(`--out ${out} lies in the folder that is to be read; name one outside of ${upload.path}.`, {
      code: 'out_in_folder',
    });
  }
  const files: { key: string; bytes: number }[] = [];
  for await (const file of listFiles(upload.path, '')) if (file.bytes > 0 && isPartFile(file.key)) files.push(file);
  meter?.copying(bytesOfParts(files));
  const parts: SourcePart[] = [];
  for (const { key } of files) {
    parts.push({ key, ...(await importFile(inputRoot, join(upload.path, key), upload.key + key, { onRead })) });
  }
  const run = upload.runOf({ versionId: versionOfParts(parts), bytes: bytesOfParts(parts), parts: parts.length });
  await pinParts(work, run.runId, parts);
  return run;
}
