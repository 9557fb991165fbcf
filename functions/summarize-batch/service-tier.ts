import { ModelRequestError, ModelThrottledError } from '../shared/errors.ts';
import type { SummaryRequest } from '../shared/ports.ts';

/** The tier that every endpoint with tiers has. */
export const STANDARD_TIER = 'default';

/** Whether a call failed for its service tier alone: the same request at the standard tier may be answered at once. */
export const isTierRefusal = ({ serviceTier }: SummaryRequest, error: unknown) =>
  serviceTier !== null &&
  serviceTier !== STANDARD_TIER &&
  ((error instanceof ModelThrottledError && error.code === 'resource_unavailable') ||
    (error instanceof ModelRequestError && /service[ _]tier/i.test(error.message)));
