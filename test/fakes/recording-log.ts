import type { Log } from '../../functions/shared/ports.ts';

export class RecordingLog implements Log {
  readonly lines: { level: 'info' | 'warn'; message: string; fields: Record<string, unknown> }[] = [];

  info(message: string, fields: Record<string, unknown> = {}): void {
    this.lines.push({ level: 'info', message, fields });
  }

  warn(message: string, fields: Record<string, unknown> = {}): void {
    this.lines.push({ level: 'warn', message, fields });
  }
}
