/**
 * What goes wrong with a request: a refusal with 500 or 429; the connection ends before the model was asked, or in the middle of an answer
 * that is paid; no answer at all.
 */
export const faultKinds = ['500', '429', 'drop', 'cut', 'hang'] as const;
export type FaultKind = (typeof faultKinds)[number];

/**
 * The fault of each request, by its number of arrival: exactly one in every `period` requests, at a place that the seed decides, the kinds in
 * turn. So whoever makes as many calls meets as many faults.
 */
export function faultPlan(period: number, seed: number): (requestIndex: number) => FaultKind | undefined {
  const placeIn = (block: number) => {
    let bits = Math.imul(block + 1, 0x9e3779b1) ^ seed;
    bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
    bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
    return ((bits ^ (bits >>> 16)) >>> 0) % period;
  };
  return (requestIndex) => {
    const block = Math.floor(requestIndex / period);
    return requestIndex % period === placeIn(block) ? faultKinds[block % faultKinds.length] : undefined;
  };
}
