import { expect, test } from '@jest/globals';
interface A { a: number }
test('x', () => { const a: A = { a: 1 }; expect(a.a).toBe(1); });
