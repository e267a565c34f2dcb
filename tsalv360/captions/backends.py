"""The captioners by name, what each needs to be installed, and whether it is."""

from importlib.util import find_spec

from tsalv360.captions.captioner import Captioner
from tsalv360.captions.settings import Backend, CaptionSettings
from tsalv360.job.errors import InputError
from tsalv360.job.libraries import require_extra

_LLAVA = ("torch", "torchvision", "transformers", "accelerate")
_MODULES: dict[Backend, tuple[str, ...]] = {
    "facts": (),
    "llava-next-video": _LLAVA,
    "llava-next": _LLAVA,
    "endpoint": ("openai",),
}


def load_captioner(backend: Backend, settings: CaptionSettings) -> Captioner:
    """The captioner of that name; its libraries are imported here and by nothing else. InputError if it cannot work."""
    check_installed(settings)
    if backend == "facts":
        from tsalv360.captions.facts import Facts

        return Facts()
    if backend == "endpoint":
        from tsalv360.captions.endpoint import Endpoint

        return Endpoint(settings.endpoint, settings.max_tokens)
    from tsalv360.captions.llava import Llava

    return Llava(backend, settings.llava, settings.max_tokens)


def check_installed(settings: CaptionSettings) -> None:
    """InputError with the line that installs it where a library of one of the backends is missing. Imports none."""
    for backend in settings.backends:
        require_extra(f"captions.backends: {backend}", "captions", _MODULES[backend])
    if needs_gpu(settings) and settings.llava.four_bit and find_spec("bitsandbytes") is None:
        raise InputError(
            "captions.llava.four_bit", "no bitsandbytes", "it for weights in 4 bit", "pip install bitsandbytes"
        )
    if "endpoint" in settings.backends and not settings.endpoint.model:
        raise InputError(
            "captions.endpoint.model", "no name", "that of a model on the server", "Set captions.endpoint.model."
        )


def needs_extra(settings: CaptionSettings) -> bool:
    """Whether any backend needs the extra `captions`."""
    return any(_MODULES[backend] for backend in settings.backends)


def loads_model(settings: CaptionSettings) -> bool:
    """Whether any backend loads the weights of a model on this machine."""
    return any(_MODULES[backend] == _LLAVA for backend in settings.backends)


def needs_gpu(settings: CaptionSettings) -> bool:
    """Whether any backend runs a model on this machine's GPU."""
    return loads_model(settings) and settings.llava.device_map != "cpu"
