def get_videos_of_shard(wildcards):
    return [video for video in VIDEOS if SHARDS[video] == wildcards.shard]


def get_shard_inputs(wildcards):
    videos = get_videos_of_shard(wildcards)
    return {
        "viewports": expand(rules.viewports.output, video=videos),
        "events": expand(rules.events.output.events, video=videos),
        "tracks": expand(rules.events.output.tracks, video=videos),
    }


rule captions:
    input:
        unpack(get_shard_inputs),
    output:
        f"{RESULTS}/captions/shards/{{shard}}.json",
    params:
        videos=get_videos_of_shard,
        settings=CONFIG.captions,
    log:
        f"{RESULTS}/logs/captions/{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/captions/{{shard}}.tsv"
    resources:
        mem_mb=1500,
        runtime=60,
    conda:
        "../envs/pipeline.yaml"
    message:
        "Captioning shard {wildcards.shard}"
    script:
        "../scripts/captions.py"
