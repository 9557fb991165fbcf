import type { Executions } from '../../functions/accept-upload/accept-upload.ts';
import type { Run } from '../../functions/shared/contract.ts';

/** Step Functions: a name is started once; the same name with another input is an error there. */
export class FakeExecutions implements Executions {
  readonly inputs = new Map<string, string>();
  readonly starts: string[] = [];
  failure: Error | undefined;

  arnOf = (name: string) => `arn:execution:${name}`;

  async start(name: string, input: Run): Promise<'started' | 'exists'> {
    if (this.failure) throw this.failure;
    this.starts.push(name);
    const bytes = JSON.stringify(input);
    const standing = this.inputs.get(name);
    if (standing === bytes) return 'exists';
    if (standing) throw new Error(`${name} was started with another input`);
    this.inputs.set(name, bytes);
    return 'started';
  }
}
