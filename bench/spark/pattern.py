"""The pattern that this project replaces: 100 rows of a partition become one chat call, whose summary stands beside each of the rows."""

import argparse
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from openai import OpenAI
from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--input", required=True)
parser.add_argument("--output", required=True)
parser.add_argument("--threads", type=int, default=1, help="calls in flight of each partition")
parser.add_argument("--retries", type=int, default=2, help="of the client; 2 is its own default")
parser.add_argument("--timeout", type=float, default=60)
parser.add_argument("--batch-rows", type=int, default=100)
options = parser.parse_args()


def batches(rows):
    rows = iter(rows)
    while batch := list(islice(rows, options.batch_rows)):
        yield batch


def summarize_partition(rows):
    client = OpenAI(max_retries=options.retries, timeout=options.timeout)

    def summarize(batch):
        reviews = "\n".join(f"- {row.review}" for row in batch)
        prompt = f"summarize the following {len(batch)} customer reviews into a concise paragraph:\n{reviews}"
        try:
            answer = client.chat.completions.create(
                model="gpt-4o-mini",
                messages=[{"role": "user", "content": prompt}],
                temperature=0.3,
                max_tokens=250,
            )
            summary = answer.choices[0].message.content
        except Exception as error:
            summary = f"ERROR: {error}"
        return [(row.id, row.review, summary) for row in batch]

    if options.threads == 1:
        for batch in batches(rows):
            yield from summarize(batch)
    else:
        with ThreadPoolExecutor(options.threads) as pool:
            for summarized in pool.map(summarize, batches(rows)):
                yield from summarized


spark = SparkSession.builder.master("local[*]").appName("summaries").getOrCreate()
spark.sparkContext.setLogLevel("ERROR")
reviews = spark.read.csv(options.input, header=True).select("id", "review")
# A small file would be one partition: each core has one.
reviews = reviews.repartition(spark.sparkContext.defaultParallelism)
summaries = spark.createDataFrame(reviews.rdd.mapPartitions(summarize_partition), "id string, review string, summary string")
summaries.write.mode("overwrite").parquet(options.output)
spark.stop()
