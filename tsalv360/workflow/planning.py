"""Plans of the workflow, made in this process: which jobs would run, without starting Snakemake for each question."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snakemake.api import SnakemakeApi
from snakemake.settings.enums import Quietness, RerunTrigger
from snakemake.settings.types import ConfigSettings, DAGSettings, OutputSettings, ResourceSettings

SNAKEFILE = Path(__file__).parents[2] / "Snakefile"
# As in profiles/, which the API does not read.
TRIGGERS = frozenset({RerunTrigger.MTIME, RerunTrigger.PARAMS, RerunTrigger.INPUT})


@dataclass(frozen=True)
class Plan:
    """What Snakemake would do: its workflow, its graph of all jobs, and the jobs that would run."""

    workflow: Any
    dag: Any
    needed: list[Any]

    @property
    def jobs(self) -> dict[str, int]:
        """How many jobs of each rule would run, without targets such as `all`, which do nothing."""
        return dict(Counter(job.rule.name for job in self.needed if not job.rule.norun))


def plan(folder: Path, configfiles: Sequence[Path] = (), targets: Sequence[str] = (), touch: bool = False) -> Plan:
    """Return the plan for `targets` (none: the default one) in a working folder, with configs over the default one.

    With `touch` all outputs, which must exist, are recorded as made with the current settings, as `snakemake --touch
    --forceall` does. Raises Snakemake's WorkflowError where the config or the graph cannot be used.
    """
    files = [SNAKEFILE.parent / "config" / "config.yaml", *(file.absolute() for file in configfiles)]
    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        workflow_api = api.workflow(
            resource_settings=ResourceSettings(cores=1),
            config_settings=ConfigSettings(configfiles=files),
            snakefile=SNAKEFILE,
            workdir=folder,
        )
        dag_api = workflow_api.dag(DAGSettings(targets=set(targets), rerun_triggers=TRIGGERS, forceall=touch))
        dag_api.execute_workflow(executor="touch" if touch else "dryrun")
        workflow = workflow_api._workflow
        return Plan(workflow, workflow.dag, list(workflow.dag.needrun_jobs(exclude_finished=False)))
