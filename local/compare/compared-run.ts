import { runIdOf } from '../../functions/accept-upload/new-run.ts';
import type { Run } from '../../functions/shared/contract.ts';
import { attemptSettingNames, type Settings, settingNames } from '../../functions/shared/settings.ts';
import type { LocalUpload } from '../local-upload.ts';
import { type Sample, samplePath } from './sample-file.ts';

/** The run of a sample under the settings of one way. Whatever names them (the command line or a file), the same settings are the same run. */
export function comparedRun(sample: Sample, settings: Settings, endpoint: string): Run {
  const { dataset, key, versionId, bytes, textColumn, idColumn } = sample;
  const own: Settings = { ...settings, textColumn, idColumn, delimiter: null, upload: 'file' };
  const explicit = Object.fromEntries(
    settingNames.filter((name) => !attemptSettingNames.includes(name)).map((name) => [name, own[name]]),
  ) as Partial<Settings>;
  const source = { bucket: 'input', key, versionId, bytes };
  return { runId: runIdOf({ source, endpoint, limit: null, explicit }), attempt: 1, dataset, source, limit: null, endpoint, settings: own };
}

/** The sample as an upload of which only that run is made. */
export const uploadOf = (sample: Sample, out: string, run: Run): LocalUpload => ({
  path: samplePath(out, sample),
  kind: 'file',
  key: sample.key,
  runOf: (source) => ({ ...run, source: { bucket: 'input', key: sample.key, ...source } }),
});
