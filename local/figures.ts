/** Numbers as people read them. */
const grouped = new Intl.NumberFormat('en');
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

export const count = (value: number) => grouped.format(value);
export const shortCount = (value: number) => compact.format(value);

/** `1 batch`, `2 batches`. */
export const counted = (value: number, noun: string) => {
  const plural = noun.endsWith('ch') ? `${noun}es` : `${noun}s`;
  return `${count(value)} ${value === 1 ? noun : plural}`;
};

/** Small amounts keep the digits that tell them apart; an unknown price says so. */
export function dollars(value: number | null): string {
  if (value === null) return 'price unknown';
  if (value === 0) return '$0.00';
  return `$${value.toFixed(value < 0.01 ? 6 : value < 1 ? 4 : 2)}`;
}

/** `512 B`, `61.2 kB`, `1.3 GB`; a kB is 1,000 bytes. */
export function byteSize(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '?';
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes} min ${whole % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A text without the control characters by which it could steer the terminal that shows it; line breaks and tabs stay. */
export const printable = (text: string) => text.replace(/[^\P{Cc}\n\t]/gu, '\ufffd');
