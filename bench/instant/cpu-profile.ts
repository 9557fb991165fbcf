/** What `node --cpu-prof` writes; times in microseconds. */
export interface CpuProfile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[];
  samples: number[];
  timeDeltas: number[];
}

export interface SelfTime {
  /** `name (place)`; the place is a package, or a file of this project. */
  function: string;
  seconds: number;
  percent: number;
}

function placeOf(url: string): string {
  if (url === '') return 'native';
  if (url.startsWith('node:')) return url;
  const packages = url.split('/node_modules/');
  const inPackage = packages.length > 1 ? packages.at(-1) : undefined;
  if (inPackage !== undefined) return inPackage.split('/', inPackage.startsWith('@') ? 2 : 1).join('/');
  return /(?:functions|local|infra|bench)\/.*$/.exec(url)?.[0] ?? url.split('/').at(-1) ?? url;
}

/** Functions in which a program spent its time by itself, the most first; what it waited is left out. */
export function selfTimes({ nodes, samples, timeDeltas }: CpuProfile, most: number): SelfTime[] {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const totals = new Map<string, number>();
  for (const [index, id] of samples.entries()) {
    const { functionName = '', url = '' } = names.get(id) ?? {};
    if (functionName === '(idle)') continue;
    const name = functionName.startsWith('(') ? functionName : `${functionName || 'anonymous'} (${placeOf(url)})`;
    totals.set(name, (totals.get(name) ?? 0) + (timeDeltas[index] ?? 0) / 1e6);
  }
  const busySeconds = [...totals.values()].reduce((sum, seconds) => sum + seconds, 0);
  return [...totals]
    .sort(([, one], [, other]) => other - one)
    .slice(0, most)
    .map(([name, seconds]) => ({ function: name, seconds, percent: (100 * seconds) / busySeconds }));
}
