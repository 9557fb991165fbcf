import { expect, test } from '@jest/globals';
import { synthesize } from './synthesized.ts';
test('x', () => { const s = synthesize(); console.log([...s.resources.keys()].join('\n'), Object.keys(s.at('Steps/accept-upload/Function'))); expect(1).toBe(1); });
