/** What a step takes of something that AWS or the workflow bounds. */
export interface Check {
  step: string;
  /** What was measured or counted, in words: `1.2 s a part`. */
  measured: string;
  /** How much of it there is: `1,000 parts`. */
  units: string;
  predicted: number;
  limit: number;
  unit: 's' | 'MiB' | 'KiB' | 'GB' | 'events' | 'writes/s';
  /** Where the limit comes from. */
  bound: string;
}

export const isWithin = ({ predicted, limit }: Check): boolean => predicted <= limit;

/** `within, 12 %`, or by how much it is missed. */
export const verdictOf = (check: Check): string =>
  isWithin(check)
    ? `within, ${((100 * check.predicted) / check.limit).toFixed(0)} %`
    : `missed, ${(check.predicted / check.limit).toFixed(1)} times the limit`;

/** Source: service quotas of Lambda. */
export const LAMBDA_SECONDS = 900;

/** Keys on a page of a listing. */
export const LISTED_KEYS = 1_000;

/** Source: Lambda developer guide, "Configure Lambda function memory". */
const MB_OF_ONE_CORE = 1_769;

/** Seconds that work which keeps one core busy takes in a function of so much memory: below a core's worth it has a share of one, above it no more than one. */
export const secondsInLambda = (seconds: number, memoryMb: number): number => seconds * Math.max(1, MB_OF_ONE_CORE / memoryMb);

/** A small request of S3. Source: S3 user guide, "Best practices design patterns: optimizing performance": 100 to 200 ms. */
export const S3_REQUEST_SECONDS = 0.1;

const S3_READS_A_SECOND = 5_500;

/**
 * Seconds of so many small requests, so many at once. Of one prefix no more than 5,500 are answered in a second. Source: the same.
 */
export const s3Seconds = (requests: number, inFlight = 1): number =>
  Math.max((requests * S3_REQUEST_SECONDS) / inFlight, inFlight > 1 ? requests / S3_READS_A_SECOND : 0);
