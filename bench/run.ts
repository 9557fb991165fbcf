/** `npm run bench -- NAME`: runs one benchmark of this folder. */
const benchmarks = ['plan', 'write', 'ledger', 'grouping', 'limits', 'engine', 'scale', 'cold'] as const;

const [name = '', ...args] = process.argv.slice(2);
if (!(benchmarks as readonly string[]).includes(name)) {
  console.error(`There is no benchmark "${name}"; the benchmarks are: ${benchmarks.join(', ')}. Example: npm run bench -- plan`);
  process.exit(2);
}
process.argv.splice(2, process.argv.length, ...args);
await import(`./${name}.ts`);
