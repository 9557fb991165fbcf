/** https://aws.amazon.com/athena/pricing: data scanned, in us-east-1 and most regions, rounded up to a megabyte, 10 MB a query at least. */
export const ATHENA_USD_PER_TB = 5;
const BYTES_PER_TB = 1e12;
const BYTES_PER_MB = 1e6;
const MIN_MB = 10;

/** What Athena charges for a query that was not refused, in dollars. */
export const scanPriceUsd = (scannedBytes: number): number =>
  (Math.max(MIN_MB, Math.ceil(scannedBytes / BYTES_PER_MB)) * BYTES_PER_MB * ATHENA_USD_PER_TB) / BYTES_PER_TB;
