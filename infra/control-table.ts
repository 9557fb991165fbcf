import { RemovalPolicy } from 'aws-cdk-lib';
import { AttributeType, BillingMode, Table } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';

export interface ControlTableProps {
  /** Deletes the table with the stack, and lets anybody delete it. @default false */
  readonly destroyOnDelete?: boolean;
}

/**
 * Money spent, rate slots and halt flags of the runs: one item each under `pk`, gone after `expiresAt` (seconds since the epoch).
 * Encrypted with DynamoDB's own key, which is always on and free and on which no step needs rights.
 */
export class ControlTable extends Construct {
  readonly table: Table;

  constructor(scope: Construct, id: string, { destroyOnDelete = false }: ControlTableProps = {}) {
    super(scope, id);
    this.table = new Table(this, 'Table', {
      partitionKey: { name: 'pk', type: AttributeType.STRING },
      timeToLiveAttribute: 'expiresAt',
      billingMode: BillingMode.PAY_PER_REQUEST,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: !destroyOnDelete,
      removalPolicy: destroyOnDelete ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN,
    });
  }
}
