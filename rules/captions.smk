rule captions:
    input:
        unpack(get_shard_inputs),
    output:
        f"{RESULTS}/captions/shards/{{shard}}.json",
    log:
        f"{RESULTS}/logs/captions/{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/captions/{{shard}}.tsv"
    conda:
        "../envs/pipeline.yaml"
    resources:
        mem_mb=1500,
        runtime=60,
    params:
        videos=get_videos_of_shard,
        settings=asdict(CONFIG.captions),
    message:
        "Captioning shard {wildcards.shard}"
    script:
        "../scripts/captions.py"
