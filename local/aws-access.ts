import { ConfigError } from '../functions/shared/errors.ts';

/** Errors of the SDK, or of AWS, that their reader can mend, by what their names say. */
const remedies: [name: RegExp, words: string][] = [
  [/^CredentialsProviderError$/, 'There are no AWS credentials: set AWS_PROFILE, or log in'],
  [/^(ExpiredToken|UnrecognizedClient|InvalidClientTokenId|InvalidAccessKeyId|SignatureDoesNotMatch)/, 'AWS does not take the credentials'],
  [/^AccessDenied/, 'These AWS credentials may not do this'],
];

/**
 * What the work on AWS gives.
 * @throws ConfigError: credentials or region are missing, or do not allow it.
 */
export async function onAws<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause;
    if (cause.message === 'Region is missing') {
      throw new ConfigError('The AWS region is not known: set AWS_REGION.', { code: 'aws_region', cause });
    }
    const words = remedies.find(([name]) => name.test(cause.name))?.[1];
    throw words === undefined ? cause : new ConfigError(`${words} (${cause.message}).`, { code: 'aws_access', cause });
  }
}
