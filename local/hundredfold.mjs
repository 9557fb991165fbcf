#!/usr/bin/env node
// The program `hundredfold`: the command line, behind the launcher that brings the right Node version.
process.argv.splice(2, 0, 'local/cli.ts');
await import('./launch.mjs');
