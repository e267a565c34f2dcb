"""One of the processes that train a fold: `python -m tsalv360.training job.json`."""

import sys

from tsalv360.job.errors import InputError
from tsalv360.job.log import end_with_workflow
from tsalv360.training.settings import read_job
from tsalv360.training.train import train_fold

try:
    end_with_workflow()
    train_fold(read_job(sys.argv[1]))
except InputError as error:
    sys.exit(f"error: {error}")
