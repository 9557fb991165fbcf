import { InvalidUploadError } from '../functions/shared/errors.ts';
import { OFFLINE_ENDPOINT } from '../functions/shared/model-catalog.ts';
import { exitCodes } from './exit-codes.ts';
import { type Explanation, explainUpload } from './explanation.ts';
import { explanationLines } from './explanation-lines.ts';
import { printable } from './figures.ts';
import { localUpload, type UploadOptions } from './local-upload.ts';
import { chooseModel } from './model-choice.ts';

export interface ExplainOptions extends UploadOptions {
  offline?: true;
  json?: true;
}

/**
 * `hundredfold explain`: what a run would do, without a call. @returns the exit code.
 * @throws ConfigError: wrong usage.
 */
export async function explainCommand(file: string | undefined, options: ExplainOptions): Promise<number> {
  // The estimate is of the model that would be paid, also where no key is set yet.
  const env = { ...process.env, OPENAI_API_KEY: 'unused' };
  const { endpoint } = chooseModel({ hasFile: true, isOffline: options.offline === true, env });
  const upload = localUpload(file, endpoint, options);
  let explanation: Explanation;
  try {
    explanation = await explainUpload(upload);
  } catch (error) {
    if (!(error instanceof InvalidUploadError)) throw error;
    process.stderr.write(`${printable(error.message)}\n`);
    if (options.json) process.stdout.write(`${JSON.stringify({ source_key: upload.key, refusal: error.message })}\n`);
    return exitCodes.rejected;
  }
  const lines = options.json ? [JSON.stringify(explanation)] : explanationLines(explanation, endpoint === OFFLINE_ENDPOINT);
  process.stdout.write(`${lines.join('\n')}\n`);
  return 0;
}
