import type { RateLimiter } from '../../functions/shared/ports.ts';
import type { RateReservation } from '../../functions/shared/rate-feedback.ts';

const MAX_BACK_OFF_SECONDS = 60;

/** What many clients do in place of a shared limit: ask at once, and after each refusal wait twice as long, all of it at random. */
export function backOffLimiter(random: () => number): RateLimiter {
  let refusals = 0;
  return {
    async reserve() {
      const waitSeconds = refusals === 0 ? 0 : random() * Math.min(MAX_BACK_OFF_SECONDS, 2 ** refusals);
      // Only a limiter that shares something looks into a reservation.
      return { reserved: true, waitSeconds, reservation: {} as RateReservation };
    },
    async settle(_, { refusal }) {
      refusals = refusal ? refusals + 1 : 0;
    },
    async flush() {},
  };
}
