import { CfnNamedQuery, CfnWorkGroup } from 'aws-cdk-lib/aws-athena';
import type { Database } from 'aws-cdk-lib/aws-glue';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { QUERY_RESULTS_PREFIX } from './buckets.ts';
import { NEWEST_RUN, namedQueries, RUN_PARAMETER } from './queries.ts';

const BYTES_PER_GB = 1_000_000_000;
/** Athena takes the text of a parameter with its quotes. */
const parameterHint = `The parameter, in single quotes: ${RUN_PARAMETER}; '${NEWEST_RUN}' shows the newest of all`;

export interface QueryWorkgroupProps {
  /** Name of the workgroup. */
  readonly name: string;
  /** Database that the shipped queries run in. */
  readonly database: Database;
  /** Bucket that takes what queries return. */
  readonly resultsBucket: IBucket;
  /** Scanned GB at which a query is cancelled. @default 10 */
  readonly scanLimitGb?: number;
}

/** An Athena workgroup whose limits and result location no client can override, and the shipped queries in it. */
export class QueryWorkgroup extends Construct {
  readonly name: string;

  constructor(scope: Construct, id: string, { name, database, resultsBucket, scanLimitGb = 10 }: QueryWorkgroupProps) {
    super(scope, id);
    const workgroup = new CfnWorkGroup(this, 'Workgroup', {
      name,
      description: 'Queries on the tables of summaries',
      // What is deleted with the workgroup is the history of queries, which would otherwise keep the stack from being deleted.
      recursiveDeleteOption: true,
      workGroupConfiguration: {
        enforceWorkGroupConfiguration: true,
        bytesScannedCutoffPerQuery: scanLimitGb * BYTES_PER_GB,
        engineVersion: { selectedEngineVersion: 'Athena engine version 3' },
        publishCloudWatchMetricsEnabled: true,
        resultConfiguration: {
          outputLocation: resultsBucket.s3UrlForObject(QUERY_RESULTS_PREFIX),
          encryptionConfiguration: resultsBucket.encryptionKey
            ? { encryptionOption: 'SSE_KMS', kmsKey: resultsBucket.encryptionKey.keyArn }
            : { encryptionOption: 'SSE_S3' },
        },
      },
    });

    this.name = workgroup.ref;

    for (const query of namedQueries) {
      new CfnNamedQuery(this, query.name, {
        name: query.name,
        description: query.takesRun ? `${query.description}. ${parameterHint}` : query.description,
        database: database.databaseName,
        queryString: query.sql,
        workGroup: this.name,
      });
    }
  }
}
