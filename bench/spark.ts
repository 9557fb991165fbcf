import { sparkContest } from './spark/spark-contest.ts';

await sparkContest('spark', 10_000);
