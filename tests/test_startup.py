"""What a job imports is most of what a short one takes; none loads libraries that its stage does not use."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"
LIBRARIES = {
    "av",
    "cv2",
    "jinja2",
    "matplotlib",
    "pandas",
    "pydantic",
    "scipy",
    "skimage",
    "sklearn",
    "torch",
    "tqdm",
    "yaml",
}
TABLES = {"pandas"}
STAGES = {
    "demo": {"av", "cv2", "pydantic"},
    "index": {"av"},  # and pandas, when it reads the gaze
    "frames": {"av", "cv2", "pydantic"},
    "fixations": {"pydantic", *TABLES},
    "events": {"pydantic", "scipy", *TABLES},  # and scikit-learn, when it clusters
    "reliability": {"pydantic", *TABLES},  # and SciPy and scikit-learn, when it detects
    "saliency": {"cv2", "pydantic", *TABLES},
    "viewports": {"av", "cv2", "pydantic", *TABLES},
    "sheets": {"av", "cv2", *TABLES},
    "captions": {"pydantic", *TABLES},
    "tasks": TABLES,
    "assemble": {"cv2", "pydantic", *TABLES},
    "evaluate_fold": {"av", "cv2", "pydantic", *TABLES},  # and PyTorch, where there is a model
    "evaluate": {"matplotlib", "pydantic", *TABLES},
}


def imported_by(code: str) -> set[str]:
    """Those of the LIBRARIES that Python has loaded after `code`."""
    code = f"{code}\nimport sys\nprint(*{LIBRARIES!r} & sys.modules.keys())"
    return set(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split())


@pytest.mark.parametrize("stage", STAGES)
def test_a_job_imports_only_what_its_stage_uses(stage: str) -> None:
    script = ast.parse((SCRIPTS / f"{stage}.py").read_text("utf-8")).body
    imports = [ast.unparse(line) for line in script if isinstance(line, ast.Import | ast.ImportFrom)]
    assert imported_by("\n".join(imports)) == STAGES[stage]


def test_the_package_alone_imports_nothing_slow() -> None:
    assert (
        imported_by("import tsalv360, tsalv360.job.files, tsalv360.job.log, tsalv360.sphere, tsalv360.contracts.grid")
        == set()
    )
    code = "import sys, tsalv360; print('importlib.metadata' in sys.modules, tsalv360.__version__)"
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert re.fullmatch(r"False \d+\.\d+\.\d+\n", output)


def test_a_model_of_small_encoders_does_without_open_clip() -> None:
    model = "from tsalv360.model import ModelSettings, TSalV360; TSalV360(ModelSettings.tiny())"
    code = f"import sys; {model}; sys.exit('open_clip' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_environment_of_label_studio_is_made_without_any_extra() -> None:
    code = "import sys; sys.modules |= dict.fromkeys(['httpx', 'label_studio_sdk']); import tsalv360.curation.server"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.slow
def test_imports_of_jobs_are_compiled_once_even_where_python_must_not_write_byte_code(tmp_path: Path) -> None:
    for name in ("torch", "transformers", "open_clip", "accelerate"):  # as after `make demo`
        (tmp_path / "hidden" / name).mkdir(parents=True)
        (tmp_path / "hidden" / name / "__init__.py").write_text("raise ModuleNotFoundError('not installed')")
    variables = {
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPYCACHEPREFIX": str(tmp_path),
        "PYTHONPATH": str(tmp_path / "hidden"),
    }
    subprocess.run([sys.executable, "-m", "tsalv360.job.libraries"], check=True, env={**os.environ, **variables})
    written = {"/".join(path.parts[-3:]).partition(".cpython")[0] for path in tmp_path.rglob("*.pyc")}
    assert written >= {
        "pandas/core/frame",
        "site-packages/snakemake/cli",
        "site-packages/tqdm/std",
        "sklearn/cluster/__init__",
        "tsalv360/events/detect",
        "tsalv360/explorer/index_page",
    }
