import { RemovalPolicy } from 'aws-cdk-lib';
import {
  Database,
  DataFormat,
  DateIntervalUnit,
  PartitionProjectionConfiguration,
  S3Table,
  S3TableStorage,
  Schema,
  type Type,
} from 'aws-cdk-lib/aws-glue';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { tablePrefix } from '../functions/shared/object-keys.ts';
import { DATE_PARTITION } from '../functions/shared/table-names.ts';
import { type ColumnType, datePartition, tables } from '../functions/shared/tables.ts';

const glueTypes: Record<ColumnType, Type> = {
  string: Schema.STRING,
  int: Schema.INTEGER,
  bigint: Schema.BIG_INT,
  double: Schema.DOUBLE,
  boolean: Schema.BOOLEAN,
  timestamp: Schema.TIMESTAMP,
};

/** No run is older than the product. Athena computes the partitions from here to today, so none is ever registered. */
const FIRST_DATE = '2026-01-01';

export interface CatalogProps {
  /** Name of the Glue database. */
  readonly databaseName: string;
  /** Bucket with the tables' files. */
  readonly resultsBucket: IBucket;
}

/** The tables as Athena sees them: definitions only, made again at every deployment, so they go with the stack. */
export class Catalog extends Construct {
  readonly database: Database;

  constructor(scope: Construct, id: string, { databaseName, resultsBucket }: CatalogProps) {
    super(scope, id);
    this.database = new Database(this, 'Database', {
      databaseName,
      description: 'Summaries of uploaded texts, from row to root',
      removalPolicy: RemovalPolicy.DESTROY,
    });

    for (const table of Object.values(tables)) {
      const prefix = tablePrefix(table.name);
      new S3Table(this, table.name, {
        database: this.database,
        tableName: table.name,
        description: table.comment,
        columns: table.columns.map(({ name, type, comment }) => ({ name, type: glueTypes[type], comment })),
        partitionKeys: [{ name: DATE_PARTITION, type: Schema.STRING, comment: datePartition.comment }],
        dataFormat: DataFormat.PARQUET,
        storage: S3TableStorage.fromBucket(resultsBucket),
        s3Prefix: prefix,
        // Athena takes "true" for client-side encryption; S3's own needs no mark.
        hasEncryptedData: false,
        partitionProjection: {
          [DATE_PARTITION]: PartitionProjectionConfiguration.date({
            min: FIRST_DATE,
            max: 'NOW',
            format: 'yyyy-MM-dd',
            step: { interval: 1, intervalUnit: DateIntervalUnit.DAYS },
          }),
        },
        parameters: {
          'storage.location.template': `s3://${resultsBucket.bucketName}/${prefix}${DATE_PARTITION}=\${${DATE_PARTITION}}/`,
        },
      });
    }
  }
}
