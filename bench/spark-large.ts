import { sparkContest } from './spark/spark-contest.ts';

await sparkContest('spark-large', 100_000);
