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
        f"../envs/{'captions' if CONFIG.captions.needs_extra else 'pipeline'}.yaml"
    resources:
        **get_captioner_resources(),
    params:
        version=version("captions"),
        videos=get_videos_of_shard,
        captions=settings("captions"),
        captioners=CONFIG.captions,
        cache=CONFIG.captions.cache_folder(RESULTS),
    message:
        "Captioning the videos of shard {wildcards.shard}"
    script:
        "../scripts/captions.py"
