import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { normalizeEndpoint } from '../../../functions/shared/endpoint.ts';

describe('normalizeEndpoint', () => {
  test.each([
    [undefined, 'https://api.openai.com/v1'],
    ['https://api.openai.com/v1', 'https://api.openai.com/v1'],
    ['HTTPS://API.OpenAI.com:443/v1///', 'https://api.openai.com/v1'],
    ['http://localhost:80', 'http://localhost'],
    ['http://localhost:8080/', 'http://localhost:8080'],
    ['https://gateway.example.com/Team-A/openai/v1', 'https://gateway.example.com/Team-A/openai/v1'],
    [' https://api.openai.com/v1\n', 'https://api.openai.com/v1'],
    ['http://[::1]:11434/v1', 'http://[::1]:11434/v1'],
  ])('%j is %s', (baseUrl, expected) => {
    expect(normalizeEndpoint(baseUrl)).toBe(expected);
  });

  test.each([
    [''],
    ['api.openai.com/v1'],
    ['localhost:8080/v1'],
    ['ftp://api.example.com'],
    ['file:///etc/passwd'],
    ['https://user:secret@api.example.com/v1'],
    ['https://secret@api.example.com/v1'],
    ['https://api.example.com/v1?api-key=secret'],
    ['https://api.example.com/v1?'],
    ['https://api.example.com/v1#secret'],
  ])('%j is refused without being repeated', (baseUrl) => {
    expect(() => normalizeEndpoint(baseUrl)).toThrow(
      expect.objectContaining({ name: 'ConfigError', code: 'invalid_base_url', message: expect.not.stringContaining('secret') }),
    );
  });

  test('what it returns is left as it is', () => {
    fc.assert(
      fc.property(fc.webUrl({ withQueryParameters: false, withFragments: false }), (url) => {
        const once = normalizeEndpoint(url);
        expect(normalizeEndpoint(once)).toBe(once);
      }),
    );
  });
});
